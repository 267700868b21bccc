//! Declaration's tables. Queries in domain words; rows never leave this module.

pub mod declarations;
pub mod fact_imports;
mod migrations;
pub mod pulls;
mod tables;

pub use migrations::Migrations;
