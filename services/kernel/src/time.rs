//! Instants as UTC microseconds, and the calendar days of Asia/Shanghai in which the rules count.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// Asia/Shanghai has been UTC+8 without daylight saving time since 1991-09-15 (tz database). Every instant that this
/// system decides about is later, so that the offset is a constant.
const LOCAL_OFFSET: i64 = 8 * 3_600 * MICROS_PER_SECOND;
/// 1900-01-01T00:00:00Z.
const YEAR_1900: i64 = -2_208_988_800 * MICROS_PER_SECOND;

/// An instant: microseconds since 1970-01-01T00:00:00Z. Stores keep the same number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The rule that the text of an instant or a day breaks.
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
    /// After every instant that can be parsed: the end of something without an end.
    pub const MAX: Self = Self(i64::MAX);

    /// Microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Whole seconds since the epoch; saturates.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This instant and `micros` microseconds; saturates.
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// This instant and `seconds` seconds; saturates.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// The instant `duration` later, in whole microseconds; saturates.
    pub fn plus(self, duration: Duration) -> Self {
        self.plus_micros(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
    }

    /// The instant `duration` earlier, in whole microseconds; saturates.
    pub fn minus(self, duration: Duration) -> Self {
        self.plus_micros(-i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
    }

    /// The time from `earlier` to this instant; zero if `earlier` is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0).max(0);
        Duration::from_micros(micros.unsigned_abs())
    }

    /// The calendar day in Asia/Shanghai that contains this instant.
    #[allow(clippy::cast_possible_truncation)] // 64 bits of microseconds are 107 million days
    pub const fn local_day(self) -> LocalDay {
        LocalDay(self.0.saturating_add(LOCAL_OFFSET).div_euclid(MICROS_PER_DAY) as i32)
    }

    /// The end of a window of "+ n days" of a rule: the local day of this instant is day 0, and the window includes day n.
    pub const fn end_of_window(self, days: i32) -> Self {
        self.local_day().plus_days(days).end()
    }

    /// Parses RFC 3339 with an offset; fractions of a microsecond are dropped. A leap second reads as the second before it.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let instant: jiff::Timestamp = text.parse().map_err(|_| TimeError::NotRfc3339)?;
        let micros = instant.as_microsecond();
        // The parser above ends within 9999, and protobuf's Timestamp with that year.
        if micros < YEAR_1900 {
            return Err(TimeError::OutOfRange);
        }
        Ok(Self(micros))
    }

    /// RFC 3339 in local time, with microseconds if there are any: `2022-11-26T08:00:00+08:00`. Instants outside the years
    /// of RFC 3339 are written as `beginning of time` and `end of time`.
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
            Err(_) if self.0.is_positive() => "end of time".to_owned(),
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
    /// Days since 1970-01-01.
    pub const fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    pub const fn days(self) -> i32 {
        self.0
    }

    /// The day with this date, or `None` if the calendar does not have it.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        Self::from_date(jiff::civil::Date::new(year, month, day).ok()?)
    }

    /// Parses `YYYY-MM-DD`, which is the only accepted form.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let date: jiff::civil::Date = text.parse().map_err(|_| TimeError::NotADay)?;
        // jiff reads more forms of ISO 8601, and writes years before 0 with more digits.
        if text.len() != 10 || date.to_string() != text {
            return Err(TimeError::NotADay);
        }
        Self::from_date(date).ok_or(TimeError::NotADay)
    }

    fn from_date(date: jiff::civil::Date) -> Option<Self> {
        let epoch = jiff::civil::date(1970, 1, 1);
        Some(Self(date.since((jiff::Unit::Day, epoch)).ok()?.get_days()))
    }

    /// The first instant of this day: 00:00 in Asia/Shanghai; saturates.
    pub const fn start(self) -> Timestamp {
        Timestamp((self.0 as i64).saturating_mul(MICROS_PER_DAY)).plus_micros(-LOCAL_OFFSET)
    }

    /// The first instant after this day: 00:00 of the next day.
    pub const fn end(self) -> Timestamp {
        self.plus_days(1).start()
    }

    /// The day `days` days later; saturates.
    pub const fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

impl fmt::Display for LocalDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epoch = jiff::civil::date(1970, 1, 1);
        let span = jiff::Span::new().try_days(self.0);
        match span.and_then(|span| epoch.checked_add(span)) {
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
mod tests;
