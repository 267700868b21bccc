//! `areas`: what the notices say, what is listed, and what officers decide about it.

mod diff;
mod import;
mod key;
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
    /// Key areas: one officer proposes, another approves.
    #[command(subcommand)]
    Key(key::Key),
}

impl Areas {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Import(import) => import.run().await,
            Self::Diff(diff) => diff.run(),
            Self::Show(show) => show.run().await,
            Self::Unplaced(unplaced) => unplaced.run().await,
            Self::Place(place) => place.run().await,
            Self::Key(key) => key.run().await,
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
    let state = match effect.state() {
        EffectState::InForce => "已生效 in force".to_owned(),
        EffectState::Pending | EffectState::Unspecified => format!("待生效 pending: {}", effect.operation),
    };
    format!("重新判定 decided anew {} 人，{state}", effect.redecided)
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
