//! In which county people live, as identity publishes it: for the permits of counter staff.

pub mod service;
pub mod store;
