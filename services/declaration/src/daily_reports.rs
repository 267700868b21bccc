//! Daily reports: how somebody feels, as they say themselves.

pub mod domain;
pub mod rpc;
pub mod service;
