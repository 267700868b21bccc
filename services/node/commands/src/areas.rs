//! `areas`: risk areas and the notices that list them.

mod diff;
mod import;
mod list;

use clap::Subcommand;
use lutong_risk_engine::area::RiskLevel;

use lutong_client::Failure;
use lutong_client::output::in_language;

#[derive(Debug, Subcommand)]
pub enum Areas {
    /// List risk areas.
    List(list::List),
    /// Show one risk area.
    Show(list::Show),
    /// Import a complete notice (JSON, or gzipped JSON), or with --intervals a table of listings with end times.
    Import(import::Import),
    /// Compare two notice files: areas opened, lifted, changed in level, unchanged. Works offline.
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

/// The name of a level in the notices.
fn level(level: RiskLevel) -> &'static str {
    match level {
        RiskLevel::Key => in_language("重点", "key"),
        RiskLevel::High => in_language("高风险", "high"),
        RiskLevel::Medium => in_language("中风险", "medium"),
        RiskLevel::Low => in_language("低风险", "low"),
    }
}
