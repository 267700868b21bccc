#![doc = include_str!("../README.md")]

pub mod audit;
pub mod component;
pub mod etag;
pub mod event_log;
pub mod lookups;
pub mod operations;
pub mod skin;

pub use component::{BuildError, Component, Foundation, KeyFolder, Store, key_names};
pub use lutong_operating::pause::pause;
