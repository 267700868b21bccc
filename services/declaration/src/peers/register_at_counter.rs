//! Registering a person for whom counter staff enter an application.

use lutong_kernel::{Fault, RequestId, ServiceName};
use lutong_proto::identity::v1::RegisterAtCounterRequest;
use lutong_proto::identity::v1::identity_service_client::IdentityServiceClient;
use lutong_transport::client::{self, Call};

use super::{Peers, PersonItems, RegisteredPerson, contract_violation};

impl Peers {
    /// Registers a person on behalf of counter staff. `path` is the field of the person's form in the caller's request.
    pub async fn register_at_counter(
        &self,
        call: &Call,
        request_id: RequestId,
        person: PersonItems,
        path: &str,
    ) -> Result<RegisteredPerson, Fault> {
        let request = call.request(RegisterAtCounterRequest {
            request_id: request_id.to_string(),
            person: Some(person),
        });
        let answer = IdentityServiceClient::new(self.identity.clone())
            .register_at_counter(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::Identity, path))?
            .into_inner();
        let notes = answer.normalisations().map(|note| note.as_str_name());
        Ok(RegisteredPerson {
            normalisations: notes.collect::<Vec<_>>().join(" "),
            waiting_for: None,
            subject: answer
                .subject_id
                .parse()
                .map_err(|error| contract_violation(ServiceName::Identity, &error))?,
        })
    }
}
