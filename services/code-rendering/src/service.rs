//! Code-rendering's use cases.

pub mod codes;
pub mod following;
pub mod keys;
mod memory;
mod reading;
pub mod showing;
pub mod verification;
