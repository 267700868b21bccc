//! Decisions: made in a transaction, brought into force, explained, replayed, and made again when they are due.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
