//! Partners: their ids, and their states, which two people move.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
