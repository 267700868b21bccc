//! Interim relief during appeals, in force as a fact that only this service states.

pub mod domain;
pub mod rpc;
pub mod service;
