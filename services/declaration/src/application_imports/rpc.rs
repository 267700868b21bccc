//! `ApplicationImportService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{DivisionCode, Fault, Timestamp};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::time;
use lutong_skin::declaration::v1::ApplicationImportHandler;
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;
use uuid::Uuid;

use super::domain::{ApplicationImport, ImportedRow, RowState, State};
use super::service::{ApplicationImports, Organisation};
use crate::fault;

const COLLECTION: &str = "application-imports";

pub struct ApplicationImportRpc(pub ApplicationImports);

/// The id in a name.
fn id(name: &str) -> Result<Uuid, Fault> {
    reply::uuid_of(name, COLLECTION)
}

impl ApplicationImportHandler for ApplicationImportRpc {
    async fn create_application_import(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreateApplicationImportRequest,
    ) -> Result<wire::CreateApplicationImportResponse, Fault> {
        let own = Organisation::of(&call.grant, call.permit);
        let division = match message.division.as_str() {
            "" => None,
            text => {
                let parsed = DivisionCode::parse(text);
                Some(parsed.map_err(|error| reply::wrong(fault::division_shape(&error)))?)
            }
        };
        let created = self
            .0
            .create(&own, call.request, message.organisation, division)
            .await?;
        Ok(wire::CreateApplicationImportResponse {
            application_import: Some(created.into()),
        })
    }

    async fn append_application_import_rows(
        &self,
        call: Query<DivisionPermit>,
        message: wire::AppendApplicationImportRowsRequest,
    ) -> Result<wire::AppendApplicationImportRowsResponse, Fault> {
        let own = Organisation::of(&call.grant, call.permit);
        let id = id(&message.name)?;
        let import = self
            .0
            .append_rows(&own, id, message.first_row, message.rows)
            .await?;
        Ok(wire::AppendApplicationImportRowsResponse {
            next_row: import.next_row,
            refused: import.refused,
        })
    }

    async fn finish_application_import(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::FinishApplicationImportRequest,
    ) -> Result<wire::FinishApplicationImportResponse, Fault> {
        let own = Organisation::of(&call.grant, call.permit);
        let finished = self.0.finish(&own, call.request, id(&message.name)?).await?;
        Ok(wire::FinishApplicationImportResponse {
            application_import: Some(finished.into()),
        })
    }

    async fn cancel_application_import(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CancelApplicationImportRequest,
    ) -> Result<wire::CancelApplicationImportResponse, Fault> {
        let own = Organisation::of(&call.grant, call.permit);
        let cancelled = self.0.cancel(&own, call.request, id(&message.name)?).await?;
        Ok(wire::CancelApplicationImportResponse {
            application_import: Some(cancelled.into()),
        })
    }

    async fn get_application_import(
        &self,
        call: Query<DivisionPermit>,
        message: wire::GetApplicationImportRequest,
    ) -> Result<wire::GetApplicationImportResponse, Fault> {
        let own = Organisation::of(&call.grant, call.permit);
        let found = self.0.get(&own, id(&message.name)?).await?;
        Ok(wire::GetApplicationImportResponse {
            application_import: Some(found.into()),
        })
    }

    async fn list_application_imports(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListApplicationImportsRequest,
    ) -> Result<wire::ListApplicationImportsResponse, Fault> {
        let own = Organisation::of(&call.grant, call.permit);
        let (found, next_page_token) = self.0.list(&own, state(message.state()), &call.page).await?;
        Ok(wire::ListApplicationImportsResponse {
            application_imports: found.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn list_application_import_rows(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListApplicationImportRowsRequest,
    ) -> Result<wire::ListApplicationImportRowsResponse, Fault> {
        let own = Organisation::of(&call.grant, call.permit);
        let (id, state) = (id(&message.name)?, row_state(message.state()));
        let (found, next_page_token) = self.0.list_rows(&own, id, state, &call.page).await?;
        Ok(wire::ListApplicationImportRowsResponse {
            rows: found.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }
}

/// The state of a filter; `None` lets all through.
const fn state(state: wire::ApplicationImportState) -> Option<State> {
    match state {
        wire::ApplicationImportState::Unspecified => None,
        wire::ApplicationImportState::Open => Some(State::Open),
        wire::ApplicationImportState::Running => Some(State::Running),
        wire::ApplicationImportState::Succeeded => Some(State::Succeeded),
        wire::ApplicationImportState::Failed => Some(State::Failed),
        wire::ApplicationImportState::Cancelled => Some(State::Cancelled),
    }
}

/// The state of a filter; `None` lets all through.
const fn row_state(state: wire::ApplicationImportRowState) -> Option<RowState> {
    match state {
        wire::ApplicationImportRowState::Unspecified => None,
        wire::ApplicationImportRowState::Waiting => Some(RowState::Waiting),
        wire::ApplicationImportRowState::Registered => Some(RowState::Registered),
        wire::ApplicationImportRowState::Refused => Some(RowState::Refused),
    }
}

fn at(time: Timestamp) -> prost_types::Timestamp {
    time::from_micros(time.micros())
}

impl From<ApplicationImport> for wire::ApplicationImport {
    fn from(import: ApplicationImport) -> Self {
        let state = match import.state {
            State::Open => wire::ApplicationImportState::Open,
            State::Running => wire::ApplicationImportState::Running,
            State::Succeeded => wire::ApplicationImportState::Succeeded,
            State::Failed => wire::ApplicationImportState::Failed,
            State::Cancelled => wire::ApplicationImportState::Cancelled,
        };
        Self {
            name: format!("{COLLECTION}/{}", import.id),
            application_import_id: import.id.to_string(),
            organisation: import.organisation,
            division: import.division.to_string(),
            state: state.into(),
            next_row: import.next_row,
            registered: import.registered,
            refused: import.refused,
            create_time: Some(at(import.created_at)),
            finish_time: import.finished_at.map(at),
        }
    }
}

impl From<ImportedRow> for wire::ApplicationImportRow {
    fn from(row: ImportedRow) -> Self {
        let state = match row.state {
            RowState::Waiting => wire::ApplicationImportRowState::Waiting,
            RowState::Registered => wire::ApplicationImportRowState::Registered,
            RowState::Refused => wire::ApplicationImportRowState::Refused,
        };
        Self {
            row: row.row,
            state: state.into(),
            errors: row.errors.into_iter().map(Into::into).collect(),
        }
    }
}
