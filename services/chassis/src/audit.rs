//! The record of calls that the contract says are to be recorded: who called what, about whom or what, what for, and how
//! it ended, refused calls too. Append-only, chained, and sealed by day.
//!
//! Each record's entry is an HMAC over the record and the entry before it in its service's log, under a key that lies
//! outside the database. A record that was changed, deleted, inserted or moved is found, and so is an end that was cut
//! off: the last place and entry are noted with a proof of their own. Somebody who can put back a whole older database
//! is found by nothing within it; a head kept elsewhere (`lutong audit verify --json`, or the log's line at each seal)
//! shows it.
//!
//! Holds ids only (see [`objects`]): never personal data.

mod log;
mod reading;
mod record;
mod rpc;
mod sealing;
mod tables;

pub use log::AuditLog;
pub use reading::{Break, Checked, CheckedEnd, Filter};
pub use record::{AuditKeys, Record};
pub use rpc::{Asked, Verified};

/// The step of the log's tables, for a service that records calls.
pub const STEP: lutong_storage::Step = lutong_storage::step!("audit_0001");
