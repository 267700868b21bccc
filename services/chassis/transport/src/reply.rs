//! Parsing of common request fields and mapping of results, used by every service's `rpc`.

use lutong_kernel::{Fault, FaultCode, FreeText, RequestId, SubjectId, TextRule, Violation};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::access::Grant;
use crate::status;

/// A use case's result as a gRPC answer.
pub fn answer<T>(result: Result<T, Fault>) -> Result<Response<T>, Status> {
    result.map(Response::new).map_err(status::from_fault)
}

/// The `request_id` of a mutation.
pub fn request_id(text: &str) -> Result<RequestId, Violation> {
    if text.is_empty() {
        return Err(Violation::new(
            "request_id",
            "REQUEST_ID_MISSING",
            "缺少请求编号",
            "every mutation carries a request_id, so that it can be sent again",
        ));
    }
    text.parse().map_err(|error: lutong_kernel::id::IdError| {
        Violation::new(
            "request_id",
            "REQUEST_ID_SHAPE",
            "请求编号应为小写UUID",
            error.to_string(),
        )
    })
}

/// A required sub-message.
pub fn required<T>(value: Option<T>, field: &str) -> Result<T, Violation> {
    value.ok_or_else(|| missing(field))
}

/// A field that must be there and is absent.
pub fn missing(field: &str) -> Violation {
    Violation::new(field, "MISSING", "必填", "is required")
}

/// The grant of a request; a fault if it has none.
pub fn grant<T>(request: &Request<T>) -> Result<Grant, Fault> {
    Grant::of(request).map_err(|refused| status::to_fault(&refused, "lutong"))
}

/// A fault with one violation.
pub fn wrong(violation: Violation) -> Fault {
    Fault::invalid(vec![violation])
}

/// Checks the length of a repeated field.
pub fn at_most(field: &str, reason: &'static str, limit: usize, count: usize) -> Result<(), Fault> {
    if count <= limit {
        return Ok(());
    }
    Err(wrong(Violation::new(
        field,
        reason,
        format!("每次最多{limit}条"),
        format!("at most {limit} in one call"),
    )))
}

/// A non-empty single-line text of at most `most` characters, normalised as texts are stored.
pub fn text(text: &str, field: &str, most: usize) -> Result<String, Violation> {
    match FreeText::parse(text, TextRule::line(most)) {
        Ok(text) => Ok(text.into_string()),
        Err(error) if error.is_length() => Err(Violation::new(
            field,
            "TEXT_LENGTH",
            format!("应为1至{most}个字符"),
            format!("has 1 to {most} characters"),
        )),
        Err(error) => Err(error.violation(field)),
    }
}

/// A subject id in a request.
pub fn subject_id(text: &str, field: &str) -> Result<SubjectId, Violation> {
    text.parse().map_err(|error: lutong_kernel::id::IdError| {
        Violation::new(field, "SUBJECT_ID_SHAPE", "编号应为小写UUID", error.to_string())
    })
}

/// The UUID of `collection/{uuid}` in the field `name`; canonical spelling only.
pub fn uuid_of(name: &str, collection: &str) -> Result<Uuid, Fault> {
    uuid_in("name", name, collection)
}

/// Like [`uuid_of`], in another field.
pub fn uuid_in(field: &str, name: &str, collection: &str) -> Result<Uuid, Fault> {
    let id = name
        .strip_prefix(collection)
        .and_then(|rest| rest.strip_prefix('/'));
    let id = id.and_then(|id| Uuid::try_parse(id).ok().filter(|uuid| uuid.to_string() == id));
    id.ok_or_else(|| {
        wrong(Violation::new(
            field,
            "NAME_SHAPE",
            format!("应为{collection}/小写UUID"),
            format!("is {collection}/ and a UUID in lower-case hyphenated form"),
        ))
    })
}

/// The fault of an action that the resource's state does not allow.
pub fn wrong_state(state: &str, allowed: &[&str]) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "WRONG_STATE",
        "当前状态不允许此操作",
        format!("it is {state}: this cannot be done"),
    )
    .with("state", state)
    .with("allowed", allowed.join(","))
}
