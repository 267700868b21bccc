//! A code, and how it is drawn. Pure.

pub mod code;
pub mod picture;
