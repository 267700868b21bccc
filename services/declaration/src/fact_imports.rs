//! Imports of facts in several calls.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
