//! Re-comparisons: runs over everyone that compare each stored verdict with a new evaluation.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
