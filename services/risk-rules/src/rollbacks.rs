//! Rollbacks: undoing what a feed reported in a span of time.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
