//! Declaration's use cases.

pub mod applications;
pub mod arrivals;
pub mod declaring;
pub mod fact_imports;
pub mod feed;
pub mod operations;
pub mod pulling;
pub mod pulls;
