//! Declaration's use cases.

pub mod applications;
pub mod arrivals;
pub mod declaring;
pub mod feed;
