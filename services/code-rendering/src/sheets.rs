//! A paper code as it is printed.

pub mod domain;
pub mod rpc;
