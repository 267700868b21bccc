//! Risk-rules' use cases.

pub mod appending;
pub mod areas;
pub mod book;
pub mod deciding;
pub mod designations;
pub mod due;
pub mod entry;
pub mod following;
pub mod history;
pub mod reading;
pub mod recomparison;
pub mod rollback;
mod sorting;
