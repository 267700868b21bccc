//! Listings with their ends, as a table (CSV): what a collector of notices saw first and last. Read whole or refused.

use std::collections::HashMap;

use csv::{ReaderBuilder, StringRecord};
use lutong_kernel::{DivisionCode, Timestamp};

use super::{Listing, Reason, Unplaced, placed};
use crate::domain::area::RiskLevel;

/// The columns that are read; others may stand beside them, in any order.
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

/// Why a table is refused: the line counts from 1, the header being the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {wrong}")]
pub struct IntervalError {
    pub line: u64,
    pub column: &'static str,
    pub wrong: Wrong,
}

/// What is wrong with a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
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

/// From when until when a notice listed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub from: Timestamp,
    /// Absent: still listed when the table was made.
    pub to: Option<Timestamp>,
}

/// The table, placed.
#[derive(Debug, Clone, Default)]
pub struct Intervals {
    /// Rows that were read.
    pub rows: usize,
    /// Each place, level and beginning once, split where that is unambiguous.
    pub listings: Vec<(Listing, Span)>,
    pub needs_placement: Vec<(Unplaced, Span)>,
    /// Rows of the low-risk list: counted, of no consequence.
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
            let row = columns
                .row(&cells)
                .map_err(|(column, wrong)| IntervalError { line, column, wrong })?;
            read.rows += 1;
            read.add(row, &mut known);
        }
    }

    fn add(&mut self, row: Row<'_>, known: &mut HashMap<(Listing, Timestamp), usize>) {
        if row.level == RiskLevel::Low {
            self.low += 1;
            return;
        }
        // A city's own code says that the row's county is none of GB/T 2260: a development zone, say.
        let code = Some(row.code).filter(|code| !code.is_above_county());
        match placed(code, row.community) {
            Ok((code, names)) => {
                for community in names {
                    let listing = Listing {
                        code,
                        community,
                        level: row.level,
                    };
                    self.list(listing, row.span, known);
                }
            }
            Err(reason) => self.needs_placement.push((row.unplaced(reason), row.span)),
        }
    }

    /// Of two that begin alike one with an end counts, then the later end: as in the book of areas.
    fn list(&mut self, listing: Listing, span: Span, known: &mut HashMap<(Listing, Timestamp), usize>) {
        let at = *known
            .entry((listing.clone(), span.from))
            .or_insert(self.listings.len());
        match self.listings.get_mut(at) {
            Some((_, before)) => before.to = before.to.max(span.to),
            None => self.listings.push((listing, span)),
        }
    }
}

#[derive(Clone, Copy)]
struct Row<'a> {
    level: RiskLevel,
    place: [&'a str; 3],
    community: &'a str,
    code: DivisionCode,
    span: Span,
}

impl Row<'_> {
    fn unplaced(&self, reason: Reason) -> Unplaced {
        Unplaced {
            place: self.place.join(" "),
            community: self.community.to_owned(),
            level: self.level,
            reason,
        }
    }
}

/// Where each of `COLUMNS` stands.
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
                wrong: Wrong::ColumnMissing,
            })?;
        }
        Ok(Self(places))
    }

    fn row<'a>(&self, cells: &'a StringRecord) -> Result<Row<'a>, (&'static str, Wrong)> {
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
        let from = Timestamp::parse(first_seen).map_err(|_| ("first_seen", Wrong::Instant))?;
        let to = match removed_at {
            "" => None,
            text => Some(Timestamp::parse(text).map_err(|_| ("removed_at", Wrong::Instant))?),
        };
        if to.is_some_and(|to| to < from) {
            return Err(("removed_at", Wrong::EndsBeforeItBegins));
        }
        Ok(Row {
            level: level.ok_or(("level", Wrong::Level))?,
            place: [province, city, county],
            community,
            code: code.ok_or(("gb2260_code", Wrong::Code))?,
            span: Span { from, to },
        })
    }
}

const fn unreadable(line: u64) -> IntervalError {
    IntervalError {
        line,
        column: COLUMNS[0],
        wrong: Wrong::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    const SAMPLE: &[u8] = include_bytes!("../../../data/intervals/shandong_2022_sample.csv.gz");

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
        // Twenty-four rows name a place, four of them two buildings or three.
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
        assert_eq!((waits(Reason::Complement), waits(Reason::PlaceUnknown)), (3, 4));
        let (first, span) = &read.listings[0];
        assert_eq!(
            (first.code.to_string().as_str(), first.level),
            ("371003", RiskLevel::Medium)
        );
        assert_eq!(span.from.to_rfc3339(), "2022-04-15T19:20:56+08:00");
        assert_eq!(
            span.to.map(Timestamp::to_rfc3339).as_deref(),
            Some("2022-04-20T16:38:33+08:00")
        );
        assert!(read.listings.iter().all(|(one, _)| !one.code.is_above_county()));
    }

    #[test]
    fn a_table_with_one_wrong_cell_is_refused_naming_line_column_and_reason() {
        let good = sample();
        for (written, instead, line, column, wrong) in [
            ("gb2260_code", "code", 1, "gb2260_code", Wrong::ColumnMissing),
            ("medium,", "key,", 2, "level", Wrong::Level),
            ("371003", "37100", 2, "gb2260_code", Wrong::Code),
            (
                "2022-04-28T11:10:08+08:00",
                "28.4.2022",
                3,
                "first_seen",
                Wrong::Instant,
            ),
            (
                "2022-05-06T00:49:06+08:00",
                "2021-05-06T00:49:06+08:00",
                3,
                "removed_at",
                Wrong::EndsBeforeItBegins,
            ),
            (",22\n", "\n", 2, "level", Wrong::Unreadable),
        ] {
            let bad = good.replacen(written, instead, 1);
            let refused = Intervals::parse(bad.as_bytes()).unwrap_err();
            assert_eq!(refused, IntervalError { line, column, wrong });
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
            .map(|(_, span)| span.to.map(Timestamp::to_rfc3339))
            .collect();
        assert_eq!(ends, [Some("2022-11-05T00:00:00+08:00".to_owned()), None]);
    }
}
