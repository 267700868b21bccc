//! What every service stands on, with I/O.

pub mod entropy;
pub mod wall_clock;
