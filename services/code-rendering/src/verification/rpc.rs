//! `VerifyToken`: parse, call, map.

use lutong_chassis::skin::Query;
use lutong_kernel::Fault;
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::{Colour as WireColour, LocalisedText};
use lutong_skin::code_rendering::v1::VerificationHandler;
use lutong_token::{Kind, Outcome};
use lutong_transport::access::BearerPermit;

use super::service::{Verification, VerificationResult};
use crate::checkpoint_devices::service::CheckpointDevices;

pub struct VerificationRpc {
    pub verification: Verification,
    pub devices: CheckpointDevices,
}

impl VerificationHandler for VerificationRpc {
    async fn verify_token(
        &self,
        call: Query<BearerPermit>,
        message: wire::VerifyTokenRequest,
    ) -> Result<wire::VerifyTokenResponse, Fault> {
        self.devices.check(&call.grant.principal().account).await?;
        let verified = self.verification.verify(call.permit, &message.token);
        Ok(verified.await?.into())
    }

    async fn verify_token_for_partner(
        &self,
        call: Query<BearerPermit>,
        message: wire::VerifyTokenForPartnerRequest,
    ) -> Result<wire::VerifyTokenForPartnerResponse, Fault> {
        let verified = self.verification.verify_held(call.permit, &message.token);
        let (result, subject) = verified.await?;
        Ok(wire::VerifyTokenForPartnerResponse {
            outcome: outcome(result.outcome).into(),
            colour: result.colour.map(|colour| WireColour::from(colour).into()),
            subject_id: subject.map(|subject| subject.to_string()).unwrap_or_default(),
        })
    }

    async fn resolve_token(
        &self,
        call: Query<BearerPermit>,
        message: wire::ResolveTokenRequest,
    ) -> Result<wire::ResolveTokenResponse, Fault> {
        let resolved = self.verification.resolve(call.permit, &message.token).await?;
        Ok(match resolved {
            Err(refused) => wire::ResolveTokenResponse {
                outcome: outcome(refused).into(),
                ..wire::ResolveTokenResponse::default()
            },
            Ok(resolved) => {
                let now = if resolved.is_changed {
                    Outcome::Superseded
                } else {
                    Outcome::Valid
                };
                wire::ResolveTokenResponse {
                    outcome: outcome(now).into(),
                    subject_id: resolved.subject.to_string(),
                    on_paper: resolved.kind == Kind::Paper,
                    on_card: resolved.kind == Kind::Card,
                }
            }
        })
    }
}

const fn outcome(outcome: Outcome) -> wire::VerificationOutcome {
    match outcome {
        Outcome::Valid => wire::VerificationOutcome::Valid,
        Outcome::Expired => wire::VerificationOutcome::Expired,
        Outcome::NotYetValid => wire::VerificationOutcome::NotYetValid,
        Outcome::Revoked => wire::VerificationOutcome::Revoked,
        Outcome::Superseded => wire::VerificationOutcome::Superseded,
        Outcome::WrongKey => wire::VerificationOutcome::WrongKey,
        Outcome::BadSignature => wire::VerificationOutcome::BadSignature,
        Outcome::WrongKind => wire::VerificationOutcome::WrongKind,
        Outcome::WrongIssuer => wire::VerificationOutcome::WrongIssuer,
        Outcome::Unreadable => wire::VerificationOutcome::Unreadable,
    }
}

/// The texts that explain an outcome to the person at the door.
const fn outcome_words(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Valid => ("有效", "valid"),
        Outcome::Expired => (
            "已过期，请刷新后重新出示",
            "expired: refresh the code and show it again",
        ),
        Outcome::NotYetValid => ("尚未生效，请核对时间", "not valid yet: check the clocks"),
        Outcome::Revoked => ("已撤销", "revoked"),
        Outcome::Superseded => (
            "颜色已变化，请以当前颜色为准",
            "the colour has changed since it was issued: the one given now counts",
        ),
        Outcome::WrongKey => ("签发密钥未知", "signed with a key that is not known here"),
        Outcome::BadSignature => (
            "签名不符，可能系伪造",
            "the signature does not match: forged or damaged",
        ),
        Outcome::WrongKind => ("此处不接受该类型的码", "a code of this kind is not accepted here"),
        Outcome::WrongIssuer => (
            "签发地区与密钥不符",
            "issued by another province than the key speaks for",
        ),
        Outcome::Unreadable => ("不是健康通行码", "not a health pass code"),
    }
}

impl From<VerificationResult> for wire::VerifyTokenResponse {
    fn from(result: VerificationResult) -> Self {
        let (zh, en) = outcome_words(result.outcome);
        Self {
            outcome: outcome(result.outcome).into(),
            colour: result.colour.map(|colour| WireColour::from(colour).into()),
            name_mask: result
                .mask
                .map(|mask| mask.expose().to_owned())
                .unwrap_or_default(),
            verify_time: Some(time::from_micros(result.at.micros())),
            message: Some(LocalisedText {
                zh: zh.to_owned(),
                en: en.to_owned(),
            }),
        }
    }
}
