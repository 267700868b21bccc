//! Risk-rules' tables. Queries in domain words; rows never leave this module.

pub mod areas;
pub mod basis;
pub mod day_seals;
pub mod decisions;
pub mod designations;
pub mod key_areas;
pub mod merges;
mod migrations;
pub mod recomparisons;
pub mod rollbacks;
pub mod rosters;
pub mod rule_changes;
pub mod rule_sets;
pub mod scan;
pub mod statements;
pub mod stay_places;
pub mod subjects;
mod tables;
pub mod unplaced;

pub use migrations::Migrations;
