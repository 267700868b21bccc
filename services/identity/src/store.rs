//! Identity's tables. Queries in domain words; rows never leave this module.

pub mod account_changes;
pub mod accounts;
pub mod homes;
pub mod merges;
mod migrations;
pub mod people;
mod tables;

pub use migrations::Migrations;
