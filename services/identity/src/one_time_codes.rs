//! One-time codes by text message: they show that somebody holds a telephone.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
