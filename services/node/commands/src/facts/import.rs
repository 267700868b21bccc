//! `facts import`: imports a file and reports each bad row with its line number.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use lutong_proto::declaration::v1::{FactRow, ImportFactsResponse, ImportMode};
use lutong_proto::types::v1::{Effect, EffectState, FieldError, LocalisedText, RowError};

use super::file::{self, Line};
use lutong_client::Failure;
use lutong_client::client::to_json;
use lutong_client::facts::send;
use lutong_client::noun::CallArgs;
use lutong_client::output::in_language;

#[derive(Debug, Args)]
pub struct Import {
    /// The file; its format is described in services/declaration/formats/facts.md.
    file: PathBuf,
    /// Store nothing if any row is bad (at most 1,000 rows).
    #[arg(long)]
    all_or_nothing: bool,
    #[command(flatten)]
    call: CallArgs,
}

/// The position of a row.
#[derive(Clone, Copy, Default)]
struct RowPosition {
    /// Row number in the file, from 1.
    row: u64,
    line: u64,
}

/// A refused row.
struct RefusedRow {
    position: RowPosition,
    field: String,
    reason: String,
    zh: String,
    en: String,
}

impl Import {
    pub async fn run(self) -> Result<(), Failure> {
        let lines = file::read(&self.file)
            .map_err(|wrong| Failure::Input(format!("{}: {wrong}", self.file.display())))?;
        let (positions, rows, mut refused) = split_rows(lines);
        let unreadable = refused
            .iter()
            .map(|one| one.position.row)
            .collect::<BTreeSet<_>>()
            .len();
        let imported = if self.all_or_nothing && !refused.is_empty() {
            None
        } else {
            let mode = if self.all_or_nothing {
                ImportMode::AllOrNothing
            } else {
                ImportMode::GoodRows
            };
            Some(send(self.call.target.calls().await?, mode, rows).await?)
        };
        let imported = imported.unwrap_or_default();
        refused.extend(imported.errors.iter().map(|wrong| {
            let error = wrong.error.clone().unwrap_or_default();
            let message = error.message.unwrap_or_default();
            let sent = usize::try_from(wrong.row - 1).ok();
            RefusedRow {
                position: sent
                    .and_then(|row| positions.get(row))
                    .copied()
                    .unwrap_or_default(),
                field: error.field,
                reason: error.reason,
                zh: message.zh,
                en: message.en,
            }
        }));
        refused.sort_by_key(|one| one.position.row);
        // A row can have several errors; the service has counted the rows that it refused.
        let count = unreadable + usize::try_from(imported.refused).unwrap_or(0);
        if self.call.json {
            let answer = of_file(imported, refused, count);
            say!(
                "{}",
                to_json("lutong.declaration.v1.ImportFactsResponse", &answer)
            );
        } else {
            say(&imported, &refused, count);
        }
        if count == 0 { Ok(()) } else { Err(Failure::Failed) }
    }
}

/// The rows to send with their positions, and the unreadable rows.
fn split_rows(lines: Vec<Line>) -> (Vec<RowPosition>, Vec<FactRow>, Vec<RefusedRow>) {
    let (mut positions, mut rows, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for (nth, Line { number, row }) in (1..).zip(lines) {
        let position = RowPosition {
            row: nth,
            line: number,
        };
        match row {
            Ok(row) => {
                positions.push(position);
                rows.push(row);
            }
            Err(wrong) => refused.extend(wrong.into_iter().map(|wrong| RefusedRow {
                position,
                field: wrong.field,
                reason: wrong.reason.into_owned(),
                zh: wrong.zh,
                en: wrong.en,
            })),
        }
    }
    (positions, rows, refused)
}

/// The answer about all rows of the file, including those that could not be sent.
fn of_file(imported: ImportFactsResponse, refused: Vec<RefusedRow>, count: usize) -> ImportFactsResponse {
    let error = |one: RefusedRow| RowError {
        row: i64::try_from(one.position.row).unwrap_or_default(),
        error: Some(FieldError {
            field: one.field,
            reason: one.reason,
            message: Some(LocalisedText {
                zh: one.zh,
                en: one.en,
            }),
        }),
    };
    ImportFactsResponse {
        refused: i64::try_from(count).unwrap_or_default(),
        errors: refused.into_iter().map(error).collect(),
        ..imported
    }
}

fn say(imported: &ImportFactsResponse, refused: &[RefusedRow], count: usize) {
    for one in refused {
        let (line, field, text) = (one.position.line, &one.field, in_language(&one.zh, &one.en));
        tell!("第 {line} 行：{field}：{text}", "line {line}: {field}: {text}");
    }
    let (accepted, unchanged) = (imported.accepted, imported.unchanged);
    let state = match imported.effect.as_ref().map(Effect::state) {
        Some(EffectState::InForce) => in_language("已生效", "in force"),
        Some(EffectState::Pending) => in_language("待生效", "pending"),
        Some(EffectState::Unspecified) | None => in_language("未存入", "nothing stored"),
    };
    tell!(
        "已收 {accepted}，未变 {unchanged}，拒收 {count}；{state}",
        "{accepted} accepted, {unchanged} unchanged, {count} refused; {state}"
    );
}
