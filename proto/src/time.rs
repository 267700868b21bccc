//! Protobuf instants.

use prost_types::Timestamp;

/// From microseconds since the epoch.
pub fn from_micros(micros: i64) -> Timestamp {
    let nanos = micros.rem_euclid(1_000_000) * 1_000;
    Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(nanos).unwrap_or(0),
    }
}

/// To microseconds since the epoch; saturates.
pub fn to_micros(timestamp: &Timestamp) -> i64 {
    timestamp
        .seconds
        .saturating_mul(1_000_000)
        .saturating_add(i64::from(timestamp.nanos) / 1_000)
}

/// From an instant of the kernel.
pub fn instant(at: lutong_kernel::Timestamp) -> Timestamp {
    from_micros(at.micros())
}

/// To an instant of the kernel; saturates.
pub fn timestamp(at: &Timestamp) -> lutong_kernel::Timestamp {
    lutong_kernel::Timestamp::from_micros(to_micros(at))
}
