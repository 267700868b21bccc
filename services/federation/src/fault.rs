//! Every reason that this service answers, with its code, its two texts and its metadata. Reasons of the kernel and the chassis are
//! not repeated.

use lutong_kernel::{Fault, FaultCode};
use lutong_token::Outcome;

/// The code of another province is not accepted; the metadata says which check it failed.
pub fn partner_code_refused(outcome: Outcome) -> Fault {
    let (zh, en) = match outcome {
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
    };
    Fault::new(FaultCode::FailedPrecondition, "PARTNER_CODE_REFUSED", zh, en)
        .with("outcome", outcome.into_str())
}
