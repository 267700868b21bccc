//! A person's code by way of the national platform: QueryNationalCode.

pub mod domain;
pub mod rpc;
pub mod service;
