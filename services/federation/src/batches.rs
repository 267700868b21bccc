//! Batches of changes of our codes, one chain each partner.

pub mod service;
pub mod store;
