//! What is recorded of a call that the contract says is recorded: who called what, about whom or what, and how it ended.
//! Ids only, never personal data. Where records are kept is the business of an [`AuditSink`].

mod call_record;
pub mod objects;
pub mod refusals;
pub mod shape;

pub(crate) use call_record::outcome_of;
pub use call_record::{AuditSink, CallRecord};
