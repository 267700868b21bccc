//! Use cases of history.

pub mod chains;
pub mod days;
