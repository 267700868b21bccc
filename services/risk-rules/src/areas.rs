//! Risk areas: listings by notices and tables, and decisions about the people who stayed in them.

pub mod rpc;
pub mod service;
pub mod store;
