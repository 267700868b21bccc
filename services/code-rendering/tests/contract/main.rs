//! Contract tests of code-rendering, on both engines. Identity is away unless a test binds it.

#![allow(clippy::unwrap_used)]

mod assisted_paper_codes;
mod audit;
mod bindings;
mod card_codes;
mod checkpoint_devices;
mod checkpoints;
mod codes;
mod device_bound_codes;
mod door_reports;
mod doors;
mod event_log;
mod keys;
mod paper_codes;
mod render;
mod revocations;
mod showing;
mod staff_sign_ins;
mod verification;

use std::time::Duration;

use lutong_code_rendering::{CodeRenderingConfig, Migrations, Peers};
use lutong_kernel::{Fault, ServiceName, SubjectId, Timestamp};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::code_rendering::v1::verification_service_client::VerificationServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::risk_rules::v1::AppliedDecision;
use lutong_proto::time;
use lutong_proto::types::v1::Colour;
use lutong_storage::StorageConfig;
use lutong_testing::Bed;
use wire::VerificationOutcome as Outcome;

struct Codes(Bed);

async fn start(bed: Bed) -> Codes {
    start_with_storage(bed).await.0
}

async fn start_with_storage(bed: Bed) -> (Codes, StorageConfig) {
    let storage = bed.storage::<Migrations>(ServiceName::CodeRendering).await;
    build(&bed, &storage).await;
    (Codes(bed), storage)
}

async fn build(bed: &Bed, storage: &StorageConfig) {
    build_with(bed, storage, &CodeRenderingConfig::default()).await;
}

async fn build_with(bed: &Bed, storage: &StorageConfig, config: &CodeRenderingConfig) {
    let peers = Peers {
        identity: bed.channel(ServiceName::Identity, Caller::CodeRendering),
        risk_rules: bed.channel(ServiceName::RiskRules, Caller::CodeRendering),
    };
    let component = lutong_code_rendering::build(&bed.foundation, storage, config, peers).await;
    bed.bind(component.unwrap());
}

fn subject(n: u32) -> SubjectId {
    format!("00000000-0000-7000-8000-{n:012}").parse().unwrap()
}

fn decision(n: u32, colour: Colour, version: i64) -> AppliedDecision {
    let at = Timestamp::parse("2022-11-26T12:00:00+08:00").unwrap();
    AppliedDecision {
        decision_id: format!("00000000-0000-7000-9000-{version:012}"),
        subject_id: subject(n).to_string(),
        colour: colour.into(),
        version,
        evaluate_time: Some(time::from_micros(at.micros())),
        next_change_time: None,
    }
}

fn fault(status: &tonic::Status) -> Fault {
    lutong_transport::status::to_fault(status, "code-rendering")
}

impl Codes {
    async fn apply(&self, decisions: Vec<AppliedDecision>) -> i64 {
        self.try_to_apply(decisions).await.unwrap()
    }

    async fn try_to_apply(&self, decisions: Vec<AppliedDecision>) -> Result<i64, Fault> {
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::RiskRules);
        let call = lutong_transport::client::Call::background(Duration::from_secs(5));
        let request = call.request(wire::ApplyDecisionsRequest { decisions });
        let answer = CodeServiceClient::new(channel).apply_decisions(request).await;
        answer
            .map(|answer| answer.into_inner().applied)
            .map_err(|status| fault(&status))
    }

    async fn show_of(
        &self,
        n: u32,
        subject_id: &str,
        format: wire::ImageFormat,
    ) -> Result<wire::ShowCodeResponse, Fault> {
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::Gateway);
        let call = self.0.call_as(&lutong_testing::citizen("wx-1", Some(subject(n))));
        let request = call.request(wire::ShowCodeRequest {
            subject_id: subject_id.to_owned(),
            image_format: format.into(),
        });
        let answer = CodeServiceClient::new(channel).show_code(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    async fn show(&self, n: u32) -> Result<wire::ShowCodeResponse, Fault> {
        self.show_of(n, "", wire::ImageFormat::Unspecified).await
    }

    async fn verify(&self, token: &str) -> Result<wire::VerifyTokenResponse, Fault> {
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::Gateway);
        let mut checkpoint = lutong_testing::citizen("door-1", None);
        checkpoint.roles = lutong_transport::access::Roles::of(&[Role::Checkpoint]);
        let request = self.0.call_as(&checkpoint).request(wire::VerifyTokenRequest {
            token: token.to_owned(),
        });
        let answer = VerificationServiceClient::new(channel)
            .verify_token(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    async fn outcome(&self, token: &str) -> Outcome {
        self.verify(token).await.unwrap().outcome()
    }
}
