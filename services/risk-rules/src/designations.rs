//! Designations: proposed by one officer, approved by another, in force as a fact.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
