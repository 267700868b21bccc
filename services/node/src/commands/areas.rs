//! `areas`: what the notices say, and what is listed.

mod diff;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use lutong_proto::risk_rules::v1::ImportNoticeRequest;
use lutong_proto::risk_rules::v1::area_service_client::AreaServiceClient;
use lutong_risk_rules::domain::area::RiskLevel;

use super::Failure;
use super::client::{Calls, Target, failed};

/// Bytes of one message.
const CHUNK: usize = 48 * 1024;

#[derive(Debug, Subcommand)]
pub enum Areas {
    /// Import a complete notice (JSON, or gzipped JSON).
    Import(Import),
    /// Compare two notices in files: opened, lifted, at another level, unchanged. Asks no mesh.
    Diff(diff::Diff),
}

#[derive(Debug, Args)]
pub struct Import {
    file: PathBuf,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Areas {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Import(import) => import.run().await,
            Self::Diff(diff) => diff.run(),
        }
    }
}

impl Import {
    async fn run(self) -> Result<(), Failure> {
        let notice = read(&self.file)?;
        let changed = send(self.target.calls().await?, &notice).await?;
        if self.json {
            println!(
                "{}",
                serde_json::json!({"listed": changed.listed, "opened": changed.opened, "unchanged": changed.unchanged,
                    "lifted": changed.lifted, "needs_placement": changed.needs_placement, "redecided": changed.redecided,
                    "in_force": changed.in_force})
            );
        } else {
            println!(
                "{} listed, {} opened, {} unchanged, {} lifted, {} need placement by an officer; {} decided anew, {}",
                changed.listed,
                changed.opened,
                changed.unchanged,
                changed.lifted,
                changed.needs_placement,
                changed.redecided,
                if changed.in_force { "in force" } else { "pending" }
            );
        }
        Ok(())
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

pub async fn send(
    calls: Calls,
    notice: &[u8],
) -> Result<lutong_proto::risk_rules::v1::ImportNoticeResponse, Failure> {
    let chunks: Vec<_> = notice
        .chunks(CHUNK)
        .map(|chunk| ImportNoticeRequest {
            chunk: chunk.to_vec().into(),
        })
        .collect();
    let answer = AreaServiceClient::new(calls)
        .import_notice(tokio_stream::iter(chunks))
        .await;
    Ok(answer.map_err(|status| failed(&status))?.into_inner())
}

/// As the notices call them.
pub const fn level_zh(level: RiskLevel) -> &'static str {
    match level {
        RiskLevel::Key => "重点",
        RiskLevel::High => "高风险",
        RiskLevel::Medium => "中风险",
        RiskLevel::Low => "低风险",
    }
}
