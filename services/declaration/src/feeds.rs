//! Fact feeds: what an authority may report, and the import of rows.

pub mod domain;
pub mod rpc;
pub mod service;
