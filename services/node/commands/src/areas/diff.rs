//! `areas diff`: compares two notice files, offline.

use std::path::{Path, PathBuf};

use clap::Args;
use lutong_risk_engine::notice::compare::{Comparison, LevelChange, compare};
use lutong_risk_engine::notice::{Listing, Notice, UnplacedListing};
use serde_json::{Value, json};

use super::level;
use lutong_client::Failure;
use lutong_client::areas::read;
use lutong_client::output::in_language;

/// Maximum number of places printed per kind of change.
const NAMED: usize = 20;

#[derive(Debug, Args)]
pub struct Diff {
    /// A notice (JSON, or gzipped JSON).
    a: PathBuf,
    /// Another notice; their times decide which is the later one.
    b: PathBuf,
    /// Print all places as JSON.
    #[arg(long)]
    json: bool,
}

impl Diff {
    pub fn run(&self) -> Result<(), Failure> {
        let found = compare(&notice(&self.a)?, &notice(&self.b)?);
        if self.json {
            say!("{}", to_json(&found));
        } else {
            say_part!("{}", said(&found));
        }
        Ok(())
    }
}

fn notice(path: &Path) -> Result<Notice, Failure> {
    let parsed = Notice::parse(&read(path)?);
    parsed.map_err(|error| Failure::Input(format!("{}: {error}", path.display())))
}

fn said(found: &Comparison) -> String {
    let mut said = format!("{} → {}\n", found.before.to_rfc3339(), found.after.to_rfc3339());
    for ((of, city), tally) in &found.tallies {
        let (opened, lifted, changed) = (tally.opened, tally.lifted, tally.changed);
        if (opened, lifted, changed) == (0, 0, 0) {
            continue;
        }
        let city = format!("{} {}", city.code(), in_language(&city.name(), ""));
        let (level, city, unchanged) = (level(*of), city.trim_end(), tally.unchanged);
        said.push_str(&lang!(
            "{level} {city}：新增 {opened}，解除 {lifted}，调级 {changed}，不变 {unchanged}\n",
            "{level} {city}: {opened} opened, {lifted} lifted, {changed} changed level, {unchanged} unchanged\n"
        ));
    }
    let unchanged: usize = found.tallies.values().map(|tally| tally.unchanged).sum();
    let (opened, lifted, changed) = (found.opened.len(), found.lifted.len(), found.changed.len());
    let (waiting, lapsed) = (found.unplaced_opened.len(), found.unplaced_lifted.len());
    said.push_str(&lang!(
        "合计：新增 {opened}，解除 {lifted}，调级 {changed}，不变 {unchanged}，新增待定 {waiting}，不再待定 {lapsed}\n",
        "in all: {opened} opened, {lifted} lifted, {changed} changed level, {unchanged} unchanged, {waiting} to be placed, {lapsed} no longer\n"
    ));
    list(&mut said, "+", &found.opened, place);
    list(&mut said, "-", &found.lifted, place);
    list(&mut said, "~", &found.changed, |one| {
        format!("{} ← {}", place(&one.listing), level(one.before))
    });
    list(&mut said, "?", &found.unplaced_opened, |row| {
        format!("{} {} {}", level(row.level), row.place, row.community)
    });
    said
}

fn place(one: &Listing) -> String {
    format!("{} {} {}", level(one.level), one.code, one.community)
}

/// Adds the first entries of a list, and how many more there are.
fn list<T>(said: &mut String, sign: &str, all: &[T], line: impl Fn(&T) -> String) {
    for one in all.iter().take(NAMED) {
        said.push_str(&format!("{sign} {}\n", line(one)));
    }
    if let Some(more) = all.len().checked_sub(NAMED).filter(|more| *more > 0) {
        said.push_str(&lang!(
            "{sign} …… 另有 {more} 条（--json 列出全部）\n",
            "{sign} … {more} more (--json lists all)\n"
        ));
    }
}

fn to_json(found: &Comparison) -> Value {
    let listing = |one: &Listing| {
        json!({"division": one.code.to_string(), "community": one.community,
            "level": one.level.into_str()})
    };
    let changed = |one: &LevelChange| {
        let mut listed = listing(&one.listing);
        listed["level_before"] = one.before.into_str().into();
        listed
    };
    let unplaced = |row: &UnplacedListing| {
        json!({"place": row.place, "community": row.community, "level": row.level.into_str(),
            "reason": row.reason.into_str()})
    };
    let tallies = found.tallies.iter().map(|((level, city), tally)| {
        json!({"level": level.into_str(), "city": city.code(), "city_name": city.name(), "opened": tally.opened,
            "lifted": tally.lifted, "changed": tally.changed, "unchanged": tally.unchanged})
    });
    json!({
        "before": found.before.to_rfc3339(),
        "after": found.after.to_rfc3339(),
        "opened": found.opened.iter().map(listing).collect::<Value>(),
        "lifted": found.lifted.iter().map(listing).collect::<Value>(),
        "changed": found.changed.iter().map(changed).collect::<Value>(),
        "unplaced_opened": found.unplaced_opened.iter().map(unplaced).collect::<Value>(),
        "unplaced_lifted": found.unplaced_lifted.iter().map(unplaced).collect::<Value>(),
        "tallies": tallies.collect::<Value>(),
    })
}
