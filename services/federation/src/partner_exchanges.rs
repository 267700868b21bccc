//! The exchanges of GB/T 38963 that this province calls at its partners.

pub mod domain;
pub mod rpc;
pub mod service;
