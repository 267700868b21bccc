//! How much one caller may ask for: calls a second, and calls under way at once.

pub mod concurrency;
pub mod rate;
