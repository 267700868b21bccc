//! The audit log of RPCs marked `recorded`: who called what, about whom or what, for what purpose, and the outcome,
//! including refused calls. Append-only, chained, and sealed by day.
//!
//! Each record's entry is an HMAC over the record and the previous entry of the same log, under a key outside the
//! database. Changed, deleted, inserted or moved records are detected, and so is a truncated end: the end is stored
//! with a proof of its own. Restoring a whole older database cannot be detected from within; a head kept elsewhere
//! (`lutong audit verify --json`, or the log line at each seal) reveals it.
//!
//! Holds ids only (see [`objects`]): never personal data.

mod log;
mod reading;
mod record;
mod rpc;
mod sealing;
mod tables;

pub use log::AuditLog;
pub use reading::{Break, ChainCheck, EndCheck, Filter};
pub use record::{AuditKeys, Record};
pub use rpc::{ListRequest, VerificationPage};

/// The migration step of the log's tables, for services that record calls.
pub const STEP: lutong_storage::Step = lutong_storage::step!("audit_0001");
