//! The keys that sign tokens and lists, and those by which tokens are verified.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
