//! The keys that sign tokens and those by which tokens are verified.

pub mod rpc;
pub mod service;
pub mod store;
