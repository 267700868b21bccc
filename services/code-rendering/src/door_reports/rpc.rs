//! `DoorReportService`: parse, call, map.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use lutong_chassis::skin::{Answers, Following, Listing, Mutation, Query};
use lutong_kernel::{DivisionCode, DoorReportId, Fault, Timestamp};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time::{instant, timestamp};
use lutong_proto::types::v1 as types;
use lutong_skin::code_rendering::v1::DoorReportHandler;
use lutong_transport::access::{BearerPermit, DivisionPermit, WardPermit};
use lutong_transport::reply;

use super::domain::{Action, ClockState, DoorReport, Outcome, State, Step};
use super::service::{DoorReports, Handling, Scan, View, WatchedReport};
use super::store::Filter;
use crate::checkpoints::domain::district;
use crate::checkpoints::rpc::{name as checkpoint_name, optional_checkpoint, optional_division};
use crate::fault::doors;

const COLLECTION: &str = "door-reports";
/// The clock of a report.
const ACKNOWLEDGE: &str = "acknowledge";

pub struct DoorReportRpc(pub DoorReports);

impl DoorReportHandler for DoorReportRpc {
    async fn create_door_report(
        &self,
        call: Mutation<BearerPermit>,
        message: wire::CreateDoorReportRequest,
    ) -> Result<wire::CreateDoorReportResponse, Fault> {
        let scan = Scan {
            token: &message.token,
            at: message.scan_time.as_ref().map(timestamp),
            checkpoint: optional_checkpoint(&message.checkpoint)?,
        };
        let (id, now) = self.0.create(call, scan).await?;
        Ok(wire::CreateDoorReportResponse {
            name: name(id),
            state: state(now).into(),
        })
    }

    async fn create_self_report(
        &self,
        call: Mutation<WardPermit>,
        message: wire::CreateSelfReportRequest,
    ) -> Result<wire::CreateSelfReportResponse, Fault> {
        let division = DivisionCode::parse(&message.division).map_err(|error| doors::division_shape(&error));
        let division = division.and_then(district).map_err(reply::wrong)?;
        let (id, now) = self.0.create_own(call, division).await?;
        Ok(wire::CreateSelfReportResponse {
            name: name(id),
            state: state(now).into(),
        })
    }

    async fn get_door_report(
        &self,
        call: Query<DivisionPermit>,
        message: wire::GetDoorReportRequest,
    ) -> Result<wire::GetDoorReportResponse, Fault> {
        let found = self.0.get(call.permit, report_in(&message.name)?).await?;
        Ok(wire::GetDoorReportResponse {
            door_report: Some(found.into()),
        })
    }

    async fn list_door_reports(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListDoorReportsRequest,
    ) -> Result<wire::ListDoorReportsResponse, Fault> {
        let filter = Filter {
            division: optional_division(&message.division)?,
            state: read_state(message.state()),
            checkpoint: optional_checkpoint(&message.checkpoint)?,
            due_before: message.due_before.as_ref().map(timestamp),
        };
        if !message.cursor.is_empty() || message.wait_s > 0 {
            beside_cursor(&message)?;
            let wait = Duration::from_secs(u64::try_from(message.wait_s).unwrap_or_default());
            let changes = self.0.changes(&call, filter.division, &message.cursor, wait);
            let (views, watch_cursor) = changes.await?;
            return Ok(wire::ListDoorReportsResponse {
                door_reports: views.into_iter().map(Into::into).collect(),
                next_page_token: String::new(),
                watch_cursor,
            });
        }
        let (views, next_page_token, watch_cursor) = self.0.list(&call, filter).await?;
        Ok(wire::ListDoorReportsResponse {
            door_reports: views.into_iter().map(Into::into).collect(),
            next_page_token,
            watch_cursor,
        })
    }

    async fn watch_door_reports(
        &self,
        call: Following<DivisionPermit>,
        message: wire::WatchDoorReportsRequest,
    ) -> Result<Answers<wire::WatchDoorReportsResponse>, Fault> {
        let division = optional_division(&message.division)?;
        let watched = self.0.watch(call, division).await?;
        let answer = |watched: WatchedReport| wire::WatchDoorReportsResponse {
            cursor: watched.cursor,
            door_report: watched.report.map(Into::into),
        };
        Ok(watched.map_ok(answer).boxed())
    }

    async fn inspect_door_report(
        &self,
        call: Query<DivisionPermit>,
        message: wire::InspectDoorReportRequest,
    ) -> Result<wire::InspectDoorReportResponse, Fault> {
        let found = self.0.get(call.permit, report_in(&message.name)?).await?;
        Ok(wire::InspectDoorReportResponse {
            subject_id: found.report.subject.to_string(),
            door_report: Some(found.into()),
        })
    }

    async fn acknowledge_door_report(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::AcknowledgeDoorReportRequest,
    ) -> Result<wire::AcknowledgeDoorReportResponse, Fault> {
        let id = report_in(&message.name)?;
        let done = self.0.handle(call, id, message.etag, Handling::Acknowledge);
        Ok(wire::AcknowledgeDoorReportResponse {
            door_report: Some(done.await?.into()),
        })
    }

    async fn close_door_report(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CloseDoorReportRequest,
    ) -> Result<wire::CloseDoorReportResponse, Fault> {
        let id = report_in(&message.name)?;
        let outcome = reply::required(read_outcome(message.outcome()), "outcome").map_err(reply::wrong)?;
        let done = self.0.handle(call, id, message.etag, Handling::Close(outcome));
        Ok(wire::CloseDoorReportResponse {
            door_report: Some(done.await?.into()),
        })
    }
}

/// Refuses what a cursor does not go with.
fn beside_cursor(message: &wire::ListDoorReportsRequest) -> Result<(), Fault> {
    if message.cursor.is_empty() {
        return Err(reply::wrong(doors::cursor_missing()));
    }
    let beside = [
        ("state", message.state() != wire::DoorReportState::Unspecified),
        ("checkpoint", !message.checkpoint.is_empty()),
        ("due_before", message.due_before.is_some()),
        ("page_token", !message.page_token.is_empty()),
    ];
    let wrong = beside.into_iter().filter(|(_, is_there)| *is_there);
    let wrong: Vec<_> = wrong.map(|(field, _)| doors::cursor_alone(field)).collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Fault::invalid(wrong))
    }
}

fn name(id: DoorReportId) -> String {
    format!("{COLLECTION}/{id}")
}

fn report_in(name: &str) -> Result<DoorReportId, Fault> {
    reply::uuid_of(name, COLLECTION).map(DoorReportId::from_uuid)
}

const fn read_state(state: wire::DoorReportState) -> Option<State> {
    match state {
        wire::DoorReportState::Unspecified => None,
        wire::DoorReportState::Open => Some(State::Open),
        wire::DoorReportState::Acknowledged => Some(State::Acknowledged),
        wire::DoorReportState::Closed => Some(State::Closed),
    }
}

const fn state(state: State) -> wire::DoorReportState {
    match state {
        State::Open => wire::DoorReportState::Open,
        State::Acknowledged => wire::DoorReportState::Acknowledged,
        State::Closed => wire::DoorReportState::Closed,
    }
}

const fn read_outcome(outcome: wire::DoorReportOutcome) -> Option<Outcome> {
    match outcome {
        wire::DoorReportOutcome::Unspecified => None,
        wire::DoorReportOutcome::Transferred => Some(Outcome::Transferred),
        wire::DoorReportOutcome::Mistaken => Some(Outcome::Mistaken),
        wire::DoorReportOutcome::NotFound => Some(Outcome::NotFound),
    }
}

const fn outcome(outcome: Outcome) -> wire::DoorReportOutcome {
    match outcome {
        Outcome::Transferred => wire::DoorReportOutcome::Transferred,
        Outcome::Mistaken => wire::DoorReportOutcome::Mistaken,
        Outcome::NotFound => wire::DoorReportOutcome::NotFound,
    }
}

const fn action(action: Action) -> wire::DoorReportAction {
    match action {
        Action::Acknowledge => wire::DoorReportAction::Acknowledge,
        Action::Close => wire::DoorReportAction::Close,
    }
}

/// The clock of a report at an instant.
fn clock(report: &DoorReport, at: Timestamp) -> types::Clock {
    let state = match report.clock_state(at) {
        ClockState::Running => types::ClockState::Running,
        ClockState::Met => types::ClockState::Met,
        ClockState::Overdue => types::ClockState::Overdue,
    };
    let late = Some(report.late()).filter(|late| !late.is_zero());
    types::Clock {
        kind: ACKNOWLEDGE.to_owned(),
        state: state.into(),
        start_time: Some(instant(report.created_at)),
        warn_time: None,
        due_time: Some(instant(report.due_at)),
        stop_time: report.acknowledged.as_ref().map(|step| instant(step.at)),
        calendar: "every-hour".to_owned(),
        paused_for: None,
        late: late.and_then(|late| prost_types::Duration::try_from(late).ok()),
    }
}

impl From<View> for wire::DoorReport {
    fn from(view: View) -> Self {
        let View {
            report,
            checkpoint,
            etag,
            at,
        } = view;
        let now = report.state();
        let clocks = vec![clock(&report, at)];
        let account = |step: Option<&Step>| step.map(|step| step.account.clone()).unwrap_or_default();
        let acknowledged = report.acknowledged.as_ref();
        let closed = report.closed.as_ref();
        let kind = checkpoint
            .as_ref()
            .map_or(wire::CheckpointKind::Unspecified, |checkpoint| {
                checkpoint.kind.into()
            });
        Self {
            name: name(report.id),
            door_report_id: report.id.to_string(),
            state: state(now).into(),
            etag: etag.into(),
            checkpoint: report.checkpoint.map(checkpoint_name).unwrap_or_default(),
            checkpoint_kind: kind.into(),
            place_name: checkpoint
                .map(|checkpoint| checkpoint.place_name)
                .unwrap_or_default(),
            division: report.division.to_string(),
            colour: types::Colour::from(report.colour).into(),
            scan_time: Some(instant(report.scanned_at)),
            last_scan_time: Some(instant(report.last_scanned_at)),
            scan_count: report.scan_count,
            create_time: Some(instant(report.created_at)),
            acknowledge_time: acknowledged.map(|step| instant(step.at)),
            acknowledger: account(acknowledged),
            close_time: closed.map(|(step, _)| instant(step.at)),
            closer: account(closed.map(|(step, _)| step)),
            outcome: closed.map_or(0, |(_, came)| outcome(*came).into()),
            clocks,
            allowed_actions: now.actions().map(|one| action(one).into()).collect(),
            staff: report.staff.unwrap_or_default(),
        }
    }
}
