//! The terminals of institutions.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
