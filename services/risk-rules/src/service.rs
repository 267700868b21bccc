//! Risk-rules' use cases.

pub mod appending;
pub mod areas;
pub mod book;
pub mod deciding;
pub mod due;
pub mod entry;
pub mod following;
pub mod history;
pub mod intervals;
pub mod key_areas;
pub mod placement;
pub mod reading;
pub mod recomparison;
mod sorting;
