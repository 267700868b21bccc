//! What an operation may be refused with, by status.

use std::collections::{BTreeMap, BTreeSet};

use http::{Method, StatusCode};
use lutong_kernel::FaultCode;
use lutong_operating::telemetry::code_name;
use lutong_proto::errors;
use lutong_transport::status::code_of;
use serde_json::{Value, json};

use crate::problem::{self, MEDIA_TYPE};
use crate::rpc::contract::EdgeRpc;
use crate::rpc::transcode::Binding;

/// What the edge itself answers: status, reason, and to whom.
const EDGE: [(u16, &str, To); 18] = [
    (400, "INVALID_FIELDS", To::Everybody),
    (400, "BODY_CUT_OFF", To::Bodies),
    (400, "SESSION_TOO_LARGE", To::SignInForms),
    (401, "SESSION_INVALID", To::Everybody),
    (401, "SESSION_EXPIRED", To::Everybody),
    (401, "SESSION_ENDED", To::Everybody),
    (401, "CERTIFICATE_EXPIRED", To::Everybody),
    (403, "CERTIFICATE_OF_NO_STAFF", To::Everybody),
    (403, "ACCOUNT_DISABLED", To::Everybody),
    (403, "CROSS_SITE", To::Changes),
    (403, "CSRF_TOKEN_MISSING", To::Changes),
    (403, "CSRF_TOKEN_WRONG", To::Changes),
    (405, "METHOD_NOT_ALLOWED", To::Everybody),
    (408, "BODY_TOO_SLOW", To::Bodies),
    (413, "BODY_TOO_LARGE", To::Bodies),
    (415, "CONTENT_TYPE", To::Bodies),
    (429, "TOO_MANY_CALLS", To::Everybody),
    (429, "TOO_MANY_AT_ONCE", To::Everybody),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Everybody,
    /// Those whose call has a body.
    Bodies,
    /// Calls other than GET that are made by cookie; a form is refused likewise.
    Changes,
    /// Sign-in over a page, which is no operation.
    SignInForms,
}

/// Whether a common reason applies to an operation over JSON.
fn applies(reason: &str, rpc: &EdgeRpc) -> bool {
    match reason {
        "NOT_SIGNED_IN" | "NOT_PERMITTED" => !rpc.public,
        // They concern gRPC messages, streams, and clients that have disconnected.
        "MESSAGE_TOO_LARGE" | "MESSAGE_UNREADABLE" | "MESSAGE_TOO_SLOW" | "STREAM_SILENT" | "CANCELLED" => {
            false
        }
        _ => true,
    }
}

/// The answers of an operation besides 200.
pub fn of(binding: &Binding) -> BTreeMap<String, Value> {
    let rpc = &binding.rpc;
    let mut reasons: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
    let mut add = |status: u16, reason: &str| {
        reasons.entry(status).or_default().insert(reason.to_owned());
    };
    let listed = errors::listed(&rpc.method).unwrap_or_default();
    let common = errors::common();
    for reason in listed
        .iter()
        .map(String::as_str)
        .chain(common.into_iter().filter(|one| applies(one, rpc)))
    {
        // A test makes sure that every reason has a code; the description names them all.
        if let Some(status) = errors::code(reason).and_then(status_of) {
            add(status.as_u16(), reason);
        }
    }
    for (status, reason, to) in EDGE {
        let is_told = match to {
            To::Everybody => true,
            To::Bodies => binding.takes_body(),
            To::Changes => binding.method != Method::GET,
            To::SignInForms => false,
        };
        if is_told {
            add(status, reason);
        }
    }
    let mut answers: BTreeMap<String, Value> = reasons
        .into_iter()
        .map(|(status, reasons)| (status.to_string(), answer(status, &reasons)))
        .collect();
    answers.insert(
        "default".to_owned(),
        json!({"$ref": "#/components/responses/Problem"}),
    );
    answers
}

fn answer(status: u16, reasons: &BTreeSet<String>) -> Value {
    let title = StatusCode::from_u16(status).map_or("", problem::title);
    let mut answer = json!({
        "description": title,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        "x-lutong-reasons": reasons,
    });
    let header = match status {
        401 => Some("WWW-Authenticate"),
        405 => Some("Allow"),
        429 | 503 | 504 => Some("Retry-After"),
        _ => None,
    };
    if let Some(header) = header {
        answer["headers"] = json!({header: {"$ref": format!("#/components/headers/{header}")}});
    }
    answer
}

/// The status of a gRPC code by its name.
fn status_of(code: &str) -> Option<StatusCode> {
    const ALL: [FaultCode; 13] = [
        FaultCode::InvalidArgument,
        FaultCode::NotFound,
        FaultCode::AlreadyExists,
        FaultCode::FailedPrecondition,
        FaultCode::Aborted,
        FaultCode::PermissionDenied,
        FaultCode::Unauthenticated,
        FaultCode::ResourceExhausted,
        FaultCode::Unavailable,
        FaultCode::DeadlineExceeded,
        FaultCode::Cancelled,
        FaultCode::Unimplemented,
        FaultCode::Internal,
    ];
    let found = ALL.into_iter().find(|one| code_name(code_of(*one)) == code)?;
    Some(problem::status_of(found))
}

/// Whether the edge itself answers a reason.
#[cfg(test)]
pub fn listed_by_the_edge(reason: &str) -> bool {
    EDGE.iter().any(|(_, one, _)| *one == reason)
}
