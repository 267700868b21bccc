//! Pulls: an authority's database is read on a schedule.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
