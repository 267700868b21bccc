//! What the origins of converted codes say of them later.

pub mod service;
pub mod store;
