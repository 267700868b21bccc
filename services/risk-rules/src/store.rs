//! Risk-rules' tables. Queries in domain words; rows never leave this module.

pub mod areas;
pub mod decisions;
mod migrations;
pub mod rosters;
pub mod rule_sets;
pub mod statements;
pub mod stay_places;
pub mod subjects;
mod tables;

pub use migrations::Migrations;
