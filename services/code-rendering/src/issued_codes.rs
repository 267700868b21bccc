//! Codes whose tokens are stored until they expire: on paper, bound to a device, and for the readers of hospitals.

pub mod domain;
pub mod service;
pub mod store;
