//! Codes on paper: issued, listed, ended and drawn.

pub mod rpc;
pub mod service;
