//! Use cases of facts.

pub mod appending;
pub mod following;
pub mod intake;
pub mod reader;
mod sorting;
pub mod statement;
pub mod trial;
