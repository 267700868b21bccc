//! Exchanges with partners: VerifyHealthCode, GetMessageKey.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
