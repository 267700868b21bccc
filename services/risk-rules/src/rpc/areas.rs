//! Risk areas and what officers place.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::Violations;
use lutong_kernel::{DivisionCode, Fault, FaultCode, Timestamp};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use lutong_skin::risk_rules::v1::AreaHandler;
use lutong_transport::access::{DivisionPermit, NoPermit, Principal};
use tonic::Streaming;

use super::approval::{acting, effect, instant};
use super::places::{community, place_division};
use super::upload;
use crate::domain::area::{AreaEntry, AreaQuery, RiskLevel};
use crate::domain::notice::Reason;
use crate::service::areas::Imported;
use crate::service::deciding::Decider;
use crate::service::intervals::ImportedIntervals;
use crate::service::placement::Placed;
use crate::store::unplaced::{Placement, RowState, UnplacedRow};
use lutong_transport::reply::uuid_of;

const AREAS: &str = "areas";
const UNPLACED: &str = "unplaced-areas";

pub struct Handler(pub Decider);

impl AreaHandler for Handler {
    async fn import_notice(
        &self,
        call: Query<DivisionPermit>,
        chunks: Streaming<wire::ImportNoticeRequest>,
    ) -> Result<wire::ImportNoticeResponse, Fault> {
        province_wide(call.permit)?;
        let notice = upload::gather(chunks, |message| message.chunk, upload::NOTICE).await?;
        let account = &call.grant.principal().account;
        let imported = self
            .0
            .import_notice(&call.grant.own_call(), account, notice)
            .await?;
        Ok(imported.into())
    }

    async fn import_intervals(
        &self,
        call: Query<DivisionPermit>,
        chunks: Streaming<wire::ImportIntervalsRequest>,
    ) -> Result<wire::ImportIntervalsResponse, Fault> {
        province_wide(call.permit)?;
        let table = upload::gather(chunks, |message| message.chunk, upload::INTERVALS).await?;
        let account = &call.grant.principal().account;
        let imported = self
            .0
            .import_intervals(&call.grant.own_call(), account, table)
            .await?;
        Ok(imported.into())
    }

    async fn get_area(
        &self,
        _: Query<NoPermit>,
        message: wire::GetAreaRequest,
    ) -> Result<wire::GetAreaResponse, Fault> {
        let id = uuid_of(&message.name, AREAS)?;
        let found = self.0.area(id, message.known_time.as_ref().map(at)).await?;
        Ok(wire::GetAreaResponse {
            area: Some(area(&found)),
        })
    }

    async fn list_areas(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListAreasRequest,
    ) -> Result<wire::ListAreasResponse, Fault> {
        let query = AreaQuery {
            // Its shape was checked with the bounds.
            within: DivisionCode::parse(&message.division).ok(),
            level: RiskLevel::ALL
                .into_iter()
                .find(|one| level(*one) == message.level()),
            open_only: message.open_only,
            known_at: message.known_time.as_ref().map(at),
        };
        let (found, next_page_token) = self.0.list_areas(query, &call.page).await?;
        Ok(wire::ListAreasResponse {
            areas: found.iter().map(area).collect(),
            next_page_token,
        })
    }

    async fn get_unplaced_area(
        &self,
        call: Query<NoPermit>,
        message: wire::GetUnplacedAreaRequest,
    ) -> Result<wire::GetUnplacedAreaResponse, Fault> {
        let found = self.0.unplaced_area(uuid_of(&message.name, UNPLACED)?).await?;
        Ok(wire::GetUnplacedAreaResponse {
            unplaced_area: Some(unplaced(&found, call.grant.principal())),
        })
    }

    async fn list_unplaced_areas(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListUnplacedAreasRequest,
    ) -> Result<wire::ListUnplacedAreasResponse, Fault> {
        let asked = match message.state() {
            wire::UnplacedAreaState::Unspecified => None,
            wire::UnplacedAreaState::Waiting => Some(RowState::Waiting),
            wire::UnplacedAreaState::Placed => Some(RowState::Placed),
            wire::UnplacedAreaState::Lapsed => Some(RowState::Lapsed),
        };
        let (found, next_page_token) = self.0.list_unplaced(asked, &call.page).await?;
        let caller = call.grant.principal();
        Ok(wire::ListUnplacedAreasResponse {
            unplaced_areas: found.iter().map(|row| unplaced(row, caller)).collect(),
            next_page_token,
        })
    }

    async fn place_unplaced_area(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::PlaceUnplacedAreaRequest,
    ) -> Result<wire::PlaceUnplacedAreaResponse, Fault> {
        let id = uuid_of(&message.name, UNPLACED)?;
        let mut wrong = Violations::new();
        let code = wrong.take(place_division(&message.division));
        let community = wrong.take(community(&message.community));
        wrong.finish()?;
        // Unreachable otherwise: `finish` above returned every violation.
        let place = code.zip(community).ok_or_else(Fault::internal)?;
        let grant = call.grant.clone();
        let (onward, acting) = (grant.own_call(), acting(call, message.etag));
        let Placed {
            row,
            area: listing,
            effect: done,
        } = self.0.place_area(&onward, acting, id, place).await?;
        Ok(wire::PlaceUnplacedAreaResponse {
            unplaced_area: Some(unplaced(&row, grant.principal())),
            area: Some(area(&listing)),
            effect: Some(effect(&done)),
        })
    }
}

fn at(time: &prost_types::Timestamp) -> Timestamp {
    Timestamp::from_micros(time::to_micros(time))
}

/// A notice and a table list the whole country: who imports one changes every division at once.
fn province_wide(permit: DivisionPermit) -> Result<(), Fault> {
    if permit.jurisdiction().is_province_wide() {
        return Ok(());
    }
    Err(Fault::new(
        FaultCode::PermissionDenied,
        "OUTSIDE_DIVISION",
        "导入风险地区名单需要全省权限",
        "a list of risk areas concerns every division: importing it takes the province-wide grant",
    ))
}

pub fn area(area: &AreaEntry) -> wire::Area {
    wire::Area {
        name: area.name(),
        area_id: area.id().to_string(),
        division: area.code.to_string(),
        community: area.community.clone().unwrap_or_default(),
        level: level(area.level).into(),
        start_time: Some(instant(area.from)),
        end_time: area.to.map(instant),
        record_time: Some(instant(area.recorded_at)),
    }
}

pub const fn level(level: RiskLevel) -> wire::RiskLevel {
    match level {
        RiskLevel::Key => wire::RiskLevel::Key,
        RiskLevel::High => wire::RiskLevel::High,
        RiskLevel::Medium => wire::RiskLevel::Medium,
        RiskLevel::Low => wire::RiskLevel::Low,
    }
}

fn unplaced(row: &UnplacedRow, caller: &Principal) -> wire::UnplacedArea {
    let state = match row.state() {
        RowState::Waiting => wire::UnplacedAreaState::Waiting,
        RowState::Placed => wire::UnplacedAreaState::Placed,
        RowState::Lapsed => wire::UnplacedAreaState::Lapsed,
    };
    let may_place = row.placement.is_none() && caller.roles.has(Role::HealthOfficer);
    wire::UnplacedArea {
        name: row.name(),
        unplaced_area_id: row.id.to_string(),
        start_time: Some(instant(row.span.from)),
        end_time: row.span.to.map(instant),
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

fn placement(row: &UnplacedRow, placement: &Placement) -> wire::Placement {
    wire::Placement {
        area: row.area(placement, placement.at).name(),
        division: placement.code.to_string(),
        community: placement.community.clone().unwrap_or_default(),
        officer: placement.officer.clone(),
        place_time: Some(instant(placement.at)),
    }
}

const fn reason(reason: Reason) -> wire::PlacementReason {
    match reason {
        Reason::Complement => wire::PlacementReason::Complement,
        Reason::WholeArea => wire::PlacementReason::WholeArea,
        Reason::PlaceUnknown => wire::PlacementReason::PlaceUnknown,
    }
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl From<Imported> for wire::ImportNoticeResponse {
    fn from(imported: Imported) -> Self {
        Self {
            publish_time: Some(instant(imported.published_at)),
            listed: count(imported.listed),
            opened: count(imported.opened),
            unchanged: count(imported.unchanged),
            lifted: count(imported.lifted),
            needs_placement: count(imported.needs_placement),
            effect: Some(effect(&imported.effect)),
        }
    }
}

impl From<ImportedIntervals> for wire::ImportIntervalsResponse {
    fn from(imported: ImportedIntervals) -> Self {
        Self {
            rows: count(imported.rows),
            listed: count(imported.listed),
            opened: count(imported.opened),
            ended: count(imported.ended),
            unchanged: count(imported.unchanged),
            needs_placement: count(imported.needs_placement),
            low: count(imported.low),
            effect: Some(effect(&imported.effect)),
        }
    }
}
