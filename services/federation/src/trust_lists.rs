//! Trust lists: signed offline, staged, compared, activated.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
