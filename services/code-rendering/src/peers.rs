//! Clients of other services.

pub mod decision_log;
pub mod identity;
pub mod identity_log;
