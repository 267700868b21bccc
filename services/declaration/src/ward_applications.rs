//! Applications that a family member makes for a ward who has no account.

pub mod rpc;
pub mod service;
