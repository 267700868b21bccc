//! History verifications: checks of the chains of one subject or of everybody, as operations.

pub mod rpc;
pub mod service;
pub mod store;
