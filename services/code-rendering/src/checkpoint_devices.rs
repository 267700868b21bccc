//! The devices of registered doors: their credentials and their heartbeats.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
