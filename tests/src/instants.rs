//! Instants of the real clock, which the mesh uses too.

use lutong_kernel::{Clock as _, Timestamp};
use lutong_operating::wall_clock::WallClock;

pub fn now() -> Timestamp {
    WallClock.now()
}

/// An instant in the past, as JSON text.
pub fn ago(seconds: i64) -> String {
    now().plus_seconds(-seconds).to_rfc3339()
}
