//! Facts: statements of feeds, declarants and officers, appended together with the decisions that follow from them.

pub mod rpc;
pub mod service;
pub mod store;
