//! Codes in force, one row a subject.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
