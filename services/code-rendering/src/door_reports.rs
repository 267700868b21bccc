//! Yellow and red codes that devices report to the officers of their district.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
