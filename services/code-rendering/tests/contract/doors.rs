//! Officers, checkpoints and devices of the tests of doors.

use lutong_kernel::{DivisionCode, Fault, ServiceName, Timestamp};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::checkpoint_device_service_client::CheckpointDeviceServiceClient;
use lutong_proto::code_rendering::v1::checkpoint_service_client::CheckpointServiceClient;
use lutong_proto::code_rendering::v1::door_report_service_client::DoorReportServiceClient;
use lutong_proto::code_rendering::v1::verification_service_client::VerificationServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::time;
use lutong_transport::access::{Principal, Roles};
use lutong_transport::client::MeshChannel;
use tonic::{Request, Response, Status};

use crate::{Codes, fault};

pub fn principal(account: &str, role: Role, division: &str) -> Principal {
    Principal {
        account: account.to_owned(),
        roles: Roles::of(&[role]),
        subject: None,
        division: DivisionCode::parse(division).ok(),
        feed: None,
        desks: Vec::new(),
    }
}

pub fn request_id(n: u32) -> String {
    format!("00000000-0000-7000-c000-{n:012}")
}

pub fn answer<T>(answer: Result<Response<T>, Status>) -> Result<T, Fault> {
    answer.map(Response::into_inner).map_err(|status| fault(&status))
}

/// `REASON`, or `field REASON` of the first violation.
pub fn reason<T>(answer: Result<T, Fault>) -> String {
    match answer {
        Ok(_) => "answered".to_owned(),
        Err(fault) => match fault.violations.first() {
            None => fault.reason.into_owned(),
            Some(one) => format!("{} {}", one.field, one.reason),
        },
    }
}

/// Somebody who calls over the gateway.
pub struct Person<'a> {
    pub codes: &'a Codes,
    pub principal: Principal,
}

impl Codes {
    pub fn caller(&self, principal: Principal) -> Person<'_> {
        Person {
            codes: self,
            principal,
        }
    }

    /// A health officer of a division.
    pub fn officer(&self, division: &str) -> Person<'_> {
        self.caller(principal(
            &format!("officer-{division}"),
            Role::HealthOfficer,
            division,
        ))
    }

    /// The account of a device.
    pub fn device(&self, device: &wire::CheckpointDevice) -> Person<'_> {
        let account = format!("device:{}", device.checkpoint_device_id);
        self.caller(principal(&account, Role::Checkpoint, "370202"))
    }

    /// Exchanges a credential in the gateway's name.
    pub async fn exchange(&self, credential: &str) -> Result<wire::ExchangeDeviceCredentialResponse, Fault> {
        let call = lutong_transport::client::Call::background(std::time::Duration::from_secs(5));
        let request = call.request(wire::ExchangeDeviceCredentialRequest {
            credential: credential.to_owned(),
        });
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::Gateway);
        answer(
            CheckpointDeviceServiceClient::new(channel)
                .exchange_device_credential(request)
                .await,
        )
    }
}

impl Person<'_> {
    fn channel(&self) -> MeshChannel {
        self.codes.0.channel(ServiceName::CodeRendering, Caller::Gateway)
    }

    pub fn request<M>(&self, message: M) -> Request<M> {
        self.codes.0.call_as(&self.principal).request(message)
    }

    pub fn checkpoints(&self) -> CheckpointServiceClient<MeshChannel> {
        CheckpointServiceClient::new(self.channel())
    }

    pub fn devices(&self) -> CheckpointDeviceServiceClient<MeshChannel> {
        CheckpointDeviceServiceClient::new(self.channel())
    }

    pub fn reports(&self) -> DoorReportServiceClient<MeshChannel> {
        DoorReportServiceClient::new(self.channel())
    }

    pub async fn try_to_create(&self, n: u32, place_name: &str) -> Result<wire::Checkpoint, Fault> {
        let division = self.principal.division.unwrap().to_string();
        self.create_in(n, place_name, &division).await
    }

    pub async fn create_in(
        &self,
        n: u32,
        place_name: &str,
        division: &str,
    ) -> Result<wire::Checkpoint, Fault> {
        let request = self.request(wire::CreateCheckpointRequest {
            request_id: request_id(n),
            kind: wire::CheckpointKind::Mall.into(),
            division: division.to_owned(),
            place_name: place_name.to_owned(),
        });
        let created = answer(self.checkpoints().create_checkpoint(request).await);
        created.map(|created| created.checkpoint.unwrap())
    }

    pub async fn create(&self, n: u32) -> wire::Checkpoint {
        self.try_to_create(n, "台东步行街北口").await.unwrap()
    }

    pub async fn get(&self, name: &str) -> Result<wire::Checkpoint, Fault> {
        let request = self.request(wire::GetCheckpointRequest {
            name: name.to_owned(),
        });
        let found = answer(self.checkpoints().get_checkpoint(request).await);
        found.map(|found| found.checkpoint.unwrap())
    }

    pub async fn list(
        &self,
        message: wire::ListCheckpointsRequest,
    ) -> Result<wire::ListCheckpointsResponse, Fault> {
        let request = self.request(message);
        answer(self.checkpoints().list_checkpoints(request).await)
    }

    pub async fn end(&self, n: u32, name: &str, etag: &str) -> Result<wire::Checkpoint, Fault> {
        let request = self.request(wire::EndCheckpointRequest {
            request_id: request_id(n),
            name: name.to_owned(),
            etag: etag.to_owned(),
        });
        let ended = answer(self.checkpoints().end_checkpoint(request).await);
        ended.map(|ended| ended.checkpoint.unwrap())
    }

    pub async fn try_to_add(
        &self,
        n: u32,
        checkpoint: &str,
        label: &str,
    ) -> Result<wire::CreateCheckpointDeviceResponse, Fault> {
        let request = self.request(wire::CreateCheckpointDeviceRequest {
            request_id: request_id(n),
            checkpoint: checkpoint.to_owned(),
            label: label.to_owned(),
        });
        answer(self.devices().create_checkpoint_device(request).await)
    }

    /// A device with its first credential.
    pub async fn add(&self, n: u32, checkpoint: &str) -> (wire::CheckpointDevice, String) {
        let added = self.try_to_add(n, checkpoint, "北门1号").await.unwrap();
        (added.checkpoint_device.unwrap(), added.credential)
    }

    pub async fn devices_of(
        &self,
        checkpoint: &str,
        state: wire::CheckpointDeviceState,
    ) -> Result<Vec<wire::CheckpointDevice>, Fault> {
        let request = self.request(wire::ListCheckpointDevicesRequest {
            checkpoint: checkpoint.to_owned(),
            state: state.into(),
            ..wire::ListCheckpointDevicesRequest::default()
        });
        let listed = answer(self.devices().list_checkpoint_devices(request).await);
        listed.map(|listed| listed.checkpoint_devices)
    }

    pub async fn end_device(&self, n: u32, name: &str, etag: &str) -> Result<wire::CheckpointDevice, Fault> {
        let request = self.request(wire::EndCheckpointDeviceRequest {
            request_id: request_id(n),
            name: name.to_owned(),
            etag: etag.to_owned(),
        });
        let ended = answer(self.devices().end_checkpoint_device(request).await);
        ended.map(|ended| ended.checkpoint_device.unwrap())
    }

    pub async fn heartbeat(&self) -> Result<wire::SendHeartbeatResponse, Fault> {
        let request = self.request(wire::SendHeartbeatRequest {});
        answer(self.devices().send_heartbeat(request).await)
    }

    pub async fn verify(&self, token: &str) -> Result<wire::VerifyTokenResponse, Fault> {
        let request = self.request(wire::VerifyTokenRequest {
            token: token.to_owned(),
        });
        let mut client = VerificationServiceClient::new(self.channel());
        answer(client.verify_token(request).await)
    }

    pub async fn report_at(
        &self,
        n: u32,
        token: &str,
        scanned_at: Option<Timestamp>,
        checkpoint: &str,
    ) -> Result<wire::CreateDoorReportResponse, Fault> {
        let request = self.request(wire::CreateDoorReportRequest {
            request_id: request_id(n),
            token: token.to_owned(),
            scan_time: scanned_at.map(|at| time::from_micros(at.micros())),
            checkpoint: checkpoint.to_owned(),
        });
        answer(self.reports().create_door_report(request).await)
    }

    pub async fn report(&self, n: u32, token: &str) -> Result<wire::CreateDoorReportResponse, Fault> {
        self.report_at(n, token, None, "").await
    }

    pub async fn reports_of(
        &self,
        message: wire::ListDoorReportsRequest,
    ) -> Result<wire::ListDoorReportsResponse, Fault> {
        let request = self.request(message);
        answer(self.reports().list_door_reports(request).await)
    }

    pub async fn all_reports(&self) -> Vec<wire::DoorReport> {
        let listed = self.reports_of(wire::ListDoorReportsRequest::default()).await;
        listed.unwrap().door_reports
    }

    pub async fn door_report(&self, name: &str) -> Result<wire::DoorReport, Fault> {
        let request = self.request(wire::GetDoorReportRequest {
            name: name.to_owned(),
        });
        let found = answer(self.reports().get_door_report(request).await);
        found.map(|found| found.door_report.unwrap())
    }

    pub async fn acknowledge(&self, n: u32, name: &str, etag: &str) -> Result<wire::DoorReport, Fault> {
        let request = self.request(wire::AcknowledgeDoorReportRequest {
            request_id: request_id(n),
            name: name.to_owned(),
            etag: etag.to_owned(),
        });
        let done = answer(self.reports().acknowledge_door_report(request).await);
        done.map(|done| done.door_report.unwrap())
    }

    pub async fn close(
        &self,
        n: u32,
        name: &str,
        etag: &str,
        outcome: wire::DoorReportOutcome,
    ) -> Result<wire::DoorReport, Fault> {
        let request = self.request(wire::CloseDoorReportRequest {
            request_id: request_id(n),
            name: name.to_owned(),
            etag: etag.to_owned(),
            outcome: outcome.into(),
        });
        let done = answer(self.reports().close_door_report(request).await);
        done.map(|done| done.door_report.unwrap())
    }
}
