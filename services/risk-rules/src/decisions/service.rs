//! Use cases of decisions.

pub mod deciding;
pub mod delivery;
pub mod due;
pub mod explaining;
pub mod reading;
pub mod redeciding;
pub mod replaying;
