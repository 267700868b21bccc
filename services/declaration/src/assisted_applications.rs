//! Applications that counter staff enter for people.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
