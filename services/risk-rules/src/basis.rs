//! The basis of every decision besides the facts: risk areas, rule sets and merges, kept in memory.

pub mod service;
pub mod store;
