//! `areas`: what the notices say, what is listed, and what officers decide about it.

mod diff;
mod import;
mod place;
mod show;

use std::io::Read as _;
use std::path::Path;

use clap::Subcommand;
use lutong_kernel::Timestamp;
use lutong_proto::time;
use lutong_proto::types::v1::{Effect, EffectState};
use lutong_risk_rules::domain::area::RiskLevel;

use super::Failure;
use crate::output::in_language;

pub use import::send;

/// Bytes of one message.
const CHUNK: usize = 48 * 1024;

#[derive(Debug, Subcommand)]
pub enum Areas {
    /// Import a complete notice (JSON, or gzipped JSON), or with --intervals a table of listings with their ends.
    Import(import::Import),
    /// Compare two notices in files: opened, lifted, at another level, unchanged. Asks no mesh.
    Diff(diff::Diff),
    /// Show what is listed.
    Show(show::Show),
    /// Show the rows of notices that an officer must place.
    Unplaced(show::Unplaced),
    /// Say where such a row lies (health officer).
    Place(place::Place),
}

impl Areas {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Import(import) => import.run().await,
            Self::Diff(diff) => diff.run(),
            Self::Show(show) => show.run().await,
            Self::Unplaced(unplaced) => unplaced.run().await,
            Self::Place(place) => place.run().await,
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::Input(format!("{}: {error}", path.display()));
    let bytes = std::fs::read(path).map_err(failed)?;
    unzip(bytes).map_err(failed)
}

/// Gzip begins with 1f 8b (RFC 1952).
pub fn unzip(bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut plain)?;
    Ok(plain)
}

/// An argument that is an instant.
fn instant(text: &str) -> Result<prost_types::Timestamp, lutong_kernel::time::TimeError> {
    Timestamp::parse(text).map(|at| time::from_micros(at.micros()))
}

/// What followed for people.
pub fn round(effect: Option<&Effect>) -> String {
    let Some(effect) = effect else {
        return String::new();
    };
    let is_in_force = effect.state() == EffectState::InForce;
    said_effect(effect.redecided, is_in_force, &effect.operation)
}

/// The same of an answer in JSON.
pub fn round_json(effect: &serde_json::Value) -> String {
    // A 64-bit integer is a string in JSON.
    let redecided = effect["redecided"].as_str().and_then(|count| count.parse().ok());
    let is_in_force = effect["state"] == EffectState::InForce.as_str_name();
    let operation = effect["operation"].as_str().unwrap_or_default();
    said_effect(redecided.unwrap_or_default(), is_in_force, operation)
}

fn said_effect(redecided: i64, is_in_force: bool, operation: &str) -> String {
    let decided = in_language("重新判定人数", "people decided about anew");
    let state = match is_in_force {
        true => in_language("已生效", "in force").to_owned(),
        false => format!("{}: {operation}", in_language("待生效", "pending")),
    };
    format!("{decided}: {redecided}; {state}")
}

/// As the notices call them.
const fn level_zh(level: RiskLevel) -> &'static str {
    match level {
        RiskLevel::Key => "重点",
        RiskLevel::High => "高风险",
        RiskLevel::Medium => "中风险",
        RiskLevel::Low => "低风险",
    }
}
