//! Our codes that were verified for a partner, which is told when they change.

pub mod domain;
pub mod service;
pub mod store;
