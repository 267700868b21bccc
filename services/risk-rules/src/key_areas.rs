//! Key areas: proposed by one officer, approved by another, and ended by either.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
