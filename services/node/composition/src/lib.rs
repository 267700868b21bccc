#![doc = include_str!("../README.md")]

mod certified;
pub mod config;
mod error;
pub mod findings;
pub mod keys;
pub mod one_process;
pub mod one_service;
pub mod preflight;
mod running;
pub mod wiring;

pub use error::StartError;
pub use running::Running;
