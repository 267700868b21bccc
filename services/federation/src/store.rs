//! Federation's record of verifications: append-only, nothing personal.

mod migrations;
mod tables;
pub mod verifications;

pub use migrations::Migrations;
