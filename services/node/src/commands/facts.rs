//! `facts import`: a feed's file, NDJSON or CSV.

mod file;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{
    FactRow, FactRows, ImportFactsRequest, ImportFactsResponse, ImportMode, ImportOptions, ImportState,
};

use lutong_proto::risk_rules::v1::RollBackFeedRequest;
use lutong_proto::risk_rules::v1::rollback_service_client::RollbackServiceClient;

use super::Failure;
use super::client::{Calls, Target, failed, to_json};

/// Rows of one message: well below its size limit, and within what one transaction should hold.
const ROWS: usize = 500;

#[derive(Debug, Subcommand)]
pub enum Facts {
    /// Import a file of facts (.ndjson, .csv; UTF-8, CSV also GB18030).
    Import(Import),
    /// Undo what a feed reported in a span of time.
    Rollback(Rollback),
}

#[derive(Debug, Args)]
pub struct Rollback {
    /// The feed.
    source: String,
    /// From this instant of recording on (RFC 3339).
    #[arg(long)]
    from: String,
    /// Until before this one.
    #[arg(long)]
    until: String,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Only count.
    #[arg(long)]
    dry_run: bool,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Rollback {
    async fn run(self) -> Result<(), Failure> {
        let instant = |text: &str, name: &str| {
            let at = lutong_kernel::Timestamp::parse(text);
            at.map(|at| lutong_proto::time::from_micros(at.micros()))
                .map_err(|error| Failure::Input(format!("--{name}: {error}")))
        };
        let request = RollBackFeedRequest {
            from_time: Some(instant(&self.from, "from")?),
            until_time: Some(instant(&self.until, "until")?),
            source: self.source,
            reason: self.reason,
            dry_run: self.dry_run,
        };
        let mut client = RollbackServiceClient::new(self.target.calls_for("facts rollback").await?);
        let answer = client
            .roll_back_feed(request)
            .await
            .map_err(|status| failed(&status))?;
        let undone = answer.into_inner();
        if self.json {
            println!(
                "{}",
                to_json("lutong.risk_rules.v1.RollBackFeedResponse", &undone)
            );
        } else {
            println!(
                "{} 人 subjects, {} 撤回 retracted, {} 恢复 stated anew, {} 重新决定 decided anew, {}",
                undone.subjects,
                undone.retracted,
                undone.restated,
                undone.redecided,
                if undone.in_force { "in force" } else { "pending" }
            );
        }
        Ok(())
    }
}

#[derive(Debug, Args)]
pub struct Import {
    file: PathBuf,
    /// One bad row and nothing is stored (at most 1,000 rows).
    #[arg(long)]
    all_or_nothing: bool,
    /// For machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Facts {
    pub async fn run(self) -> Result<(), Failure> {
        let import = match self {
            Self::Import(import) => import,
            Self::Rollback(rollback) => return rollback.run().await,
        };
        let rows = file::read(&import.file)
            .map_err(|wrong| Failure::Input(format!("{}: {wrong}", import.file.display())))?;
        let mode = if import.all_or_nothing {
            ImportMode::AllOrNothing
        } else {
            ImportMode::GoodRows
        };
        let imported = send(import.target.calls().await?, mode, rows).await?;
        let state = if imported.state() == ImportState::InForce {
            "IN_FORCE"
        } else {
            "PENDING"
        };
        if import.json {
            let errors: Vec<_> = imported
                .errors
                .iter()
                .map(|wrong| {
                    let error = wrong.error.clone().unwrap_or_default();
                    serde_json::json!({"row": wrong.row, "field": error.field, "reason": error.reason, "message": error.message_en})
                })
                .collect();
            println!(
                "{}",
                serde_json::json!({"accepted": imported.accepted, "unchanged": imported.unchanged, "refused": imported.refused,
                    "state": state, "errors": errors})
            );
        } else {
            for wrong in &imported.errors {
                let error = wrong.error.clone().unwrap_or_default();
                println!(
                    "row {}: {}: {} {}",
                    wrong.row, error.field, error.message_zh, error.message_en
                );
            }
            println!(
                "{} accepted, {} unchanged, {} refused, {state}",
                imported.accepted, imported.unchanged, imported.refused
            );
        }
        if imported.refused == 0 {
            Ok(())
        } else {
            Err(Failure::Failed)
        }
    }
}

pub async fn send(
    calls: Calls,
    mode: ImportMode,
    rows: Vec<FactRow>,
) -> Result<ImportFactsResponse, Failure> {
    let options = Content::Options(ImportOptions { mode: mode.into() });
    let rows = rows
        .chunks(ROWS)
        .map(|rows| Content::Rows(FactRows { rows: rows.to_vec() }));
    let messages: Vec<_> = std::iter::once(options)
        .chain(rows)
        .map(|content| ImportFactsRequest {
            content: Some(content),
        })
        .collect();
    let answer = FeedServiceClient::new(calls)
        .import_facts(tokio_stream::iter(messages))
        .await;
    Ok(answer.map_err(|status| failed(&status))?.into_inner())
}
