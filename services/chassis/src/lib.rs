#![doc = include_str!("../README.md")]

pub mod access;
pub mod audit;
pub mod client;
pub mod component;
pub mod config;
pub mod crypto;
pub mod deadline;
pub mod entropy;
pub mod etag;
pub mod failpoint;
pub mod gather;
pub mod health;
pub mod idempotency;
pub mod installation;
pub mod operations;
pub mod outbox;
pub mod peer;
pub mod private;
pub mod reply;
pub mod server;
pub mod skin;
pub mod status;
pub mod storage;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tls;
pub mod wall_clock;

pub use access::{Grant, Principal};
pub use client::{Call, MeshChannel};
pub use component::{BuildError, Component, Foundation, KeyFolder, Store, key_names};
