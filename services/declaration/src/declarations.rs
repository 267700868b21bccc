//! What applications and arrivals share: the form, the acknowledgement, the declaration that is stored.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
