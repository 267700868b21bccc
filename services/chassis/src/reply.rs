//! Small conveniences at the gRPC edge that every service's `grpc/` uses.

use lutong_kernel::{Fault, RequestId, Violation};
use tonic::{Response, Status};

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

/// A sub-message that must be there.
pub fn required<T>(value: Option<T>, field: &str) -> Result<T, Violation> {
    value.ok_or_else(|| Violation::new(field, "MISSING", "必填", "is required"))
}
