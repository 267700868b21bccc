//! How well partners serve and are served.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
