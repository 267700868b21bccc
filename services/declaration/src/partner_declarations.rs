//! What people declare for this province in the code systems of other provinces.

pub mod domain;
pub mod rpc;
pub mod service;
