//! Codes whose tokens are stored until they expire: on paper and bound to a device.

pub mod domain;
pub mod service;
pub mod store;
