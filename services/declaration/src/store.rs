//! Declaration's tables. Queries in domain words; rows never leave this module.

pub mod declarations;
mod migrations;
pub mod pulls;
mod tables;

pub use migrations::Migrations;
