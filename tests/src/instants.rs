//! Instants on the real clock, which is the mesh's.

use lutong_kernel::{Clock as _, Timestamp};
use lutong_operating::wall_clock::WallClock;

pub fn now() -> Timestamp {
    WallClock.now()
}

/// As JSON has it.
pub fn ago(seconds: i64) -> String {
    now().plus_seconds(-seconds).to_rfc3339()
}
