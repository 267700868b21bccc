//! Codes and what doors are told, on the wire.

use lutong_kernel::{Colour, Fault};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::{Colour as WireColour, LocalisedText};
use lutong_token::{Outcome, TrustedKey};

use crate::domain::picture::{self, DrawError};
use crate::service::showing::Shown;
use crate::service::verification::Verified;

fn word(colour: Colour) -> LocalisedText {
    let en = match colour {
        Colour::Green => "green: low risk",
        Colour::Yellow => "yellow: medium risk",
        Colour::Red => "red: high risk",
    };
    LocalisedText {
        zh: format!("{}（{}）", colour.word_zh(), colour.risk_zh()),
        en: en.to_owned(),
    }
}

pub fn image(token: &str, format: wire::ImageFormat) -> Result<Option<wire::Image>, Fault> {
    let drawn = |media_type: &str, data: Result<Vec<u8>, DrawError>| match data {
        Ok(data) => Ok(Some(wire::Image {
            media_type: media_type.to_owned(),
            data,
        })),
        Err(error) => {
            tracing::error!(%error, "a code was not drawn");
            Err(Fault::internal())
        }
    };
    match format {
        wire::ImageFormat::Unspecified => Ok(None),
        wire::ImageFormat::Svg => drawn("image/svg+xml", picture::svg(token).map(String::into_bytes)),
        wire::ImageFormat::Png => drawn("image/png", picture::png(token)),
        wire::ImageFormat::Terminal => drawn(
            "text/plain; charset=utf-8",
            picture::terminal(token).map(String::into_bytes),
        ),
    }
}

pub fn shown(shown: Shown, image: Option<wire::Image>) -> wire::ShowCodeResponse {
    let Shown {
        token,
        code,
        mask,
        issued_at,
        expires_at,
    } = shown;
    wire::ShowCodeResponse {
        token,
        colour: WireColour::from(code.colour).into(),
        word: Some(word(code.colour)),
        shape: code.colour.shape().to_owned(),
        name_mask: mask.map(|mask| mask.expose().to_owned()).unwrap_or_default(),
        issue_time: Some(time::from_micros(issued_at.micros())),
        expire_time: Some(time::from_micros(expires_at.micros())),
        version: code.version,
        image,
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

/// What to tell the person at the door.
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

impl From<Verified> for wire::VerifyTokenResponse {
    fn from(verified: Verified) -> Self {
        let (zh, en) = outcome_words(verified.outcome);
        Self {
            outcome: outcome(verified.outcome).into(),
            colour: verified.colour.map(|colour| WireColour::from(colour).into()),
            name_mask: verified
                .mask
                .map(|mask| mask.expose().to_owned())
                .unwrap_or_default(),
            verify_time: Some(time::from_micros(verified.at.micros())),
            message: Some(LocalisedText {
                zh: zh.to_owned(),
                en: en.to_owned(),
            }),
        }
    }
}

/// `keys/{key}`.
pub fn key_name(trusted: &TrustedKey) -> String {
    format!("keys/{}", trusted.key.kid())
}

pub fn public_key(trusted: &TrustedKey) -> Result<wire::Key, Fault> {
    let der = trusted.key.to_spki_der().map_err(|error| {
        tracing::error!(%error, "a public key was not written");
        Fault::internal()
    })?;
    let issuer = trusted.issuers.first().map(ToString::to_string);
    Ok(wire::Key {
        name: key_name(trusted),
        key_id: trusted.key.kid().to_string(),
        algorithm: i32::try_from(trusted.key.algorithm().cose_number()).unwrap_or_default(),
        public_key: der,
        issuer: issuer.unwrap_or_default(),
    })
}
