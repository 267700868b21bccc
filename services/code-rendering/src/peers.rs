//! Other services, over their contracts.

pub mod decision_log;
pub mod identity;
