//! Staff who sign in at devices of checkpoints.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
