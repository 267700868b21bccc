//! `facts import`: a feed's file, NDJSON or CSV.

mod file;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{
    FactRow, FactRows, ImportFactsRequest, ImportFactsResponse, ImportMode, ImportOptions, ImportState,
};

use super::Failure;
use super::client::{Calls, Target, failed};

/// Rows of one message: well below its size limit, and within what one transaction should hold.
const ROWS: usize = 500;

#[derive(Debug, Subcommand)]
pub enum Facts {
    /// Import a file of facts (.ndjson, .csv; UTF-8, CSV also GB18030).
    Import(Import),
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
        let Self::Import(import) = self;
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
