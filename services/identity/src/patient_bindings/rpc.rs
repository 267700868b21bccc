//! `PatientBindingService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation};
use lutong_kernel::{Fault, PatientBindingId};
use lutong_proto::identity::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::identity::v1::PatientBindingHandler;
use lutong_transport::access::{DivisionPermit, SelfPermit};
use lutong_transport::reply;

use super::service::{PatientBindings, View};
use crate::health_cards::rpc::read_in;
use crate::medical_institutions::domain::State;

const COLLECTION: &str = "patient-bindings";
/// Characters of a patient number, as the contract bounds them.
const LONGEST_NUMBER: usize = 64;

pub struct PatientBindingRpc(pub PatientBindings);

impl PatientBindingHandler for PatientBindingRpc {
    async fn create_patient_binding(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreatePatientBindingRequest,
    ) -> Result<wire::CreatePatientBindingResponse, Fault> {
        let read = read_in("health_card_read", &message.health_card_read)?;
        let number = reply::text(&message.patient_number, "patient_number", LONGEST_NUMBER);
        let bound = self.0.create(call, read, number.map_err(reply::wrong)?).await?;
        Ok(wire::CreatePatientBindingResponse {
            patient_binding: Some(bound.into()),
        })
    }

    async fn list_patient_bindings(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListPatientBindingsRequest,
    ) -> Result<wire::ListPatientBindingsResponse, Fault> {
        let (views, next_page_token) = self.0.list(&call.permit, &call.page).await?;
        Ok(wire::ListPatientBindingsResponse {
            patient_bindings: views.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn end_patient_binding(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::EndPatientBindingRequest,
    ) -> Result<wire::EndPatientBindingResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION).map(PatientBindingId::from_uuid)?;
        let ended = self.0.end(call, id, message.etag).await?;
        Ok(wire::EndPatientBindingResponse {
            patient_binding: Some(ended.into()),
        })
    }
}

impl From<View> for wire::PatientBinding {
    fn from(view: View) -> Self {
        let View {
            binding,
            patient_number,
            institution_title,
            etag,
        } = view;
        let state = match binding.state() {
            State::Active => wire::PatientBindingState::Active,
            State::Ended => wire::PatientBindingState::Ended,
        };
        Self {
            name: format!("{COLLECTION}/{}", binding.id),
            patient_binding_id: binding.id.to_string(),
            state: state.into(),
            etag: etag.into(),
            institution_title,
            patient_number,
            create_time: Some(instant(binding.created_at)),
            end_time: binding.ended_at.map(instant),
        }
    }
}
