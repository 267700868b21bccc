//! The audit record of a call, and the sink that stores it.

use http::Response;
use lutong_kernel::{DivisionCode, Fault, Timestamp};
use lutong_proto::policy::Caller;
use tonic::Code;
use tonic::body::Body;

use crate::access::Roles;
use crate::record::objects::Object;

/// The audit record of one call.
#[derive(Debug, Clone)]
pub struct CallRecord {
    pub at: Timestamp,
    pub rpc: &'static str,
    /// `None` if the transport does not know the caller.
    pub caller: Option<Caller>,
    pub account: String,
    pub roles: Roles,
    pub division: Option<DivisionCode>,
    pub purpose: Option<String>,
    pub outcome: Code,
    /// The reason of an error; empty on success.
    pub reason: String,
    /// Whom and what it was about.
    pub objects: Vec<Object>,
    /// Refused calls that were not recorded since the last one that was.
    pub unrecorded: i64,
}

/// Stores audit records. The answer waits for it: a call that cannot be recorded is not answered.
#[async_trait::async_trait]
pub trait AuditSink: Send + Sync {
    async fn record(&self, record: CallRecord) -> Result<(), Fault>;
}

/// The status code of a unary answer: tonic writes an early error to the headers; a successful answer has its code in
/// the trailers.
pub(crate) fn outcome_of(response: &Response<Body>) -> Code {
    response
        .headers()
        .get("grpc-status")
        .map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()))
}
