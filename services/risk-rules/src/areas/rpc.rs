//! The RPCs of risk areas and of unplaced areas, which the contract has in one service.

pub mod area;
pub mod places;
mod upload;

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{DivisionCode, Fault};
use lutong_proto::risk_rules::v1 as wire;
use lutong_risk_engine::area::{AreaQuery, RiskLevel};
use lutong_skin::risk_rules::v1::AreaHandler;
use lutong_transport::access::{DivisionPermit, NoPermit};
use lutong_transport::reply::uuid_of;
use strum::VariantArray as _;
use tonic::Streaming;

use super::service::Areas;
use super::service::intervals::{IntervalImport, IntervalImporter};
use super::service::notices::{NoticeImport, NoticeImporter};
use crate::approval::rpc::action_of;
use crate::fault;
use crate::operations::rpc::effect;
use crate::unplaced_areas::rpc::{requested_state, unplaced_area};
use crate::unplaced_areas::service::{PlacementResult, UnplacedAreas};
use crate::wire::{count, instant, timestamp};
use area::{area, level};
use places::{community, place_division};

const AREAS: &str = "areas";
const UNPLACED: &str = "unplaced-areas";

pub struct Handler {
    areas: Areas,
    notices: NoticeImporter,
    intervals: IntervalImporter,
    unplaced: UnplacedAreas,
}

impl Handler {
    pub const fn new(
        areas: Areas,
        notices: NoticeImporter,
        intervals: IntervalImporter,
        unplaced: UnplacedAreas,
    ) -> Self {
        Self {
            areas,
            notices,
            intervals,
            unplaced,
        }
    }
}

impl AreaHandler for Handler {
    async fn import_notice(
        &self,
        call: Query<DivisionPermit>,
        chunks: Streaming<wire::ImportNoticeRequest>,
    ) -> Result<wire::ImportNoticeResponse, Fault> {
        province_wide(call.permit)?;
        let notice = upload::gather(chunks, |message| message.chunk, fault::areas::notice_too_large).await?;
        let account = &call.grant.principal().account;
        let imported = self
            .notices
            .import(&call.grant.own_call(), account, notice)
            .await?;
        Ok(imported.into())
    }

    async fn import_intervals(
        &self,
        call: Query<DivisionPermit>,
        chunks: Streaming<wire::ImportIntervalsRequest>,
    ) -> Result<wire::ImportIntervalsResponse, Fault> {
        province_wide(call.permit)?;
        let table =
            upload::gather(chunks, |message| message.chunk, fault::areas::intervals_too_large).await?;
        let account = &call.grant.principal().account;
        let imported = self
            .intervals
            .import(&call.grant.own_call(), account, table)
            .await?;
        Ok(imported.into())
    }

    async fn get_area(
        &self,
        _: Query<NoPermit>,
        message: wire::GetAreaRequest,
    ) -> Result<wire::GetAreaResponse, Fault> {
        let id = uuid_of(&message.name, AREAS)?;
        let found = self
            .areas
            .find(id, message.known_time.as_ref().map(timestamp))
            .await?;
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
            // The bounds of the contract have checked its shape.
            division: DivisionCode::parse(&message.division).ok(),
            level: RiskLevel::VARIANTS
                .iter()
                .copied()
                .find(|one| level(*one) == message.level()),
            open_only: message.open_only,
            known_at: message.known_time.as_ref().map(timestamp),
        };
        let (found, next_page_token) = self.areas.list(query, &call.page).await?;
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
        let found = self.unplaced.find(uuid_of(&message.name, UNPLACED)?).await?;
        Ok(wire::GetUnplacedAreaResponse {
            unplaced_area: Some(unplaced_area(&found, call.grant.principal())),
        })
    }

    async fn list_unplaced_areas(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListUnplacedAreasRequest,
    ) -> Result<wire::ListUnplacedAreasResponse, Fault> {
        let state = requested_state(message.state());
        let (found, next_page_token) = self.unplaced.list(state, &call.page).await?;
        let caller = call.grant.principal();
        Ok(wire::ListUnplacedAreasResponse {
            unplaced_areas: found.iter().map(|row| unplaced_area(row, caller)).collect(),
            next_page_token,
        })
    }

    async fn place_unplaced_area(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::PlaceUnplacedAreaRequest,
    ) -> Result<wire::PlaceUnplacedAreaResponse, Fault> {
        let id = uuid_of(&message.name, UNPLACED)?;
        let place = (place_division(&message.division), community(&message.community)).all_valid()?;
        let grant = call.grant.clone();
        let (onward, action) = (grant.own_call(), action_of(call, message.etag));
        let PlacementResult {
            row,
            area: listing,
            effect: done,
        } = self.unplaced.place(&onward, action, id, place).await?;
        Ok(wire::PlaceUnplacedAreaResponse {
            unplaced_area: Some(unplaced_area(&row, grant.principal())),
            area: Some(area(&listing)),
            effect: Some(effect(&done)),
        })
    }
}

/// Notices and tables contain listings of the whole country, so that an import changes every division.
fn province_wide(permit: DivisionPermit) -> Result<(), Fault> {
    if permit.jurisdiction().is_province_wide() {
        return Ok(());
    }
    Err(fault::areas::import_outside_division())
}

impl From<NoticeImport> for wire::ImportNoticeResponse {
    fn from(imported: NoticeImport) -> Self {
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

impl From<IntervalImport> for wire::ImportIntervalsResponse {
    fn from(imported: IntervalImport) -> Self {
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
