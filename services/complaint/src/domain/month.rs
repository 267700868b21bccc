//! Calendar months of Shandong.

use lutong_kernel::{LocalDay, Timestamp};

/// Longer than a month, and shorter than two.
const INTO_NEXT: i32 = 31;

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month {
    first: LocalDay,
    /// The first day of the next.
    next: LocalDay,
}

impl Month {
    /// Reads `YYYY-MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let first = LocalDay::parse(&format!("{text}-01")).ok()?;
        let into_next = first.plus_days(INTO_NEXT).to_string();
        let (next, _) = into_next.rsplit_once('-')?;
        Some(Self {
            first,
            next: LocalDay::parse(&format!("{next}-01")).ok()?,
        })
    }

    pub const fn start(self) -> Timestamp {
        self.first.start()
    }

    /// The first instant after it.
    pub const fn end(self) -> Timestamp {
        self.next.start()
    }

    pub fn is_over(self, now: Timestamp) -> bool {
        self.end() <= now
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = self.first.to_string();
        f.write_str(first.rsplit_once('-').map_or("", |(month, _)| month))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_and_ends_at_midnight_in_shandong() {
        for (text, start, end) in [
            (
                "2022-11",
                "2022-11-01T00:00:00+08:00",
                "2022-12-01T00:00:00+08:00",
            ),
            (
                "2022-12",
                "2022-12-01T00:00:00+08:00",
                "2023-01-01T00:00:00+08:00",
            ),
            (
                "2020-02",
                "2020-02-01T00:00:00+08:00",
                "2020-03-01T00:00:00+08:00",
            ),
            (
                "2023-01",
                "2023-01-01T00:00:00+08:00",
                "2023-02-01T00:00:00+08:00",
            ),
        ] {
            let month = Month::parse(text).unwrap();
            assert_eq!(month.start().to_rfc3339(), start);
            assert_eq!(month.end().to_rfc3339(), end);
            assert_eq!(month.to_string(), text);
            assert!(month.is_over(month.end()) && !month.is_over(month.end().plus_micros(-1)));
        }
    }

    #[test]
    fn what_is_no_month_is_none() {
        for text in [
            "",
            "2022",
            "2022-13",
            "2022-1",
            "2022-00",
            "202211",
            "2022-11-01",
            "9999-12",
        ] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
    }
}
