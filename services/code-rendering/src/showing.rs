//! Showing a code: a dynamic token signed now.

pub mod rpc;
pub mod service;
