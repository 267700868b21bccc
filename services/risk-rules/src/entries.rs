//! Entries from abroad: what a person who entered still lacks before applying.

pub mod domain;
pub mod rpc;
pub mod service;
