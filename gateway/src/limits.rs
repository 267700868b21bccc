//! How much one caller may ask for: calls a second, calls under way at once, and when to come again.

pub mod concurrency;
pub mod rate;
pub mod retry_delay;
