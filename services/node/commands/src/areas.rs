//! `areas`: what the notices say, and what is listed.

mod diff;
mod import;
mod list;

use clap::Subcommand;
use lutong_risk_engine::area::RiskLevel;

use lutong_client::Failure;
use lutong_client::output::in_language;

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

/// As the notices call them.
fn level(level: RiskLevel) -> &'static str {
    match level {
        RiskLevel::Key => in_language("重点", "key"),
        RiskLevel::High => in_language("高风险", "high"),
        RiskLevel::Medium => in_language("中风险", "medium"),
        RiskLevel::Low => in_language("低风险", "low"),
    }
}
