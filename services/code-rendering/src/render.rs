//! The picture of a token.

pub mod domain;
pub mod rpc;
