//! A copy of identity's family bindings: who may show whose code.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
