//! Codes for the readers of hospitals.

pub mod rpc;
pub mod service;
