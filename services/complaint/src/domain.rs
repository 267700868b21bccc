//! Feedback and its number. Pure.

pub mod feedback;
pub mod tracking;
