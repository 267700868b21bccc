//! The audit record of a call whose RPC is marked `recorded`: who called what, about whom or what, and the outcome. Ids
//! only, never personal data. An [`AuditSink`] stores the records.

mod call_record;
pub mod objects;
pub mod refusals;
pub mod shape;

pub(crate) use call_record::outcome_of;
pub use call_record::{AuditSink, CallRecord};
