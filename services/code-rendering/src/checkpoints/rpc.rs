//! `CheckpointService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{CheckpointId, DivisionCode, Fault, Violation};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::code_rendering::v1::CheckpointHandler;
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;

use super::domain::{self, Action, Kind, State};
use super::service::{Checkpoints, ListFilter, NewCheckpoint, View};
use crate::fault::doors as fault;

const COLLECTION: &str = "checkpoints";
/// Characters of a place's name, as the contract bounds them.
const LONGEST_PLACE_NAME: usize = 100;

pub struct CheckpointRpc(pub Checkpoints);

/// The name of a checkpoint.
pub fn name(id: CheckpointId) -> String {
    format!("{COLLECTION}/{id}")
}

/// The checkpoint that a field names.
pub fn checkpoint_in(field: &str, name: &str) -> Result<CheckpointId, Fault> {
    reply::uuid_in(field, name, COLLECTION).map(CheckpointId::from_uuid)
}

/// The checkpoint that the field `checkpoint` names; `None` where it is empty.
pub fn optional_checkpoint(name: &str) -> Result<Option<CheckpointId>, Fault> {
    let named = Some(name).filter(|name| !name.is_empty());
    named.map(|name| checkpoint_in("checkpoint", name)).transpose()
}

/// The division that a field names; `None` where it is empty.
pub fn optional_division(text: &str) -> Result<Option<DivisionCode>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    division(text).map(Some).map_err(reply::wrong)
}

fn division(text: &str) -> Result<DivisionCode, Violation> {
    DivisionCode::parse(text).map_err(|error| fault::division_shape(&error))
}

impl CheckpointHandler for CheckpointRpc {
    async fn create_checkpoint(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreateCheckpointRequest,
    ) -> Result<wire::CreateCheckpointResponse, Fault> {
        let new = new_checkpoint(&message)?;
        let created = self.0.create(call, new).await?;
        Ok(wire::CreateCheckpointResponse {
            checkpoint: Some(created.into()),
        })
    }

    async fn get_checkpoint(
        &self,
        call: Query<DivisionPermit>,
        message: wire::GetCheckpointRequest,
    ) -> Result<wire::GetCheckpointResponse, Fault> {
        let id = checkpoint_in("name", &message.name)?;
        Ok(wire::GetCheckpointResponse {
            checkpoint: Some(self.0.get(call.permit, id).await?.into()),
        })
    }

    async fn list_checkpoints(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListCheckpointsRequest,
    ) -> Result<wire::ListCheckpointsResponse, Fault> {
        let filter = ListFilter {
            division: optional_division(&message.division)?,
            kind: read_kind(message.kind()),
            state: read_state(message.state()),
            is_silent: message.silent,
        };
        let (views, next_page_token) = self.0.list(&call, filter).await?;
        Ok(wire::ListCheckpointsResponse {
            checkpoints: views.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn end_checkpoint(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::EndCheckpointRequest,
    ) -> Result<wire::EndCheckpointResponse, Fault> {
        let id = checkpoint_in("name", &message.name)?;
        let ended = self.0.end(call, id, message.etag).await?;
        Ok(wire::EndCheckpointResponse {
            checkpoint: Some(ended.into()),
        })
    }
}

fn new_checkpoint(message: &wire::CreateCheckpointRequest) -> Result<NewCheckpoint, Fault> {
    let parts = (
        reply::required(read_kind(message.kind()), "kind"),
        division(&message.division).and_then(domain::district),
        reply::text(&message.place_name, "place_name", LONGEST_PLACE_NAME),
    );
    let (kind, division, place_name) = parts.all_valid()?;
    Ok(NewCheckpoint {
        kind,
        division,
        place_name,
    })
}

const fn read_kind(kind: wire::CheckpointKind) -> Option<Kind> {
    match kind {
        wire::CheckpointKind::Unspecified => None,
        wire::CheckpointKind::Community => Some(Kind::Community),
        wire::CheckpointKind::Restaurant => Some(Kind::Restaurant),
        wire::CheckpointKind::Mall => Some(Kind::Mall),
        wire::CheckpointKind::Hospital => Some(Kind::Hospital),
        wire::CheckpointKind::Hotel => Some(Kind::Hotel),
        wire::CheckpointKind::Transport => Some(Kind::Transport),
        wire::CheckpointKind::CultureAndTourism => Some(Kind::CultureAndTourism),
        wire::CheckpointKind::OfficeBuilding => Some(Kind::OfficeBuilding),
    }
}

impl From<Kind> for wire::CheckpointKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Community => Self::Community,
            Kind::Restaurant => Self::Restaurant,
            Kind::Mall => Self::Mall,
            Kind::Hospital => Self::Hospital,
            Kind::Hotel => Self::Hotel,
            Kind::Transport => Self::Transport,
            Kind::CultureAndTourism => Self::CultureAndTourism,
            Kind::OfficeBuilding => Self::OfficeBuilding,
        }
    }
}

const fn read_state(state: wire::CheckpointState) -> Option<State> {
    match state {
        wire::CheckpointState::Unspecified => None,
        wire::CheckpointState::Active => Some(State::Active),
        wire::CheckpointState::Ended => Some(State::Ended),
    }
}

const fn state(state: State) -> wire::CheckpointState {
    match state {
        State::Active => wire::CheckpointState::Active,
        State::Ended => wire::CheckpointState::Ended,
    }
}

const fn action(action: Action) -> wire::CheckpointAction {
    match action {
        Action::End => wire::CheckpointAction::End,
        Action::CreateDevice => wire::CheckpointAction::CreateDevice,
    }
}

impl From<View> for wire::Checkpoint {
    fn from(view: View) -> Self {
        let View {
            checkpoint,
            is_silent,
            etag,
        } = view;
        let now = checkpoint.state();
        Self {
            name: name(checkpoint.id),
            checkpoint_id: checkpoint.id.to_string(),
            state: state(now).into(),
            etag: etag.into(),
            kind: wire::CheckpointKind::from(checkpoint.kind).into(),
            division: checkpoint.division.to_string(),
            place_name: checkpoint.place_name,
            create_time: Some(instant(checkpoint.created_at)),
            heard_time: checkpoint.heard_at.map(instant),
            silent: is_silent,
            end_time: checkpoint.ended_at.map(instant),
            allowed_actions: now.actions().iter().map(|one| action(*one).into()).collect(),
        }
    }
}
