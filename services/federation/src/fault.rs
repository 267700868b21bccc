//! Every reason that this service answers, with its code, its two texts and its metadata. Reasons of the kernel and the chassis are
//! not repeated.

mod exchanges;
mod national_codes;
mod sharing;
mod trust;

use lutong_kernel::{Fault, FaultCode};
use lutong_token::Outcome;

use crate::partner_codes::domain::RefusedCode;

pub use exchanges::{
    colour_map_not_found, evidence_without_list, message_record_not_found, message_refused,
    partner_certificate_refused, partner_not_recognised, partner_not_served, quota_exhausted, salt_too_short,
};
pub use national_codes::{
    document, document_type_unknown, full_name, issuing_country_unknown, national_platform_not_recognised,
    national_platform_off, province_shape,
};
pub use sharing::{
    change_id_shape, conversion_not_found, conversion_rollback_not_found, key_id_shape, rollback_span,
};
pub use trust::{
    own_list, own_proposal, partner_not_found, partner_shape, proposal_not_found, state_not_proposable,
    trust_list_not_found, trust_list_refused, trust_list_shrunken, trust_root_missing,
};

/// The code of another province is not accepted; the metadata says which check it failed.
pub fn partner_code_refused(refused: RefusedCode) -> Fault {
    let (zh, en) = match refused {
        RefusedCode::NotRecognised(_) => (
            "该地区的健康码目前未纳入互认",
            "codes of this province are not recognised here now",
        ),
        RefusedCode::UnknownColour(_) => (
            "该地区健康码的颜色无法识别",
            "nobody here can read the colour of this code",
        ),
        RefusedCode::Token(outcome) => words(outcome),
    };
    let fault = Fault::new(FaultCode::FailedPrecondition, "PARTNER_CODE_REFUSED", zh, en)
        .with("outcome", refused.outcome());
    match refused {
        RefusedCode::NotRecognised(state) => fault.with("state", state.into_str()),
        RefusedCode::Token(_) | RefusedCode::UnknownColour(_) => fault,
    }
}

const fn words(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Expired => (
            "外省健康码已过期，请刷新后重新扫描",
            "the code has expired: refresh it and scan it again",
        ),
        Outcome::NotYetValid => ("外省健康码尚未生效", "the code is not valid yet"),
        Outcome::Revoked => ("外省健康码或其密钥已撤销", "the code or its key was revoked"),
        Outcome::WrongKey => (
            "签发密钥不在互认名单内",
            "signed with a key that is not on the trust list",
        ),
        Outcome::BadSignature => (
            "签名不符，可能系伪造",
            "the signature does not match: forged or damaged",
        ),
        Outcome::WrongKind => ("不接受该类型的码", "a code of this kind is not converted"),
        Outcome::WrongIssuer => (
            "签发地区与密钥不符",
            "issued by another province than its key may speak for",
        ),
        Outcome::Unreadable => ("不是可识别的健康码", "not a code that can be read"),
        Outcome::Valid | Outcome::Superseded => ("外省健康码未通过核验", "the code was not accepted"),
    }
}

/// Nobody is trusted until a list is signed anew.
pub fn trust_list_expired() -> Fault {
    Fault::new(
        FaultCode::Unavailable,
        "TRUST_LIST_EXPIRED",
        "互认信任清单已过期，暂无法核验外省健康码",
        "the trust list has expired: codes of other provinces cannot be verified now",
    )
}
