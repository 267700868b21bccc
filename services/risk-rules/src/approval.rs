//! Approval by two officers: the steps, states and columns that designations, key areas and rollbacks share.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
