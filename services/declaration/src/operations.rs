//! Operations: pulls that an operator started.

pub mod rpc;
pub mod service;
