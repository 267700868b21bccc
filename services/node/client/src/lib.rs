#![doc = include_str!("../README.md")]

#[macro_use]
pub mod output;
pub mod answers;
pub mod api;
pub mod areas;
pub mod client;
pub mod connection;
pub mod facts;
mod failure;
pub mod noun;
pub mod waiting;
pub mod why;

pub use failure::Failure;
