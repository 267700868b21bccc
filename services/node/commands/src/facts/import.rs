//! `facts import`: a file row by row; each bad one is named by its line.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use lutong_proto::declaration::v1::{FactRow, ImportFactsResponse, ImportMode};
use lutong_proto::types::v1::{Effect, EffectState, FieldError, LocalisedText, RowError};

use super::file::{self, Line};
use lutong_client::Failure;
use lutong_client::client::to_json;
use lutong_client::facts::send;
use lutong_client::noun::Shown;
use lutong_client::output::in_language;

#[derive(Debug, Args)]
pub struct Import {
    /// Rows of facts: services/declaration/formats/facts.md.
    file: PathBuf,
    /// One bad row and nothing is stored (at most 1,000 rows).
    #[arg(long)]
    all_or_nothing: bool,
    #[command(flatten)]
    shown: Shown,
}

/// Where a row stands.
#[derive(Clone, Copy, Default)]
struct Place {
    /// Among the rows of the file, from 1.
    row: u64,
    line: u64,
}

/// A refused row.
struct Refused {
    place: Place,
    field: String,
    reason: String,
    zh: String,
    en: String,
}

impl Import {
    pub async fn run(self) -> Result<(), Failure> {
        let lines = file::read(&self.file)
            .map_err(|wrong| Failure::Input(format!("{}: {wrong}", self.file.display())))?;
        let (places, rows, mut refused) = sorted(lines);
        let unreadable = refused
            .iter()
            .map(|one| one.place.row)
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
            Some(send(self.shown.target.calls().await?, mode, rows).await?)
        };
        let imported = imported.unwrap_or_default();
        refused.extend(imported.errors.iter().map(|wrong| {
            let error = wrong.error.clone().unwrap_or_default();
            let message = error.message.unwrap_or_default();
            let sent = usize::try_from(wrong.row - 1).ok();
            Refused {
                place: sent.and_then(|row| places.get(row)).copied().unwrap_or_default(),
                field: error.field,
                reason: error.reason,
                zh: message.zh,
                en: message.en,
            }
        }));
        refused.sort_by_key(|one| one.place.row);
        // A row can have several errors; what was sent and refused the service has counted.
        let count = unreadable + usize::try_from(imported.refused).unwrap_or(0);
        if self.shown.json {
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

/// The rows to send with their places, and what cannot be sent.
fn sorted(lines: Vec<Line>) -> (Vec<Place>, Vec<FactRow>, Vec<Refused>) {
    let (mut places, mut rows, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for (nth, Line { number, row }) in (1..).zip(lines) {
        let place = Place {
            row: nth,
            line: number,
        };
        match row {
            Ok(row) => {
                places.push(place);
                rows.push(row);
            }
            Err(wrong) => refused.extend(wrong.into_iter().map(|wrong| Refused {
                place,
                field: wrong.field,
                reason: wrong.reason.into_owned(),
                zh: wrong.zh,
                en: wrong.en,
            })),
        }
    }
    (places, rows, refused)
}

/// The answer about the rows of the file, also those that could not be sent.
fn of_file(imported: ImportFactsResponse, refused: Vec<Refused>, count: usize) -> ImportFactsResponse {
    let error = |one: Refused| RowError {
        row: i64::try_from(one.place.row).unwrap_or_default(),
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

fn say(imported: &ImportFactsResponse, refused: &[Refused], count: usize) {
    for one in refused {
        let (line, field, text) = (one.place.line, &one.field, in_language(&one.zh, &one.en));
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
