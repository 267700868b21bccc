//! Codes bound to the key of a telephone, which shows them without a connection: issued, listed and ended.

pub mod domain;
pub mod rpc;
pub mod service;
