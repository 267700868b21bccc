//! The event log of this service.

pub mod rpc;
