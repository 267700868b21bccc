//! Merges: several subjects that are one person.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
