//! Requests that are wrong as HTTP.

use lutong_kernel::{Fault, FaultCode, Violation};

/// No route has the path.
pub fn route_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "ROUTE_NOT_FOUND",
        "没有这个接口，接口目录见 /openapi.json",
        "there is nothing at this path; /openapi.json lists what there is",
    )
}

/// The path has routes of other methods, which `allow` lists.
pub fn method_not_allowed(allow: &str) -> Fault {
    Fault::new(
        FaultCode::InvalidArgument,
        "METHOD_NOT_ALLOWED",
        format!("此接口只支持 {allow}"),
        format!("this path answers {allow} only"),
    )
}

/// A body that is not sent as JSON.
pub fn not_json() -> Fault {
    content_type(
        "请求内容应为 application/json（UTF-8）",
        "the body is sent as application/json in UTF-8",
    )
}

/// A form that is not sent as one.
pub fn not_a_form() -> Fault {
    content_type(
        "表单应以 application/x-www-form-urlencoded（UTF-8）提交",
        "a form is sent as application/x-www-form-urlencoded in UTF-8",
    )
}

/// A content type that resembles gRPC's and is none of them.
pub fn not_grpc() -> Fault {
    content_type(
        "gRPC请求的内容类型应为 application/grpc 或 application/grpc+proto",
        "gRPC is sent as application/grpc or application/grpc+proto, and as nothing else that begins so",
    )
}

fn content_type(zh: &str, en: &str) -> Fault {
    Fault::new(FaultCode::InvalidArgument, "CONTENT_TYPE", zh, en)
}

/// A request with several hosts.
pub fn more_than_one_host() -> Fault {
    Fault::new(
        FaultCode::InvalidArgument,
        "HOST",
        "请求只应有一个Host",
        "a request has one Host header",
    )
}

/// A body of more than `limit` bytes.
pub fn body_too_large(limit: usize) -> Fault {
    let kib = limit / 1_024;
    Fault::new(
        FaultCode::InvalidArgument,
        "BODY_TOO_LARGE",
        format!("请求内容不得超过 {kib} KiB"),
        format!("a body has at most {kib} KiB"),
    )
}

/// A body that did not arrive in time.
pub fn body_too_slow() -> Fault {
    Fault::new(
        FaultCode::DeadlineExceeded,
        "BODY_TOO_SLOW",
        "请求内容未能按时收到，请重试",
        "the body did not arrive in time; try again",
    )
}

/// A body that ended early.
pub fn body_cut_off() -> Fault {
    Fault::new(
        FaultCode::InvalidArgument,
        "BODY_CUT_OFF",
        "请求内容不完整，请重试",
        "the body ended before it was complete; try again",
    )
}

/// A form with a field that is given more than once.
pub fn form_field_twice() -> Violation {
    Violation::new(
        "",
        "DUPLICATE_FIELD",
        "表单字段重复",
        "a field of the form is given more than once",
    )
}
