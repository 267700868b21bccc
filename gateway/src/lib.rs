#![doc = include_str!("../README.md")]

mod certificates;
mod config;
mod contract;
mod edge;
mod limit;
mod openapi;
mod own;
mod peers;
mod pools;
mod problem;
mod proxy;
mod sessions;
mod sign_in;
mod standing;
#[cfg(test)]
mod testing;
mod trace;
mod transcode;

pub use config::GatewayConfig;
pub use edge::{Edge, Gateway};
pub use peers::Peers;
pub use transcode::answer_json;
