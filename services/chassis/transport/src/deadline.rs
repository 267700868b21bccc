//! Deadlines. Only the network transport enforces `grpc-timeout`, so the server stack enforces it, in one process and
//! between processes alike, and reduces it at each hop.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

/// Subtracted per hop, so that the caller receives the error before its own deadline passes.
const HOP: Duration = Duration::from_millis(5);

/// An instant of the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// The caller's `grpc-timeout`, at most `longest`.
    pub fn of_headers(headers: &HeaderMap, longest: Duration) -> Self {
        let asked = headers
            .get("grpc-timeout")
            .and_then(|value| value.to_str().ok())
            .and_then(parse);
        Self::after(asked.map_or(longest, |asked| asked.min(longest)))
    }

    pub fn instant(self) -> Instant {
        self.0
    }

    /// The remaining time for a call to another service.
    pub fn left_for_hop(self) -> Duration {
        self.0
            .saturating_duration_since(Instant::now())
            .saturating_sub(HOP)
    }
}

/// Parses a `grpc-timeout`: at most eight digits and a unit.
pub fn parse(text: &str) -> Option<Duration> {
    let digits = text.get(..text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match text.as_bytes().last()? {
        b'H' => Duration::from_secs(amount * 3_600),
        b'M' => Duration::from_secs(amount * 60),
        b'S' => Duration::from_secs(amount),
        b'm' => Duration::from_millis(amount),
        b'u' => Duration::from_micros(amount),
        b'n' => Duration::from_nanos(amount),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_of_the_grpc_spec_are_read_and_others_are_not() {
        assert_eq!(parse("50m"), Some(Duration::from_millis(50)));
        assert_eq!(parse("2S"), Some(Duration::from_secs(2)));
        for bad in ["", "S", "123456789S", "5", "-1S", "5x", "５S"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
