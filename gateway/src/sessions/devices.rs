//! Devices of checkpoints, which code-rendering knows: a credential for the next one, and the principal that the device is.

use std::time::Duration;

use lutong_kernel::{Channel, DivisionCode, Fault, Secret, ServiceName};
use lutong_proto::code_rendering::v1::checkpoint_device_service_client::CheckpointDeviceServiceClient;
use lutong_proto::code_rendering::v1::{ExchangeDeviceCredentialRequest, ExchangeDeviceCredentialResponse};
use lutong_proto::policy::Role;
use lutong_transport::access::{Principal, Roles};
use lutong_transport::client::{Call, MeshChannel};
use lutong_transport::status;

/// How long code-rendering may take: somebody waits at the door.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks code-rendering in the gateway's own name.
#[derive(Debug, Clone)]
pub struct Devices(Option<MeshChannel>);

/// A device that has signed in.
#[derive(Debug)]
pub struct SignedInDevice {
    pub principal: Principal,
    /// What it signs in with next.
    pub credential: Secret<String>,
}

impl Devices {
    pub const fn new(code_rendering: Option<MeshChannel>) -> Self {
        Self(code_rendering)
    }

    /// Takes a credential for the next one.
    pub async fn sign_in(&self, credential: String) -> Result<SignedInDevice, Fault> {
        let part = ServiceName::CodeRendering.as_str();
        let channel = self.0.clone().ok_or_else(|| Fault::unavailable(part))?;
        let request = Call::background(PATIENCE).request(ExchangeDeviceCredentialRequest { credential });
        let answer = CheckpointDeviceServiceClient::new(channel)
            .exchange_device_credential(request)
            .await
            .map_err(|error| status::to_fault(&error, part))?;
        let device = device_of(answer.into_inner());
        device.ok_or_else(|| Fault::internal("code-rendering answered with a device that cannot be read"))
    }
}

/// None where the answer holds a value that is not valid.
fn device_of(answer: ExchangeDeviceCredentialResponse) -> Option<SignedInDevice> {
    let ExchangeDeviceCredentialResponse {
        checkpoint_device_id,
        division,
        credential,
    } = answer;
    if checkpoint_device_id.is_empty() || credential.is_empty() {
        return None;
    }
    Some(SignedInDevice {
        principal: Principal {
            account: format!("{}{checkpoint_device_id}", Channel::Device.account_prefix()),
            roles: Roles::of(&[Role::Checkpoint]),
            subject: None,
            division: Some(DivisionCode::parse(&division).ok()?),
            feed: None,
            desks: Vec::new(),
        },
        credential: Secret::new(credential),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> ExchangeDeviceCredentialResponse {
        ExchangeDeviceCredentialResponse {
            checkpoint_device_id: "00000000-0000-7000-8000-000000000001".to_owned(),
            division: "370202".to_owned(),
            credential: "LTD1.x".to_owned(),
        }
    }

    #[test]
    fn a_device_is_a_checkpoint_of_its_district_and_nothing_else() {
        let device = device_of(answer()).unwrap();
        let principal = device.principal;
        assert_eq!(principal.account, "device:00000000-0000-7000-8000-000000000001");
        assert_eq!(principal.roles, Roles::of(&[Role::Checkpoint]));
        assert_eq!(principal.division.map(DivisionCode::number), Some(370_202));
        assert!(principal.subject.is_none() && principal.feed.is_none());
    }

    #[test]
    fn an_answer_that_is_not_whole_opens_no_session() {
        let with = |change: fn(&mut ExchangeDeviceCredentialResponse)| {
            let mut answer = answer();
            change(&mut answer);
            device_of(answer)
        };
        assert!(with(|answer| answer.checkpoint_device_id.clear()).is_none());
        assert!(with(|answer| answer.division.clear()).is_none());
        assert!(with(|answer| answer.credential.clear()).is_none());
    }

    #[tokio::test]
    async fn without_code_rendering_no_device_signs_in_and_the_answer_says_what_is_away() {
        let refused = Devices::new(None).sign_in("LTD1.x".to_owned()).await;
        assert_eq!(refused.unwrap_err().reason, "PART_UNAVAILABLE");
    }
}
