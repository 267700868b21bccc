//! Codes of partners that were converted here, and what their origins say of them later.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
