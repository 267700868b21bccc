//! What people let other provinces' code systems have.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
