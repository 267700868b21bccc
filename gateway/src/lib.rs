#![doc = include_str!("../README.md")]

mod component;
mod config;
mod edge;
mod fault;
mod limits;
mod openapi;
mod pages;
mod peers;
mod problem;
mod request_body;
mod routing;
mod rpc;
mod sessions;
mod sign_in;
#[cfg(test)]
mod testing;
mod trace;

pub use component::{Dependencies, build};
pub use config::GatewayConfig;
pub use edge::Edge;
pub use peers::Peers;
pub use rpc::transcode::answer_json;
pub use sessions::SessionKeys;
