//! Rule sets: announced, previewed, approved, activated behind a guard, or closed.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
