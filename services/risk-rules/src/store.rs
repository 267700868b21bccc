//! Risk-rules' tables. Queries in domain words; rows never leave this module.

pub mod areas;
pub mod decisions;
mod migrations;
pub mod statements;
pub mod subjects;
mod tables;

pub use migrations::Migrations;
