//! Electronic health cards: asked for at the card platform, suspended and resumed by their holder, read at a hospital.

pub mod domain;
pub mod rpc;
pub mod service;
pub mod store;
