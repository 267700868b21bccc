//! Applications for a code.

pub mod domain;
pub mod rpc;
pub mod service;
