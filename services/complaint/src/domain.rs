//! Feedback and tracking numbers. Pure.

pub mod feedback;
pub mod tracking;
