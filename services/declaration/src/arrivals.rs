//! Arrival declarations: from another province or from abroad.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
