//! Code-rendering's tables.

pub mod codes;
mod migrations;
pub mod signing_keys;
mod tables;

pub use migrations::Migrations;
