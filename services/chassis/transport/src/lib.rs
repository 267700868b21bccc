#![doc = include_str!("../README.md")]

pub mod access;
pub mod client;
pub mod deadline;
pub mod peer;
pub mod record;
pub mod reply;
pub mod server;
pub mod status;
