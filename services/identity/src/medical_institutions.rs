//! Institutions whose terminals read health cards.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
