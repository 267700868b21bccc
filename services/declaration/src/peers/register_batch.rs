//! Registering people whom an organisation states.

use lutong_kernel::{Fault, ServiceName, SubjectId, Violation};
use lutong_proto::identity::v1::identity_service_client::IdentityServiceClient;
use lutong_proto::identity::v1::{BatchRegistration, RegisterBatchRequest};
use lutong_transport::client::{self, Call};

use super::{Peers, PersonItems, contract_violation};

impl Peers {
    /// Registers people, and returns the subject of each or what is wrong with it, in order.
    pub async fn register_batch(
        &self,
        call: &Call,
        request_id: String,
        organisation_account: &str,
        people: Vec<PersonItems>,
    ) -> Result<Vec<Result<SubjectId, Vec<Violation>>>, Fault> {
        let wanted = people.len();
        let request = call.request(RegisterBatchRequest {
            request_id,
            organisation_account: organisation_account.to_owned(),
            people,
        });
        let answer = IdentityServiceClient::new(self.identity.clone())
            .register_batch(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::Identity, ""))?;
        let registrations = answer.into_inner().registrations;
        if registrations.len() != wanted {
            let error = &"another number of registrations than of people";
            return Err(contract_violation(ServiceName::Identity, error));
        }
        registrations.into_iter().map(outcome).collect()
    }
}

fn outcome(registration: BatchRegistration) -> Result<Result<SubjectId, Vec<Violation>>, Fault> {
    if !registration.errors.is_empty() {
        return Ok(Err(registration.errors.into_iter().map(Into::into).collect()));
    }
    let subject = registration.subject_id.parse();
    subject
        .map(Ok)
        .map_err(|error| contract_violation(ServiceName::Identity, &error))
}
