//! Applications that an organisation makes for its people at once: rows wait encrypted, and a worker registers them.

pub mod domain;
pub mod rpc;
pub mod service;
mod store;
