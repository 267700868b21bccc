//! Working days: Monday to Friday, without the public holidays and with the make-up working days of the years that are known.

use std::collections::BTreeSet;

use lutong_kernel::{LocalDay, Timestamp};

use super::lines;

/// The holidays of the province, as announced by the State Council.
const HOLIDAYS: &str = include_str!("../../data/holidays.csv");
/// No holiday is longer than this; a longer span in the file is a mistake.
const LONGEST: usize = 15;

/// Which days are working days.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    years: BTreeSet<i16>,
    off: BTreeSet<LocalDay>,
    work: BTreeSet<LocalDay>,
}

/// A line of a calendar that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the calendar is none of `year,YYYY`, `off,DAY,DAY,NAME` and `work,DAY,DAY,NAME`")]
pub struct CalendarError {
    pub line: usize,
}

impl Calendar {
    /// The calendar of the province that this build has.
    pub fn of_province() -> Result<Self, CalendarError> {
        Self::parse(HOLIDAYS)
    }

    pub fn parse(text: &str) -> Result<Self, CalendarError> {
        let mut calendar = Self::default();
        for (number, line) in lines::of_data(text) {
            calendar.read(line).ok_or(CalendarError { line: number })?;
        }
        Ok(calendar)
    }

    fn read(&mut self, line: &str) -> Option<()> {
        let cells: Vec<&str> = line.split(',').collect();
        let (days, first, last) = match cells[..] {
            ["year", year] => {
                self.years.insert(year.parse().ok()?);
                return Some(());
            }
            ["off", first, last, _] => (&mut self.off, first, last),
            ["work", first, last, _] => (&mut self.work, first, last),
            _ => return None,
        };
        let (first, last) = (LocalDay::parse(first).ok()?, LocalDay::parse(last).ok()?);
        let span: Vec<LocalDay> = std::iter::successors(Some(first), |day| Some(day.plus_days(1)))
            .take_while(|day| *day <= last)
            .take(LONGEST + 1)
            .collect();
        if span.is_empty() || span.len() > LONGEST {
            return None;
        }
        days.extend(span);
        Some(())
    }

    /// Whether the holidays of the year of a day are known. Elsewhere only weekends count.
    pub fn is_known(&self, day: LocalDay) -> bool {
        let year = day.to_string();
        year.split('-')
            .next()
            .and_then(|year| year.parse().ok())
            .is_some_and(|year| self.years.contains(&year))
    }

    pub fn is_working_day(&self, day: LocalDay) -> bool {
        if self.off.contains(&day) {
            return false;
        }
        // 1970-01-01, day 0, was a Thursday.
        let is_weekend = (day.days() + 3).rem_euclid(7) >= 5;
        !is_weekend || self.work.contains(&day)
    }

    /// The `count`th working day after a day, which does not count itself.
    pub fn working_day_after(&self, day: LocalDay, count: u32) -> LocalDay {
        let mut last = day;
        for _ in 0..count {
            last = last.plus_days(1);
            while !self.is_working_day(last) {
                last = last.plus_days(1);
            }
        }
        last
    }

    /// When `count` working days from an instant are over: the end of the last of them.
    pub fn end_of_working_days(&self, from: Timestamp, count: u32) -> Timestamp {
        self.working_day_after(from.local_day(), count).end()
    }
}

#[cfg(test)]
mod tests;
