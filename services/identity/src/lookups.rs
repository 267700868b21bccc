//! Who looked at whose data.

pub mod rpc;
pub mod service;
mod store;
