//! A table (CSV) of listings with their ends, compiled from many notices. A table is accepted or rejected as a whole.

use std::collections::HashMap;

use csv::{ReaderBuilder, StringRecord};
use lutong_kernel::{DivisionCode, Timestamp};

use super::{Listing, PlacementReason, UnplacedListing, placed};
use crate::area::RiskLevel;

/// The columns that are read. They may be in any order, with other columns between them.
const COLUMNS: [&str; 8] = [
    "level",
    "province",
    "city",
    "county",
    "community",
    "gb2260_code",
    "first_seen",
    "removed_at",
];

/// Why a table is rejected. Lines are counted from 1, the header included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct IntervalError {
    pub line: u64,
    pub column: &'static str,
    pub problem: CellError,
}

/// What is wrong with a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    #[error("the column is missing")]
    ColumnMissing,
    #[error("the line is not UTF-8 text with as many cells as the header")]
    Unreadable,
    #[error("a level is one of high, medium, low; key areas come from officers only")]
    Level,
    #[error("a division code has six digits (GB/T 2260)")]
    Code,
    #[error("an instant is RFC 3339 with an offset")]
    Instant,
    #[error("the end lies before the beginning")]
    EndsBeforeItBegins,
}

/// The period in which notices listed a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticePeriod {
    pub from: Timestamp,
    /// `None`: still listed when the table was compiled.
    pub to: Option<Timestamp>,
}

/// A parsed table whose rows are mapped to divisions.
#[derive(Debug, Clone, Default)]
pub struct Intervals {
    /// Number of rows.
    pub rows: usize,
    /// One entry for each place, level and beginning. A row that unambiguously names several buildings yields several entries.
    pub listings: Vec<(Listing, NoticePeriod)>,
    pub needs_placement: Vec<(UnplacedListing, NoticePeriod)>,
    /// Number of rows of the low-risk list, which has no effect.
    pub low: usize,
}

impl Intervals {
    pub fn parse(csv: &[u8]) -> Result<Self, IntervalError> {
        let mut reader = ReaderBuilder::new().from_reader(csv);
        let columns = Columns::find(reader.headers().map_err(|_| unreadable(1))?)?;
        let mut read = Self::default();
        let mut known = HashMap::new();
        let mut cells = StringRecord::new();
        loop {
            let line = reader.position().line();
            if !reader.read_record(&mut cells).map_err(|_| unreadable(line))? {
                return Ok(read);
            }
            let line = cells.position().map_or(line, csv::Position::line);
            let row = columns.row(&cells).map_err(|(column, problem)| IntervalError {
                line,
                column,
                problem,
            })?;
            read.rows += 1;
            read.add(row, &mut known);
        }
    }

    fn add(&mut self, row: Row<'_>, known: &mut HashMap<(Listing, Timestamp), usize>) {
        if row.level == RiskLevel::Low {
            self.low += 1;
            return;
        }
        // The code of a city means that GB/T 2260 does not contain the row's county, for example a development zone.
        let code = Some(row.code).filter(|code| !code.is_above_county());
        match placed(code, row.community) {
            Ok((code, names)) => {
                for community in names {
                    let listing = Listing {
                        code,
                        community,
                        level: row.level,
                    };
                    self.list(listing, row.period, known);
                }
            }
            Err(reason) => self.needs_placement.push((row.unplaced(reason), row.period)),
        }
    }

    /// Adds a listing. Of two with the same beginning, one with an end replaces one without, then the later end wins, as in
    /// [`crate::area::AreaBook`].
    fn list(
        &mut self,
        listing: Listing,
        period: NoticePeriod,
        known: &mut HashMap<(Listing, Timestamp), usize>,
    ) {
        let at = *known
            .entry((listing.clone(), period.from))
            .or_insert(self.listings.len());
        match self.listings.get_mut(at) {
            Some((_, before)) => before.to = before.to.max(period.to),
            None => self.listings.push((listing, period)),
        }
    }
}

#[derive(Clone, Copy)]
struct Row<'a> {
    level: RiskLevel,
    place: [&'a str; 3],
    community: &'a str,
    code: DivisionCode,
    period: NoticePeriod,
}

impl Row<'_> {
    fn unplaced(&self, reason: PlacementReason) -> UnplacedListing {
        UnplacedListing {
            place: self.place.join(" "),
            community: self.community.to_owned(),
            level: self.level,
            reason,
        }
    }
}

/// The position of each of `COLUMNS` in the table.
struct Columns([usize; COLUMNS.len()]);

impl Columns {
    fn find(header: &StringRecord) -> Result<Self, IntervalError> {
        let mut places = [0; COLUMNS.len()];
        for (place, column) in places.iter_mut().zip(COLUMNS) {
            let found = header
                .iter()
                .position(|name| name.trim_start_matches('\u{feff}') == column);
            *place = found.ok_or(IntervalError {
                line: 1,
                column,
                problem: CellError::ColumnMissing,
            })?;
        }
        Ok(Self(places))
    }

    fn row<'a>(&self, cells: &'a StringRecord) -> Result<Row<'a>, (&'static str, CellError)> {
        let [
            level,
            province,
            city,
            county,
            community,
            code,
            first_seen,
            removed_at,
        ] = self.0.map(|place| cells.get(place).unwrap_or_default().trim());
        let level = level.parse().ok().filter(|level| *level != RiskLevel::Key);
        let code = DivisionCode::parse(code).ok().filter(|code| !code.is_street());
        let from = Timestamp::parse(first_seen).map_err(|_| ("first_seen", CellError::Instant))?;
        let to = match removed_at {
            "" => None,
            text => Some(Timestamp::parse(text).map_err(|_| ("removed_at", CellError::Instant))?),
        };
        if to.is_some_and(|to| to < from) {
            return Err(("removed_at", CellError::EndsBeforeItBegins));
        }
        Ok(Row {
            level: level.ok_or(("level", CellError::Level))?,
            place: [province, city, county],
            community,
            code: code.ok_or(("gb2260_code", CellError::Code))?,
            period: NoticePeriod { from, to },
        })
    }
}

const fn unreadable(line: u64) -> IntervalError {
    IntervalError {
        line,
        column: COLUMNS[0],
        problem: CellError::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    const SAMPLE: &[u8] = include_bytes!("../../data/intervals/shandong_2022_sample.csv.gz");

    fn sample() -> String {
        let mut csv = String::new();
        flate2::read::GzDecoder::new(SAMPLE)
            .read_to_string(&mut csv)
            .unwrap();
        csv
    }

    #[test]
    fn every_row_of_the_real_sample_is_listed_or_waits_or_is_low() {
        let read = Intervals::parse(sample().as_bytes()).unwrap();
        // Twenty rows are listed; some of them name two or three buildings.
        assert_eq!(
            (
                read.rows,
                read.low,
                read.listings.len(),
                read.needs_placement.len()
            ),
            (31, 4, 26, 7)
        );
        let waits = |reason| {
            let of_it = read
                .needs_placement
                .iter()
                .filter(|(row, _)| row.reason == reason);
            of_it.count()
        };
        assert_eq!(
            (
                waits(PlacementReason::Complement),
                waits(PlacementReason::PlaceUnknown)
            ),
            (3, 4)
        );
        let (first, period) = &read.listings[0];
        assert_eq!(
            (first.code.to_string().as_str(), first.level),
            ("371003", RiskLevel::Medium)
        );
        assert_eq!(period.from.to_rfc3339(), "2022-04-15T19:20:56+08:00");
        assert_eq!(
            period.to.map(Timestamp::to_rfc3339).as_deref(),
            Some("2022-04-20T16:38:33+08:00")
        );
        assert!(read.listings.iter().all(|(one, _)| !one.code.is_above_county()));
    }

    #[test]
    fn a_table_with_one_wrong_cell_is_refused_naming_line_column_and_reason() {
        let good = sample();
        for (written, instead, line, column, problem) in [
            ("gb2260_code", "code", 1, "gb2260_code", CellError::ColumnMissing),
            ("medium,", "key,", 2, "level", CellError::Level),
            ("371003", "37100", 2, "gb2260_code", CellError::Code),
            (
                "2022-04-28T11:10:08+08:00",
                "28.4.2022",
                3,
                "first_seen",
                CellError::Instant,
            ),
            (
                "2022-05-06T00:49:06+08:00",
                "2021-05-06T00:49:06+08:00",
                3,
                "removed_at",
                CellError::EndsBeforeItBegins,
            ),
            (",22\n", "\n", 2, "level", CellError::Unreadable),
        ] {
            let bad = good.replacen(written, instead, 1);
            let refused = Intervals::parse(bad.as_bytes()).unwrap_err();
            assert_eq!(
                refused,
                IntervalError {
                    line,
                    column,
                    problem
                }
            );
        }
        let cut = &good[..good.rfind('T').unwrap()];
        assert_eq!(Intervals::parse(cut.as_bytes()).unwrap_err().line, 32);
    }

    #[test]
    fn what_begins_alike_is_listed_once_until_the_later_end() {
        let csv = "level,province,city,county,community,gb2260_code,first_seen,removed_at\n\
            high,山东省,青岛市,市南区,甲小区,370202,2022-11-01T00:00:00+08:00,2022-11-03T00:00:00+08:00\n\
            high,山东省,青岛市,市南区,甲小区 ,370202,2022-11-01T00:00:00+08:00,2022-11-05T00:00:00+08:00\n\
            high,山东省,青岛市,市南区,甲小区,370202,2022-11-06T00:00:00+08:00,\n";
        let read = Intervals::parse(csv.as_bytes()).unwrap();
        let ends: Vec<_> = read
            .listings
            .iter()
            .map(|(_, period)| period.to.map(Timestamp::to_rfc3339))
            .collect();
        assert_eq!(ends, [Some("2022-11-05T00:00:00+08:00".to_owned()), None]);
    }
}
