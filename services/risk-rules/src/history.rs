//! History: the chains of decisions, and the seals of days.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
