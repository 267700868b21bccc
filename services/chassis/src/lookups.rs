//! Who looked at whose data. An RPC that the contract marks `ledger` hands out nothing before it is written down who looked, as what
//! and what for, in the service's own database and under its keys; a task delivers it to identity, where the person reads it.
//!
//! The generated servers of such RPCs write it ([`Look`]): a handler neither can nor needs to. Whom an answer is about follows from
//! its `subject_id` fields.

mod delivery;
mod log;
mod look;
mod table;

pub use delivery::{IdentityLookups, LookupSink};
pub use log::LookupLog;
pub use look::Look;

/// The migration step of the table, for services with RPCs of the ledger.
pub const STEP: lutong_storage::Step = lutong_storage::step!("lookups_0001");
