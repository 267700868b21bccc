//! Tells people that their code has changed. Which colour it has and why, nobody says here: identity does not know it.

pub mod service;
pub mod store;
