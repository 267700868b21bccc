//! Instants as UTC microseconds, and the local days of Asia/Shanghai that the rules count in.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// Asia/Shanghai has stood at UTC+8 without daylight saving since 1991-09-15 (the tz database); every instant
/// this system decides about is later, so the offset is a constant and a day boundary is integer arithmetic.
const LOCAL_OFFSET: i64 = 8 * 3_600 * MICROS_PER_SECOND;

/// An instant: microseconds since 1970-01-01T00:00:00Z. This is also how every store keeps it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    #[error("an instant is RFC 3339 with an offset, for example 2022-03-01T18:00:00+08:00")]
    NotRfc3339,
    #[error("a day is YYYY-MM-DD")]
    NotADay,
    #[error("the instant lies outside the years 1900 to 9999")]
    OutOfRange,
}

impl Timestamp {
    /// Before every instant that can be parsed.
    pub const MIN: Self = Self(i64::MIN);
    /// "Without end": after every instant that can be parsed.
    pub const MAX: Self = Self(i64::MAX);

    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Whole seconds since the epoch; saturates.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The sub-second part in nanoseconds, as protobuf's `Timestamp.nanos`.
    #[allow(clippy::cast_possible_truncation)] // below 1e9 by construction
    pub const fn subsec_nanos(self) -> i32 {
        (self.0.rem_euclid(MICROS_PER_SECOND) * 1_000) as i32
    }

    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    pub fn plus(self, duration: std::time::Duration) -> Self {
        self.plus_micros(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
    }

    pub fn minus(self, duration: std::time::Duration) -> Self {
        self.plus_micros(-i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> std::time::Duration {
        let micros = self.0.saturating_sub(earlier.0).max(0);
        std::time::Duration::from_micros(micros.unsigned_abs())
    }

    /// The local (Asia/Shanghai) calendar day this instant falls on.
    #[allow(clippy::cast_possible_truncation)] // i64 micros / day fits i32 by a factor of twenty
    pub const fn local_day(self) -> LocalDay {
        LocalDay(self.0.saturating_add(LOCAL_OFFSET).div_euclid(MICROS_PER_DAY) as i32)
    }

    /// The end of a "+ n days" window (DOMAIN 4): the local date of the anchor is day 0 and the window runs
    /// through the end of day n.
    pub const fn end_of_window(self, days: i32) -> Self {
        self.local_day().plus_days(days + 1).start()
    }

    /// Parses RFC 3339 with an offset. A leap second reads as the last second before it.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let instant: jiff::Timestamp = text.parse().map_err(|_| TimeError::NotRfc3339)?;
        let micros = instant.as_microsecond();
        // Years 1900..=9999: what protobuf's Timestamp and every partner's parser agree on.
        if !(-2_208_988_800_000_000..253_402_300_800_000_000).contains(&micros) {
            return Err(TimeError::OutOfRange);
        }
        Ok(Self(micros))
    }

    /// RFC 3339 in local time, as people read it: `2022-11-26T08:00:00+08:00`.
    pub fn to_rfc3339(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => {
                let local = jiff::tz::offset(8).to_datetime(instant);
                let seconds = local.strftime("%Y-%m-%dT%H:%M:%S");
                let fraction = self.0.rem_euclid(MICROS_PER_SECOND);
                if fraction == 0 {
                    format!("{seconds}+08:00")
                } else {
                    format!("{seconds}.{fraction:06}+08:00")
                }
            }
            Err(_) if self.0 > 0 => "end of time".to_owned(),
            Err(_) => "beginning of time".to_owned(),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A calendar day in Asia/Shanghai: days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDay(i32);

impl LocalDay {
    pub const fn from_days(days: i32) -> Self {
        Self(days)
    }

    pub const fn days(self) -> i32 {
        self.0
    }

    /// A day that the calendar has, or `None`.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        let date = jiff::civil::Date::new(year, month, day).ok()?;
        let epoch = jiff::civil::date(1970, 1, 1);
        Some(Self(date.since((jiff::Unit::Day, epoch)).ok()?.get_days()))
    }

    /// Parses `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(TimeError::NotADay);
        }
        let field = |range: std::ops::Range<usize>| -> Result<i16, TimeError> {
            let digits = text.get(range).ok_or(TimeError::NotADay)?;
            if !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(TimeError::NotADay);
            }
            digits.parse().map_err(|_| TimeError::NotADay)
        };
        let month = i8::try_from(field(5..7)?).map_err(|_| TimeError::NotADay)?;
        let day = i8::try_from(field(8..10)?).map_err(|_| TimeError::NotADay)?;
        Self::from_ymd(field(0..4)?, month, day).ok_or(TimeError::NotADay)
    }

    /// 00:00 local on this day.
    pub const fn start(self) -> Timestamp {
        Timestamp((self.0 as i64) * MICROS_PER_DAY - LOCAL_OFFSET)
    }

    /// 00:00 local on the day after: the half-open end of this day.
    pub const fn end(self) -> Timestamp {
        self.plus_days(1).start()
    }

    pub const fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

impl fmt::Display for LocalDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epoch = jiff::civil::date(1970, 1, 1);
        match epoch.checked_add(jiff::Span::new().days(self.0)) {
            Ok(date) => write!(f, "{date}"),
            Err(_) => write!(f, "day {}", self.0),
        }
    }
}

impl fmt::Debug for LocalDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_fourteen_days_ends_at_local_midnight_after_day_fourteen() {
        let anchor = Timestamp::parse("2022-03-01T18:00:00+08:00").unwrap();
        assert_eq!(anchor.end_of_window(14).to_rfc3339(), "2022-03-16T00:00:00+08:00");
    }

    #[test]
    fn the_local_day_changes_at_sixteen_utc() {
        let before = Timestamp::parse("2024-02-28T15:59:59.999999Z").unwrap();
        let after = Timestamp::parse("2024-02-28T16:00:00Z").unwrap();
        assert_eq!(before.local_day().to_string(), "2024-02-28");
        assert_eq!(after.local_day().to_string(), "2024-02-29");
    }

    #[test]
    fn an_instant_without_an_offset_is_refused() {
        assert_eq!(
            Timestamp::parse("2022-03-01T18:00:00"),
            Err(TimeError::NotRfc3339)
        );
        assert_eq!(Timestamp::parse("2022-03-01"), Err(TimeError::NotRfc3339));
    }

    #[test]
    fn a_day_the_calendar_does_not_have_is_refused() {
        assert!(LocalDay::parse("2023-02-29").is_err());
        assert!(LocalDay::parse("2024-02-29").is_ok());
        assert!(LocalDay::parse("+024-02-29").is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_is_printed_reads_back(micros in -2_000_000_000_000_000_i64..250_000_000_000_000_000) {
            let instant = Timestamp::from_micros(micros);
            proptest::prop_assert_eq!(Timestamp::parse(&instant.to_rfc3339()), Ok(instant));
        }
    }
}
