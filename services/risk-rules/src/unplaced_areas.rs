//! Unplaced areas: rows of notices that an officer has to place.

pub mod rpc;
pub mod service;
pub mod store;
