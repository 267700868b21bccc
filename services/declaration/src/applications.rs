//! Applications for a code.

pub mod rpc;
pub mod service;
