//! Risk-rules' use cases.

pub mod activation;
pub mod appending;
pub mod approval;
pub mod areas;
pub mod book;
pub mod deciding;
pub mod designations;
pub mod due;
pub mod effect;
pub mod entry;
pub mod following;
pub mod history;
pub mod history_verification;
pub mod intervals;
pub mod key_areas;
pub mod operations;
pub mod people;
pub mod placement;
pub mod reading;
pub mod recomparison;
pub mod rollback;
pub mod rule_changes;
mod shadow;
mod sorting;
pub mod statement;
