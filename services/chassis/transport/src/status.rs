//! Converts faults to `google.rpc.Status` and back: the only place that maps codes, reasons and details.

use std::borrow::Cow;
use std::collections::HashMap;

use lutong_kernel::{Fault, FaultCode, Violation};
use tonic::{Code, Status};
use tonic_types::{ErrorDetail, ErrorInfo, FieldViolation, LocalizedMessage, RetryInfo, StatusExt as _};

/// `google.rpc.ErrorInfo.domain` of every error of this system.
pub const DOMAIN: &str = "lutong";

/// The gRPC code of a fault.
pub const fn code_of(code: FaultCode) -> Code {
    match code {
        FaultCode::InvalidArgument => Code::InvalidArgument,
        FaultCode::NotFound => Code::NotFound,
        FaultCode::AlreadyExists => Code::AlreadyExists,
        FaultCode::FailedPrecondition => Code::FailedPrecondition,
        FaultCode::Aborted => Code::Aborted,
        FaultCode::PermissionDenied => Code::PermissionDenied,
        FaultCode::Unauthenticated => Code::Unauthenticated,
        FaultCode::ResourceExhausted => Code::ResourceExhausted,
        FaultCode::Unavailable => Code::Unavailable,
        FaultCode::DeadlineExceeded => Code::DeadlineExceeded,
        FaultCode::Cancelled => Code::Cancelled,
        FaultCode::Unimplemented => Code::Unimplemented,
        FaultCode::Internal => Code::Internal,
    }
}

const fn fault_code_of(code: Code) -> FaultCode {
    match code {
        Code::InvalidArgument | Code::OutOfRange => FaultCode::InvalidArgument,
        Code::NotFound => FaultCode::NotFound,
        Code::AlreadyExists => FaultCode::AlreadyExists,
        Code::FailedPrecondition => FaultCode::FailedPrecondition,
        Code::Aborted => FaultCode::Aborted,
        Code::PermissionDenied => FaultCode::PermissionDenied,
        Code::Unauthenticated => FaultCode::Unauthenticated,
        Code::ResourceExhausted => FaultCode::ResourceExhausted,
        Code::Unavailable => FaultCode::Unavailable,
        Code::DeadlineExceeded | Code::Cancelled => FaultCode::DeadlineExceeded,
        Code::Unimplemented => FaultCode::Unimplemented,
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => FaultCode::Internal,
    }
}

tokio::task_local! {
    /// The RPC that the current task handles, for the log.
    static RPC: &'static str;
}

/// Handles an RPC. The causes of internal errors that `work` answers are logged with its name.
pub(crate) fn in_rpc<F: Future>(rpc: &'static str, work: F) -> impl Future<Output = F::Output> {
    RPC.scope(rpc, work)
}

/// Logs the cause of an internal error where the fault becomes an answer, which does not have it.
pub fn log_cause(fault: &Fault, rpc: &str) {
    if let Some(cause) = fault.cause() {
        tracing::error!(rpc, cause, "an internal error is answered");
    }
}

/// The status a caller receives: English message, `ErrorInfo`, field violations, the Chinese text, retry delay. The cause of
/// an internal error is logged here and is not in the status.
pub fn from_fault(fault: Fault) -> Status {
    log_cause(&fault, RPC.try_with(|rpc| *rpc).unwrap_or_default());
    let mut details: Vec<ErrorDetail> = Vec::with_capacity(4);
    let metadata: HashMap<String, String> = fault
        .metadata
        .into_iter()
        .map(|(key, value)| (key.into_owned(), value))
        .collect();
    details.push(ErrorInfo::new(fault.reason.into_owned(), DOMAIN, metadata).into());
    if !fault.violations.is_empty() {
        let fields: Vec<FieldViolation> = fault.violations.into_iter().map(field_violation).collect();
        details.push(tonic_types::BadRequest::new(fields).into());
    }
    // Exactly one, as google/rpc/status.proto prescribes; the message itself is the English text.
    details.push(LocalizedMessage::new("zh-CN", fault.zh).into());
    if let Some(after) = fault.retry_after {
        details.push(RetryInfo::new(Some(after)).into());
    }
    Status::with_error_details_vec(code_of(fault.code), fault.en, details)
}

/// The service does not know the RPC: it runs another version.
fn not_served() -> Fault {
    Fault::new(
        FaultCode::Unimplemented,
        "NOT_SERVED",
        "当前运行的版本尚不提供此功能",
        "the version that runs there does not serve this call",
    )
}

fn field_violation(violation: Violation) -> FieldViolation {
    FieldViolation {
        field: violation.field,
        description: violation.en,
        reason: violation.reason.into_owned(),
        localized_message: Some(LocalizedMessage::new("zh-CN", violation.zh)),
    }
}

/// The fault in a status of one of our services; a foreign status becomes a fault with its code. `part` names the
/// called service, for the case that it did not answer.
pub fn to_fault(status: &Status, part: &str) -> Fault {
    let code = fault_code_of(status.code());
    let mut fault = match code {
        FaultCode::Unavailable => Fault::unavailable(part),
        FaultCode::Internal => Fault::internal_of_peer(),
        FaultCode::DeadlineExceeded => deadline_exceeded(),
        FaultCode::Unimplemented => not_served(),
        other => Fault::new(other, "REFUSED", status.message(), status.message()),
    };
    for detail in status.get_error_details_vec() {
        match detail {
            ErrorDetail::ErrorInfo(info) if info.domain == DOMAIN => {
                fault.reason = Cow::Owned(info.reason);
                status.message().clone_into(&mut fault.en);
                fault.metadata = info
                    .metadata
                    .into_iter()
                    .map(|(key, value)| (Cow::Owned(key), value))
                    .collect();
            }
            ErrorDetail::BadRequest(bad) => {
                fault.violations = bad.field_violations.into_iter().map(violation_of).collect();
            }
            ErrorDetail::LocalizedMessage(text) if text.locale == "zh-CN" => fault.zh = text.message,
            ErrorDetail::RetryInfo(retry) => fault.retry_after = retry.retry_delay,
            _ => {}
        }
    }
    fault
}

fn violation_of(violation: FieldViolation) -> Violation {
    let zh = violation
        .localized_message
        .map_or_else(|| violation.description.clone(), |text| text.message);
    Violation::new(violation.field, violation.reason, zh, violation.description)
}

/// The deadline passed before the answer arrived. The request may still take effect.
pub fn deadline_exceeded() -> Fault {
    Fault::new(
        FaultCode::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
        "处理超时，请稍后重试",
        "the answer was not there before the deadline; try again with the same request_id",
    )
    .retry_after(std::time::Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_survives_the_wire_whole() {
        let fault = Fault::invalid(vec![Violation::new(
            "person.mobile",
            "MOBILE_SHAPE",
            "手机号码应为11位",
            "a mobile has 11 digits",
        )])
        .with("declaration", "x")
        .retry_after(std::time::Duration::from_secs(2));
        assert_eq!(to_fault(&from_fault(fault.clone()), "identity"), fault);
    }

    #[test]
    fn a_status_has_one_localized_message_and_says_the_english_itself() {
        let status = from_fault(Fault::internal("a test"));
        let details = status.get_error_details_vec();
        let locales: Vec<&str> = details
            .iter()
            .filter_map(|detail| match detail {
                ErrorDetail::LocalizedMessage(text) => Some(text.locale.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(locales, ["zh-CN"]);
        assert_eq!(status.message(), Fault::internal_of_peer().en);
    }

    #[test]
    fn a_foreign_unavailable_names_the_part_that_is_away() {
        let fault = to_fault(&Status::unavailable("tcp connect error"), "identity");
        assert_eq!(fault.reason, "PART_UNAVAILABLE");
        assert!(fault.en.contains("identity") && !fault.en.contains("tcp"));
    }
}
