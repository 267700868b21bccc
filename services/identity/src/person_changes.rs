//! A person's own data: reading it, changing it, and what it was before.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
