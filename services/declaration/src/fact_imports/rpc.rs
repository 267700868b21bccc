//! The RPCs of an import in several calls: parse, call, map.

use lutong_chassis::operations;
use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{Fault, Timestamp};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_transport::access::FeedPermit;
use lutong_transport::reply;
use uuid::Uuid;

use super::domain::{FactImport, Mode, State};
use super::service::FactImports;
use super::store::RowError;

const COLLECTION: &str = "fact-imports";

/// The id in a name.
fn id(name: &str) -> Result<Uuid, Fault> {
    reply::uuid_of(name, COLLECTION)
}

/// An unspecified mode is `GOOD_ROWS`, as in `ImportFacts`.
const fn mode(mode: wire::ImportMode) -> Mode {
    match mode {
        wire::ImportMode::AllOrNothing => Mode::AllOrNothing,
        wire::ImportMode::Unspecified | wire::ImportMode::GoodRows => Mode::GoodRows,
    }
}

pub async fn create_fact_import(
    imports: &FactImports,
    call: Mutation<FeedPermit>,
    message: wire::CreateFactImportRequest,
) -> Result<wire::CreateFactImportResponse, Fault> {
    let mode = mode(message.mode());
    let begun = imports.create(&call.permit, call.request, mode).await?;
    Ok(wire::CreateFactImportResponse {
        fact_import: Some(begun.into()),
    })
}

pub async fn append_fact_import_rows(
    imports: &FactImports,
    call: &Query<FeedPermit>,
    message: wire::AppendFactImportRowsRequest,
) -> Result<wire::AppendFactImportRowsResponse, Fault> {
    let id = id(&message.name)?;
    let (first_row, rows) = (message.first_row, message.rows);
    let import = imports
        .append_rows(&call.permit, &call.grant.call(), id, first_row, rows)
        .await?;
    Ok(wire::AppendFactImportRowsResponse {
        next_row: import.next_row,
        refused: import.tally.refused,
    })
}

pub async fn finish_fact_import(
    imports: &FactImports,
    call: Mutation<FeedPermit>,
    message: wire::FinishFactImportRequest,
) -> Result<wire::FinishFactImportResponse, Fault> {
    let id = id(&message.name)?;
    let ended = imports
        .finish(&call.permit, &call.grant.call(), call.request, id)
        .await?;
    Ok(wire::FinishFactImportResponse {
        fact_import: Some(ended.into()),
    })
}

pub async fn get_fact_import(
    imports: &FactImports,
    call: &Query<FeedPermit>,
    message: wire::GetFactImportRequest,
) -> Result<wire::GetFactImportResponse, Fault> {
    let id = id(&message.name)?;
    let found = imports.get(&call.permit, id).await?;
    Ok(wire::GetFactImportResponse {
        fact_import: Some(found.into()),
    })
}

pub async fn list_fact_imports(
    imports: &FactImports,
    call: &Listing<FeedPermit>,
) -> Result<wire::ListFactImportsResponse, Fault> {
    let (found, next_page_token) = imports.list(&call.permit, &call.page).await?;
    Ok(wire::ListFactImportsResponse {
        fact_imports: found.into_iter().map(Into::into).collect(),
        next_page_token,
    })
}

pub async fn list_fact_import_errors(
    imports: &FactImports,
    call: &Listing<FeedPermit>,
    message: wire::ListFactImportErrorsRequest,
) -> Result<wire::ListFactImportErrorsResponse, Fault> {
    let id = id(&message.name)?;
    let (errors, next_page_token) = imports.list_errors(&call.permit, id, &call.page).await?;
    Ok(wire::ListFactImportErrorsResponse {
        errors: errors.into_iter().map(row_error).collect(),
        next_page_token,
    })
}

pub fn effect(redecided: i64, pending: Option<Uuid>) -> types::Effect {
    let state = if pending.is_none() {
        types::EffectState::InForce
    } else {
        types::EffectState::Pending
    };
    types::Effect {
        redecided,
        state: state.into(),
        operation: pending.map(operations::name).unwrap_or_default(),
    }
}

fn at(time: Timestamp) -> prost_types::Timestamp {
    time::from_micros(time.micros())
}

impl From<FactImport> for wire::FactImport {
    fn from(import: FactImport) -> Self {
        let mode = match import.mode {
            Mode::GoodRows => wire::ImportMode::GoodRows,
            Mode::AllOrNothing => wire::ImportMode::AllOrNothing,
        };
        let state = match import.state {
            State::Open => wire::FactImportState::Open,
            State::Finished => wire::FactImportState::Finished,
            State::Refused => wire::FactImportState::Refused,
        };
        Self {
            name: format!("{COLLECTION}/{}", import.id),
            fact_import_id: import.id.to_string(),
            mode: mode.into(),
            state: state.into(),
            next_row: import.next_row,
            accepted: import.tally.accepted,
            unchanged: import.tally.unchanged,
            refused: import.tally.refused,
            effect: Some(effect(import.tally.redecided, import.tally.pending)),
            create_time: Some(at(import.created_at)),
            finish_time: import.finished_at.map(at),
        }
    }
}

fn row_error(error: RowError) -> types::RowError {
    types::RowError {
        row: error.row,
        error: Some(error.wrong.into()),
    }
}
