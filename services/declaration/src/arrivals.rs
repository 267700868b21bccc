//! Arrival declarations: from another province or from abroad.

pub mod rpc;
pub mod service;
