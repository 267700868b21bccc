//! The ward of a binding, for whom an application is made.

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1::GetWardRequest;
use lutong_proto::identity::v1::identity_service_client::IdentityServiceClient;
use lutong_transport::client::{self, Call};

use super::{Peers, RegisteredPerson, contract_violation};

impl Peers {
    /// The ward of a binding of the caller's, by the name of the binding.
    pub async fn ward(&self, call: &Call, binding: &str) -> Result<RegisteredPerson, Fault> {
        let request = call.request(GetWardRequest {
            binding: binding.to_owned(),
        });
        let answer = IdentityServiceClient::new(self.identity.clone())
            .get_ward(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::Identity, ""))?
            .into_inner();
        Ok(RegisteredPerson {
            normalisations: String::new(),
            waiting_for: None,
            subject: answer
                .subject_id
                .parse()
                .map_err(|error| contract_violation(ServiceName::Identity, &error))?,
        })
    }
}
