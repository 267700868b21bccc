//! Which patient of an institution holds a card.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
