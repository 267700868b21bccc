//! What two people no longer believe of a partner: its codes and changes within a span.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
