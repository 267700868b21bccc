//! `areas`: what the notices say, and what is listed.

mod diff;
mod import;
mod list;

use std::io::Read as _;
use std::path::Path;

use clap::Subcommand;
use lutong_risk_engine::area::RiskLevel;

use super::Failure;
use crate::output::in_language;

pub use import::send;

/// Bytes of one message.
const CHUNK: usize = 48 * 1024;

#[derive(Debug, Subcommand)]
pub enum Areas {
    /// What is listed.
    List(list::List),
    /// One of them.
    Show(list::Show),
    /// Import a complete notice (JSON, or gzipped JSON), or with --intervals a table of listings with their ends.
    Import(import::Import),
    /// Compare two notices in files: opened, lifted, at another level, unchanged. Asks no mesh.
    Diff(diff::Diff),
}

impl Areas {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Import(import) => import.run().await,
            Self::Diff(diff) => diff.run(),
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

/// As the notices call them.
fn level(level: RiskLevel) -> &'static str {
    match level {
        RiskLevel::Key => in_language("重点", "key"),
        RiskLevel::High => in_language("高风险", "high"),
        RiskLevel::Medium => in_language("中风险", "medium"),
        RiskLevel::Low => in_language("低风险", "low"),
    }
}
