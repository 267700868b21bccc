//! What applications, arrivals and daily reports share: the form, the acknowledgement, the declaration that is stored.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
