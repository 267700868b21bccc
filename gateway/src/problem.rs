//! Errors over HTTP: the same codes and reasons as over gRPC, always in both languages. A handler returns a [`Problem`]; one
//! layer around all of them answers it, as `application/problem+json` (RFC 9457) or as a page.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::IntoResponse;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use lutong_kernel::{Fault, FaultCode, Violation};
use lutong_operating::telemetry::code_name;
use lutong_transport::status::code_of;
use serde::Serialize;

use crate::fault;

pub const MEDIA_TYPE: &str = "application/problem+json";

/// A fault as it is answered over HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    status: StatusCode,
    fault: Fault,
    /// The methods that the path has, for 405.
    allow: Option<String>,
    /// The label of the RPC that was called; `gateway` where none was found.
    rpc: &'static str,
    /// The id of the trace in which it was called, where calls are traced.
    trace_id: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    /// The Chinese text, for clients that know RFC 9457 only.
    detail: &'a str,
    /// The gRPC code, as `google.rpc.Code` names it.
    code: &'static str,
    reason: &'a str,
    message: Texts<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
    trace_id: &'a str,
}

#[derive(Serialize)]
struct Texts<'a> {
    zh: &'a str,
    en: &'a str,
}

#[derive(Serialize)]
struct FieldError<'a> {
    field: &'a str,
    reason: &'a str,
    message: Texts<'a>,
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::new(status_of(fault.code), fault)
    }
}

impl Problem {
    const fn new(status: StatusCode, fault: Fault) -> Self {
        Self {
            status,
            fault,
            allow: None,
            rpc: "gateway",
            trace_id: None,
        }
    }

    /// The problem with the RPC and the trace in which it arose.
    pub fn of_call(mut self, rpc: &'static str, trace_id: Option<String>) -> Self {
        self.rpc = rpc;
        self.trace_id = trace_id;
        self
    }

    // Problems of HTTP itself, for which gRPC has no code.

    pub fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, fault::http::route_not_found())
    }

    /// `allow` lists the methods that the path has.
    pub fn method_not_allowed(allow: String) -> Self {
        let fault = fault::http::method_not_allowed(&allow);
        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, fault)
        }
    }

    pub fn not_json() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, fault::http::not_json())
    }

    pub fn not_a_form() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, fault::http::not_a_form())
    }

    pub fn not_grpc() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, fault::http::not_grpc())
    }

    pub fn more_than_one_host() -> Self {
        Self::new(StatusCode::BAD_REQUEST, fault::http::more_than_one_host())
    }

    pub fn body_too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, fault::http::body_too_large(limit))
    }

    pub fn body_too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, fault::http::body_too_slow())
    }

    pub fn body_cut_off() -> Self {
        Self::new(StatusCode::BAD_REQUEST, fault::http::body_cut_off())
    }

    pub const fn fault(&self) -> &Fault {
        &self.fault
    }

    pub const fn status(&self) -> StatusCode {
        self.status
    }

    pub const fn rpc(&self) -> &'static str {
        self.rpc
    }

    /// Takes the id of the trace in which the call was made.
    pub fn take_trace_id(&mut self) -> Option<String> {
        self.trace_id.take()
    }

    /// Whether the server caused it, not the caller.
    pub fn is_of_the_server(&self) -> bool {
        self.status.is_server_error()
    }

    /// The headers of its answer, whatever the body is.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(allow) = self
            .allow
            .as_ref()
            .and_then(|allow| HeaderValue::try_from(allow).ok())
        {
            headers.insert(ALLOW, allow);
        }
        headers
    }

    /// Whole seconds, rounded up: that is all that Retry-After can say.
    fn retry_after_s(&self) -> Option<u64> {
        let seconds = self.fault.retry_after?.as_millis().div_ceil(1_000).max(1);
        Some(u64::try_from(seconds).unwrap_or(u64::MAX))
    }

    /// The answer as a document; `trace_id` is what a caller names when asking for help.
    pub fn into_document(self, trace_id: &str) -> Response<Body> {
        let fault = &self.fault;
        let document = Document {
            r#type: format!("urn:lutong:problem:{}", fault.reason),
            title: title(self.status),
            status: self.status.as_u16(),
            detail: &fault.zh,
            code: code_name(code_of(fault.code)),
            reason: &fault.reason,
            message: Texts {
                zh: &fault.zh,
                en: &fault.en,
            },
            errors: fault.violations.iter().map(field_error).collect(),
            metadata: fault
                .metadata
                .iter()
                .map(|(key, value)| (key.as_ref(), value.as_str()))
                .collect(),
            retry_after_s: self.retry_after_s(),
            trace_id,
        };
        // Strings and numbers only: this serialises.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers();
        let media_type = HeaderValue::from_static(MEDIA_TYPE);
        response.headers_mut().insert(CONTENT_TYPE, media_type);
        response
    }
}

/// An empty response that carries the problem to the layer that answers it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }
}

fn field_error(violation: &Violation) -> FieldError<'_> {
    FieldError {
        field: &violation.field,
        reason: &violation.reason,
        message: Texts {
            zh: &violation.zh,
            en: &violation.en,
        },
    }
}

/// The HTTP status of a code, by the mapping of google/rpc/code.proto.
pub const fn status_of(code: FaultCode) -> StatusCode {
    match code {
        FaultCode::InvalidArgument | FaultCode::FailedPrecondition | FaultCode::Cancelled => {
            StatusCode::BAD_REQUEST
        }
        FaultCode::NotFound => StatusCode::NOT_FOUND,
        FaultCode::AlreadyExists | FaultCode::Aborted => StatusCode::CONFLICT,
        FaultCode::PermissionDenied => StatusCode::FORBIDDEN,
        FaultCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        FaultCode::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        FaultCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        FaultCode::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        FaultCode::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        FaultCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The name of a status in Chinese and English.
pub fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "请求有误 Bad request",
        401 => "未登录或登录已失效 Not signed in",
        403 => "没有权限 Not permitted",
        404 => "未找到 Not found",
        405 => "请求方法不支持 Method not allowed",
        408 => "请求超时 Request timeout",
        409 => "与现有数据冲突 Conflict",
        413 => "请求内容过大 Body too large",
        415 => "请求格式不支持 Unsupported media type",
        429 => "请求过于频繁 Too many requests",
        501 => "尚不提供 Not implemented",
        503 => "服务暂时不可用 Unavailable",
        504 => "处理超时 Timeout",
        _ => "系统内部错误 Internal error",
    }
}

#[cfg(test)]
mod tests;
