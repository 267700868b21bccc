//! Wire form of unplaced areas and their placements.

use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_risk_engine::notice::PlacementReason;
use lutong_transport::access::Principal;

use super::store::{Placement, UnplacedArea, UnplacedAreaState};
use crate::areas::rpc::area::level;
use crate::wire::instant;

/// The state that a list is restricted to; `None`: any state.
pub const fn requested_state(state: wire::UnplacedAreaState) -> Option<UnplacedAreaState> {
    match state {
        wire::UnplacedAreaState::Unspecified => None,
        wire::UnplacedAreaState::Waiting => Some(UnplacedAreaState::Waiting),
        wire::UnplacedAreaState::Placed => Some(UnplacedAreaState::Placed),
        wire::UnplacedAreaState::Lapsed => Some(UnplacedAreaState::Lapsed),
    }
}

pub fn unplaced_area(row: &UnplacedArea, caller: &Principal) -> wire::UnplacedArea {
    let state = match row.state() {
        UnplacedAreaState::Waiting => wire::UnplacedAreaState::Waiting,
        UnplacedAreaState::Placed => wire::UnplacedAreaState::Placed,
        UnplacedAreaState::Lapsed => wire::UnplacedAreaState::Lapsed,
    };
    let may_place = row.placement.is_none() && caller.roles.has(Role::HealthOfficer);
    wire::UnplacedArea {
        name: row.name(),
        unplaced_area_id: row.id.to_string(),
        start_time: Some(instant(row.period.from)),
        end_time: row.period.to.map(instant),
        place: row.row.place.clone(),
        community: row.row.community.clone(),
        level: level(row.row.level).into(),
        reason: reason(row.row.reason).into(),
        state: state.into(),
        placement: row.placement.as_ref().map(|one| placement(row, one)),
        etag: row.etag().into(),
        allowed_actions: may_place
            .then_some(wire::Action::Place.into())
            .into_iter()
            .collect(),
    }
}

fn placement(row: &UnplacedArea, placement: &Placement) -> wire::Placement {
    wire::Placement {
        area: row.area(placement, placement.at).name(),
        division: placement.code.to_string(),
        community: placement.community.clone().unwrap_or_default(),
        officer: placement.officer.clone(),
        place_time: Some(instant(placement.at)),
    }
}

const fn reason(reason: PlacementReason) -> wire::PlacementReason {
    match reason {
        PlacementReason::Complement => wire::PlacementReason::Complement,
        PlacementReason::WholeArea => wire::PlacementReason::WholeArea,
        PlacementReason::PlaceUnknown => wire::PlacementReason::PlaceUnknown,
    }
}
