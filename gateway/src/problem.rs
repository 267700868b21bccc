//! Errors as `application/problem+json` (RFC 9457): the same codes and reasons as over gRPC, both languages always.

use std::collections::BTreeMap;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use lutong_kernel::{Fault, FaultCode, Violation};
use lutong_transport::status::{code_name, code_of};
use serde::Serialize;
use tonic::body::Body;

pub const MEDIA_TYPE: &str = "application/problem+json";

/// A fault on its way to somebody who speaks JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    status: StatusCode,
    fault: Fault,
    /// The methods that would have been right, for 405.
    allow: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    /// For clients that know RFC 9457 only: the Chinese text.
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
        Self {
            status: status_of(fault.code),
            fault,
            allow: None,
        }
    }
}

impl Problem {
    /// A problem of HTTP itself, for which gRPC has no code.
    fn http(status: StatusCode, code: FaultCode, reason: &'static str, zh: &str, en: &str) -> Self {
        Self {
            status,
            fault: Fault::new(code, reason, zh, en),
            allow: None,
        }
    }

    pub fn no_such_route() -> Self {
        Self::http(
            StatusCode::NOT_FOUND,
            FaultCode::NotFound,
            "ROUTE_NOT_FOUND",
            "没有这个接口，接口目录见 /openapi.json",
            "there is nothing at this path; /openapi.json lists what there is",
        )
    }

    /// `allow` lists the methods that the path has.
    pub fn method_not_allowed(allow: String) -> Self {
        let mut problem = Self::http(
            StatusCode::METHOD_NOT_ALLOWED,
            FaultCode::InvalidArgument,
            "METHOD_NOT_ALLOWED",
            &format!("此接口只支持 {allow}"),
            &format!("this path answers {allow} only"),
        );
        problem.allow = Some(allow);
        problem
    }

    pub fn not_json() -> Self {
        Self::http(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            FaultCode::InvalidArgument,
            "CONTENT_TYPE",
            "请求内容应为 application/json（UTF-8）",
            "the body is sent as application/json in UTF-8",
        )
    }

    /// Something like gRPC that is not.
    pub fn not_grpc() -> Self {
        Self::http(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            FaultCode::InvalidArgument,
            "CONTENT_TYPE",
            "gRPC请求的内容类型应为 application/grpc 或 application/grpc+proto",
            "gRPC is sent as application/grpc or application/grpc+proto, and as nothing else that begins so",
        )
    }

    pub fn more_than_one_host() -> Self {
        Self::http(
            StatusCode::BAD_REQUEST,
            FaultCode::InvalidArgument,
            "HOST",
            "请求只应有一个Host",
            "a request has one Host header",
        )
    }

    pub fn body_too_large(limit: usize) -> Self {
        let kib = limit / 1_024;
        Self::http(
            StatusCode::PAYLOAD_TOO_LARGE,
            FaultCode::InvalidArgument,
            "BODY_TOO_LARGE",
            &format!("请求内容不得超过 {kib} KiB"),
            &format!("a body has at most {kib} KiB"),
        )
    }

    pub fn body_too_slow() -> Self {
        Self::http(
            StatusCode::REQUEST_TIMEOUT,
            FaultCode::DeadlineExceeded,
            "BODY_TOO_SLOW",
            "请求内容未能按时收到，请重试",
            "the body did not arrive in time; try again",
        )
    }

    pub fn body_cut_off() -> Self {
        Self::http(
            StatusCode::BAD_REQUEST,
            FaultCode::InvalidArgument,
            "BODY_CUT_OFF",
            "请求内容不完整，请重试",
            "the body ended before it was complete; try again",
        )
    }

    pub const fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Whether it is ours and not the caller's.
    pub fn is_of_the_server(&self) -> bool {
        self.status.is_server_error()
    }

    /// The answer; `trace_id` is what somebody who asks about it can name.
    pub fn into_response(self, trace_id: &str) -> Response<Body> {
        let fault = &self.fault;
        // Whole seconds, rounded up: that is all that Retry-After can say.
        let retry_after_s = fault
            .retry_after
            .map(|after| after.as_millis().div_ceil(1_000).max(1))
            .map(|seconds| u64::try_from(seconds).unwrap_or(u64::MAX));
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
            retry_after_s,
            trace_id,
        };
        // Strings and numbers only: this serialises.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Body::new(http_body_util::Full::from(body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
            headers.insert(ALLOW, allow);
        }
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

/// As google/rpc/code.proto maps its codes to HTTP.
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

/// A status in words, Chinese and English.
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
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;
    use std::time::Duration;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    async fn document(response: Response<Body>) -> serde_json::Value {
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn a_fault_keeps_reason_fields_and_both_languages() {
        let fault = Fault::invalid(vec![Violation::new(
            "form.person.mobile",
            "MOBILE_SHAPE",
            "手机号码应为11位",
            "a mobile has 11 digits",
        )])
        .with("part", "identity");
        let response = Problem::from(fault).into_response(TRACE);
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
        let body = document(response).await;
        assert_eq!(
            body,
            serde_json::json!({
                "type": "urn:lutong:problem:INVALID_FIELDS",
                "title": "请求有误 Bad request",
                "status": 400,
                "detail": "form.person.mobile：手机号码应为11位",
                "code": "INVALID_ARGUMENT",
                "reason": "INVALID_FIELDS",
                "message": {
                    "zh": "form.person.mobile：手机号码应为11位",
                    "en": "form.person.mobile: a mobile has 11 digits",
                },
                "errors": [{
                    "field": "form.person.mobile",
                    "reason": "MOBILE_SHAPE",
                    "message": {"zh": "手机号码应为11位", "en": "a mobile has 11 digits"},
                }],
                "metadata": {"part": "identity"},
                "trace_id": TRACE,
            })
        );
    }

    #[tokio::test]
    async fn a_delay_is_told_in_whole_seconds_rounded_up_in_header_and_body() {
        for (after_ms, told) in [(1, 1), (1_000, 1), (1_001, 2)] {
            let fault = Fault::unavailable("identity").retry_after(Duration::from_millis(after_ms));
            let response = Problem::from(fault).into_response(TRACE);
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[RETRY_AFTER], told.to_string());
            assert_eq!(document(response).await["retry_after_s"], told);
        }
    }

    #[tokio::test]
    async fn problems_of_http_carry_their_own_status() {
        for (problem, status) in [
            (Problem::no_such_route(), 404),
            (Problem::method_not_allowed("GET".to_owned()), 405),
            (Problem::not_json(), 415),
            (Problem::body_too_large(262_144), 413),
            (Problem::body_too_slow(), 408),
            (Problem::body_cut_off(), 400),
        ] {
            let response = problem.into_response(TRACE);
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers().contains_key(ALLOW), status == 405);
            assert_eq!(document(response).await["status"], status);
        }
    }
}
