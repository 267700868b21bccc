#![doc = include_str!("../README.md")]

pub mod breaker;
pub mod config;
pub mod entropy;
pub mod health;
pub mod mesh_name;
pub mod pause;
pub mod private;
pub mod telemetry;
pub mod tls;
pub mod wall_clock;
