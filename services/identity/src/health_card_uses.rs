//! Uses of health cards, as institutions report them.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
