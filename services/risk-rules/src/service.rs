//! Risk-rules' use cases.

pub mod appending;
pub mod areas;
pub mod book;
pub mod deciding;
pub mod due;
pub mod entry;
pub mod following;
pub mod reading;
mod sorting;
