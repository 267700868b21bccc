//! `RegistrationService`: parse, call, map.

use lutong_chassis::skin::Mutation;
use lutong_kernel::Fault;
use lutong_proto::identity::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::identity::v1::RegistrationHandler;
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;

use super::confirmation::Confirmation;
use super::domain::State;
use super::service::Registrations;
use super::store::shown_documents::StoredRegistration;
use crate::people::rpc::stated_document;

const COLLECTION: &str = "registrations";

pub struct RegistrationRpc(pub Registrations);

impl RegistrationHandler for RegistrationRpc {
    async fn confirm_registration(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ConfirmRegistrationRequest,
    ) -> Result<wire::ConfirmRegistrationResponse, Fault> {
        let document = reply::required(message.document.as_ref(), "document").map_err(reply::wrong)?;
        let confirmation = Confirmation {
            permit: call.permit,
            request: call.request,
            id: reply::uuid_of(&message.name, COLLECTION)?,
            document: stated_document(document),
            full_name: &message.full_name,
        };
        let confirmed = self.0.confirm(confirmation).await?;
        Ok(wire::ConfirmRegistrationResponse {
            registration: Some(confirmed.into()),
        })
    }
}

impl From<State> for wire::RegistrationState {
    fn from(state: State) -> Self {
        match state {
            State::Waiting => Self::Waiting,
            State::Proved => Self::Proved,
            State::Refused => Self::Refused,
            State::Expired => Self::Expired,
            State::Replaced => Self::Replaced,
        }
    }
}

impl From<StoredRegistration> for wire::Registration {
    fn from(stored: StoredRegistration) -> Self {
        Self {
            name: format!("{COLLECTION}/{}", stored.id),
            registration_id: stored.id.to_string(),
            state: wire::RegistrationState::from(stored.state).into(),
            create_time: Some(instant(stored.created_at)),
            end_time: stored.ended_at.map(instant),
        }
    }
}
