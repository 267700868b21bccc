//! People: merges of subjects and divisions of residence, as published by identity.

pub mod service;
pub mod store;
