//! Wire forms of values that every capability uses: instants and digests.

use lutong_kernel::Timestamp;
use lutong_proto::time;

pub fn instant(at: Timestamp) -> prost_types::Timestamp {
    time::from_micros(at.micros())
}

/// The kernel's form of an instant of the wire.
pub fn timestamp(time: &prost_types::Timestamp) -> Timestamp {
    Timestamp::from_micros(time::to_micros(time))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// A count of the wire.
pub fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
