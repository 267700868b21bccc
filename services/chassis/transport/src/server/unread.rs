//! Messages that the transport refused before a handler read them: too large, or malformed Protobuf. The transport's
//! errors carry codes that blame the server; here they become errors that a client can act on.

use http::Response;
use lutong_kernel::{Fault, FaultCode, Violation};
use tonic::body::Body;
use tonic::{Code, Status};

use super::message::too_large;
use crate::status;

/// Prefix of prost's errors; the field path follows, innermost first, then the cause.
const UNREADABLE: &str = "failed to decode Protobuf message: ";
/// tonic's errors for malformed frames of a client stream.
const BROKEN_FRAMES: [&str; 3] = [
    "protocol error: received message with invalid compression flag",
    "Unexpected EOF decoding stream",
    "Error decompressing",
];

/// Translates such a refusal; returns any other answer unchanged. Errors of our services always have details.
pub fn explain(response: Response<Body>) -> Response<Body> {
    let headers = response.headers();
    if !headers.contains_key("grpc-status") || headers.contains_key("grpc-status-details-bin") {
        return response;
    }
    let fault = Status::from_header_map(headers).and_then(|status| fault_of(&status));
    match fault {
        Some(fault) => status::from_fault(fault).into_http(),
        None => response,
    }
}

/// The fault of a failed read from a client stream.
pub fn stream_ended(status: &Status) -> Fault {
    if let Some(fault) = fault_of(status) {
        return fault;
    }
    if status.code() == Code::Cancelled {
        return Fault::new(
            FaultCode::Cancelled,
            "CANCELLED",
            "请求已中断",
            "the client ended the call",
        );
    }
    status::to_fault(status, "lutong")
}

fn fault_of(status: &Status) -> Option<Fault> {
    match status.code() {
        Code::OutOfRange => Some(too_large()),
        Code::Internal => {
            let said = status.message();
            let broken = BROKEN_FRAMES.iter().any(|words| said.starts_with(words));
            said.strip_prefix(UNREADABLE)
                .or(broken.then_some(""))
                .map(unreadable)
        }
        _ => None,
    }
}

fn unreadable(what: &str) -> Fault {
    let field = field_of(what);
    let (reason, zh, en) = if what.ends_with("data is not UTF-8 encoded") {
        ("NOT_UTF8", "文字应为UTF-8编码", "a text is not UTF-8")
    } else {
        (
            "UNREADABLE",
            "内容无法解析",
            "is not what the contract says it is",
        )
    };
    let fault = Fault::new(
        FaultCode::InvalidArgument,
        "MESSAGE_UNREADABLE",
        format!("请求无法解析：{zh}"),
        format!("the message cannot be read: {en}"),
    );
    if field.is_empty() {
        return fault;
    }
    fault.violation(Violation::new(field, reason, zh, en))
}

/// The field path: `PersonItems.full_name: ApplicationForm.person: …` is `person.full_name`; empty for the message
/// itself.
fn field_of(what: &str) -> String {
    let steps = what.split(": ").map_while(|step| {
        let (message, field) = step.split_once('.')?;
        (!message.contains(' ') && !field.contains(' ')).then(|| field.trim_start_matches("r#"))
    });
    let mut path: Vec<&str> = steps.collect();
    path.reverse();
    path.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_proto::declaration::v1::CreateApplicationRequest;
    use prost::Message as _;

    #[test]
    fn the_field_is_named_as_the_contract_names_it() {
        // form (2) / person (1) / full_name (1): one byte that begins no UTF-8 character.
        let error = CreateApplicationRequest::decode(&[0x12, 5, 0x0a, 3, 0x0a, 1, 0xff][..]).unwrap_err();
        let fault = fault_of(&Status::internal(error.to_string())).unwrap();
        assert_eq!(
            (fault.code, &*fault.reason),
            (FaultCode::InvalidArgument, "MESSAGE_UNREADABLE")
        );
        let [wrong] = &fault.violations[..] else {
            panic!("one field")
        };
        assert_eq!(
            (wrong.field.as_str(), &*wrong.reason),
            ("form.person.full_name", "NOT_UTF8")
        );
        let error = CreateApplicationRequest::decode(&[0x12, 9][..]).unwrap_err();
        let fault = fault_of(&Status::internal(error.to_string())).unwrap();
        assert_eq!(
            (&*fault.violations[0].field, &*fault.violations[0].reason),
            ("form", "UNREADABLE")
        );
    }

    #[test]
    fn what_a_service_said_and_what_is_not_the_clients_doing_passes_as_it_is() {
        let faulty = status::from_fault(Fault::internal("a test")).into_http();
        let before = faulty.headers().clone();
        assert_eq!(explain(faulty).headers(), &before);
        for status in [
            Status::internal("broken"),
            Status::unimplemented(""),
            Status::unavailable("away"),
        ] {
            assert!(fault_of(&status).is_none(), "{status:?}");
        }
    }
}
