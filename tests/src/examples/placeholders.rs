//! Replaces values that differ from run to run by stable ones. A walk's day becomes 26 November 2022 and its hour noon.

use std::collections::BTreeMap;

use lutong_kernel::{LocalDay, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::instants::now;

/// Instants this close to the walk's start belong to the walk.
const OF_THE_WALK_S: i64 = 1_800;
/// Instants further back than this were not created by the walk.
const LONG_AGO_S: i64 = 300 * 86_400;
const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 3_600;

/// Members with opaque, encrypted values.
const SEALED: [(&str, &str); 14] = [
    ("token", "example-token"),
    ("etag", "example-etag"),
    ("next_page_token", "example-page-token"),
    ("page_token", "example-page-token"),
    ("watch_cursor", "example-cursor"),
    ("credential", "example-credential"),
    // The beginning of a COSE_Sign1.
    ("bound_token", "0oRNogEnBEg="),
    ("document", "0oRNogEnBEg="),
    ("header", "0oRNogEnBEg="),
    ("head", "0oRNogEnBEg="),
    ("trust_list_document", "0oRNogEnBEg="),
    ("nonce", "07070707070707070707070707070707"),
    // A field of protobuf.
    ("body", "CgRMVDE6"),
    // `<svg/>`.
    ("data", "PHN2Zy8+"),
];

/// Members with an instant at the end of working days: how far off it is depends on the weekday of the walk.
const WORKING_DAYS: [(&str, &str); 3] = [
    ("warn_time", "2022-12-01T16:00:00Z"),
    ("due_time", "2022-12-02T16:00:00Z"),
    ("return_due_time", "2022-11-29T16:00:00Z"),
];

/// The member with the hour at which numbers of a whole day begin: it depends on the hour of the walk.
const DAY_OF_NUMBERS: (&str, &str) = ("start_time", "2022-11-25T04:00:00Z");

/// Members that count the records of a log, beside the digest of one or in a record: reads that the walk repeats until something has arrived are
/// recorded too.
const COUNTS: [&str; 2] = ["sequence", "intact"];

/// A state that another takes the place of as soon as a worker has begun, which may be before the answer: the later one is shown.
const BEGINNING: (&str, &str) = ("PULL_STATE_WAITING", "PULL_STATE_RUNNING");

/// Members that are digests, in lower-case hex.
const DIGESTS: [&str; 8] = [
    "document_digest",
    "body_digest",
    "previous_entry",
    "entry",
    "root",
    "expected_digest",
    "seen_digest",
    "token_digest",
];

/// The placeholders of one walk: the same value always gets the same placeholder.
#[derive(Debug)]
pub struct Placeholders {
    began: Timestamp,
    noted: Vec<(String, String)>,
    uuids: BTreeMap<Uuid, String>,
}

impl Default for Placeholders {
    fn default() -> Self {
        Self {
            began: now(),
            noted: Vec::new(),
            uuids: BTreeMap::new(),
        }
    }
}

impl Placeholders {
    /// Replaces `real` by `shown` from now on.
    pub fn note(&mut self, real: &str, shown: &str) {
        self.noted.push((real.to_owned(), shown.to_owned()));
    }

    /// The value that a noted placeholder stands for.
    pub fn real(&self, shown: &str) -> Option<&str> {
        let found = self.noted.iter().find(|(_, one)| one == shown);
        found.map(|(real, _)| real.as_str())
    }

    pub fn of(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let first = members.values().filter_map(|value| self.of_the_walk(value)).min();
                let of_log = ["entry", "head", "unrecorded_refusals"];
                let is_of_log = of_log.iter().any(|name| members.contains_key(*name));
                let shown = members.iter().map(|(name, value)| {
                    if is_of_log && COUNTS.contains(&name.as_str()) {
                        return (name.clone(), json!("12"));
                    }
                    let shown = match (instant(value), first) {
                        (Some(at), _) if self.begins_day_of_numbers(name, at) => json!(DAY_OF_NUMBERS.1),
                        (Some(at), Some(first)) => match end_of_working_days(name, at) {
                            Some(shown) => json!(shown),
                            None => json!(self.shifted(at, first)),
                        },
                        _ => self.member(name, value),
                    };
                    (name.clone(), shown)
                });
                Value::Object(shown.collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.of(item)).collect()),
            Value::String(text) if text == BEGINNING.0 => json!(BEGINNING.1),
            // A token under another name than its own.
            Value::String(text) if text.starts_with("LT1:") => json!("example-token"),
            Value::String(text) if text.starts_with("LTS1.") => json!("example-sign-in-code"),
            Value::String(text) => json!(self.text(text)),
            other => other.clone(),
        }
    }

    /// Replaces a member's value, depending on its name.
    pub fn member(&mut self, name: &str, value: &Value) -> Value {
        if value.as_str().is_none_or(str::is_empty) {
            return self.of(value);
        }
        if DIGESTS.contains(&name) {
            return json!("5d".repeat(32));
        }
        match SEALED.iter().find(|(sealed, _)| *sealed == name) {
            Some((_, shown)) => json!(shown),
            None => self.of(value),
        }
    }

    fn text(&mut self, text: &str) -> String {
        let noted = self.noted.iter();
        let text = noted.fold(text.to_owned(), |text, (real, shown)| text.replace(real, shown));
        let (mut shown, mut rest) = (String::new(), text.as_str());
        while let Some(first) = rest.chars().next() {
            let found = self
                .uuid_at(rest)
                .or_else(|| self.instant_at(rest))
                .or_else(|| self.day_at(rest));
            let (length, as_shown) = found.unwrap_or_else(|| (first.len_utf8(), first.to_string()));
            shown.push_str(&as_shown);
            rest = &rest[length..];
        }
        shown
    }

    /// A UUID at the beginning of a text: its length and its placeholder.
    fn uuid_at(&mut self, text: &str) -> Option<(usize, String)> {
        let written = text.get(..36)?;
        let uuid = Uuid::try_parse(written).ok()?;
        let next = self.uuids.len() + 1;
        let shown = self
            .uuids
            .entry(uuid)
            .or_insert_with(|| format!("0193a3c0-0000-7000-8000-{next:012x}"));
        Some((written.len(), shown.clone()))
    }

    fn instant_at(&self, text: &str) -> Option<(usize, String)> {
        let is_of_it = |c: char| c.is_ascii_digit() || "-+:.TZ".contains(c);
        let length = text.find(|c| !is_of_it(c)).unwrap_or(text.len());
        let at = text[..length]
            .contains('T')
            .then(|| Timestamp::parse(&text[..length]).ok())??;
        Some((length, self.shifted(at, at)))
    }

    fn day_at(&self, text: &str) -> Option<(usize, String)> {
        let written = text.get(..10)?;
        let day = LocalDay::parse(written).ok()?;
        let shown = if self.is_long_ago(day.start()) {
            day
        } else {
            day.plus_days(self.days())
        };
        Some((written.len(), shown.to_string()))
    }

    /// The value as an instant, if it belongs to the walk.
    fn of_the_walk(&self, value: &Value) -> Option<Timestamp> {
        instant(value).filter(|at| !is_on_the_hour(*at) && self.is_own(*at))
    }

    fn is_own(&self, at: Timestamp) -> bool {
        (at.seconds() - self.began.seconds()).abs() < OF_THE_WALK_S
    }

    fn begins_day_of_numbers(&self, name: &str, at: Timestamp) -> bool {
        let hours = 22 * HOUR_S..25 * HOUR_S;
        name == DAY_OF_NUMBERS.0
            && is_on_the_hour(at)
            && hours.contains(&(self.began.seconds() - at.seconds()))
    }

    fn is_long_ago(&self, at: Timestamp) -> bool {
        at < self.began.plus_seconds(-LONG_AGO_S)
    }

    /// Days from the walk's day to the examples' day.
    fn days(&self) -> i32 {
        examples_day().days() - self.began.local_day().days()
    }

    /// The instant in an example: an instant of the walk becomes noon plus the minutes since the first instant beside
    /// it, one on the hour keeps its hour, and one derived from the walk's start keeps its distance in hours.
    fn shifted(&self, at: Timestamp, first: Timestamp) -> String {
        let noon = examples_day().start().plus_seconds(12 * HOUR_S);
        let shown = if self.is_long_ago(at) {
            at
        } else if is_on_the_hour(at) {
            at.plus_seconds(i64::from(self.days()) * 24 * HOUR_S)
        } else if self.is_own(at) {
            noon.plus_seconds(rounded(at.seconds() - first.seconds(), MINUTE_S))
        } else {
            noon.plus_seconds(rounded(at.seconds() - self.began.seconds(), HOUR_S))
        };
        utc(shown)
    }
}

fn examples_day() -> LocalDay {
    LocalDay::parse("2022-11-26").unwrap()
}

fn instant(value: &Value) -> Option<Timestamp> {
    Timestamp::parse(value.as_str()?).ok()
}

/// What stands for the end of working days, which is a midnight of Shandong.
fn end_of_working_days(name: &str, at: Timestamp) -> Option<&'static str> {
    let found = WORKING_DAYS.iter().find(|(member, _)| *member == name);
    found
        .filter(|_| at == at.local_day().start())
        .map(|(_, shown)| *shown)
}

fn is_on_the_hour(at: Timestamp) -> bool {
    at.micros() % (HOUR_S * 1_000_000) == 0
}

fn rounded(seconds: i64, to: i64) -> i64 {
    (seconds + to / 2).div_euclid(to) * to
}

/// In proto JSON format.
fn utc(at: Timestamp) -> String {
    // `to_rfc3339` writes local time (UTC+8), so format the instant eight hours earlier.
    at.plus_seconds(-8 * HOUR_S).to_rfc3339().replace("+08:00", "Z")
}
