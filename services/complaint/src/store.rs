//! Complaint's tables. Queries in domain words; rows never leave this module.

pub mod complaints;
mod migrations;
mod tables;

pub use migrations::Migrations;
