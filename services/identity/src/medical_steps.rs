//! The steps of care at which health cards are used.

pub mod domain;
