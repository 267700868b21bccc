//! Places that are held to account: by which rules, what complaints count for, and what is done with a case.

pub mod case;
pub mod rules;
pub mod voices;
