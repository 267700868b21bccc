//! People: registered by their documents, erased when no declaration follows.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
