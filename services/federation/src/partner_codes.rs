//! Codes of other provinces: VerifyPartnerCode.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
