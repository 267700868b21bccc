//! Exchanges with partners.

use std::time::Duration;

use lutong_kernel::{Fault, FaultCode, Violation};

use crate::exchanges::domain::{RefusedConnection, RefusedMessage};
use crate::partners::domain::PartnerState;

/// A message of a partner is not accepted; the metadata says which check it failed.
pub fn message_refused(reason: RefusedMessage) -> Fault {
    Fault::new(
        FaultCode::Unauthenticated,
        "MESSAGE_REFUSED",
        "报文签名或报文头未通过校验",
        "the message or its signature was not accepted",
    )
    .with("outcome", reason.outcome())
}

/// A message of a partner came over a connection that is not the partner's; the metadata says which way.
pub fn partner_certificate_refused(reason: RefusedConnection) -> Fault {
    let (zh, en) = match reason {
        RefusedConnection::WrongCertificate => (
            "连接所用证书不属于报文的发送方",
            "the certificate of the connection is not that of the sender of the message",
        ),
        RefusedConnection::NoCertificate => (
            "该互认伙伴须凭证书从伙伴专用端口接入",
            "this partner calls with its certificate, at the listener for partners",
        ),
    };
    Fault::new(FaultCode::Unauthenticated, "PARTNER_CERTIFICATE_REFUSED", zh, en)
        .with("outcome", reason.into_str())
}

/// The partner is not answered now.
pub fn partner_not_served(state: PartnerState) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "PARTNER_NOT_SERVED",
        "目前不向该互认伙伴提供服务",
        "this partner is not answered now, or not by agreement",
    )
    .with("state", state.into_str())
}

/// The partner has made as many requests as were agreed.
pub fn quota_exhausted(seconds: i64) -> Fault {
    Fault::new(
        FaultCode::ResourceExhausted,
        "QUOTA_EXHAUSTED",
        "已超出约定的请求额度，请稍后再试",
        "as many requests as were agreed were made: try again later",
    )
    .retry_after(Duration::from_secs(seconds.unsigned_abs()))
}

/// No map is of this interface.
pub fn colour_map_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "COLOUR_MAP_NOT_FOUND",
        "未找到该颜色对照表",
        "there is no such colour map",
    )
}

/// No message has this number.
pub fn message_record_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "MESSAGE_RECORD_NOT_FOUND",
        "未找到该报文记录",
        "there is no such record of a message",
    )
}

/// The list that admitted the partner's key was not signed, so that nothing proves to others whose key it was.
pub fn evidence_without_list() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "EVIDENCE_WITHOUT_LIST",
        "接收该报文时生效的信任清单未经根密钥签名，无法向第三方举证",
        "no signed trust list admitted the partner's key when the message was recorded: nothing would prove to others whose key it was",
    )
}

/// A salt that somebody could try.
pub fn salt_too_short() -> Violation {
    Violation::new(
        "person.salt",
        "TOO_SHORT",
        "随机盐至少16字节，每份报文各不相同",
        "has at least 16 random bytes, others in each message",
    )
}

/// What the partner says does not count here now.
pub fn partner_not_recognised(state: PartnerState) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "PARTNER_NOT_RECOGNISED",
        "该互认伙伴的数据目前不予采信",
        "what this partner says does not count here now, or not by agreement",
    )
    .with("state", state.into_str())
}
