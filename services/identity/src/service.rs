//! Identity's use cases.

pub mod accounts;
pub mod confirmation;
pub mod merging;
pub mod registry;
