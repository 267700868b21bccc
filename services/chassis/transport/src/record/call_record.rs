//! What is recorded of a call, and where it goes.

use http::Response;
use lutong_kernel::{DivisionCode, Fault, Timestamp};
use lutong_proto::policy::Caller;
use tonic::Code;
use tonic::body::Body;

use crate::access::Roles;
use crate::record::objects::Object;

/// A call that the contract says is to be recorded.
#[derive(Debug, Clone)]
pub struct CallRecord {
    pub at: Timestamp,
    pub rpc: &'static str,
    /// `None`: the transport does not know.
    pub caller: Option<Caller>,
    pub account: String,
    pub roles: Roles,
    pub division: Option<DivisionCode>,
    pub purpose: Option<String>,
    pub outcome: Code,
    /// Of an error; empty where the call went well.
    pub reason: String,
    /// Whom and what it was about.
    pub objects: Vec<Object>,
    /// Refused calls that were not recorded, since the last that was.
    pub unrecorded: i64,
}

/// Where recorded calls go. The answer waits for it: a call that cannot be recorded is not answered.
#[async_trait::async_trait]
pub trait AuditSink: Send + Sync {
    async fn record(&self, record: CallRecord) -> Result<(), Fault>;
}

/// The code of a finished unary answer: in the headers when it failed early, else in the trailers that tonic writes
/// for an answer that went well.
pub(crate) fn outcome_of(response: &Response<Body>) -> Code {
    response
        .headers()
        .get("grpc-status")
        .map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()))
}
