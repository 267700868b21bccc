//! The audit log of this service.

pub mod rpc;
