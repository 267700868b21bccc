//! Online verification of a token.

pub mod rpc;
pub mod service;
