//! Accounts: who signs in, with which roles, and what operators changed.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
