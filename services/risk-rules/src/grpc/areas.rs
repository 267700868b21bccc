//! Risk areas, on the wire.

mod convert;
mod upload;

use lutong_chassis::access::Grant;
use lutong_chassis::reply;
use lutong_kernel::fault::Violations;
use lutong_kernel::{Fault, RequestId, Timestamp, Violation};
use lutong_proto::risk_rules::v1 as wire;
use prost::Message as _;
use tonic::{Request, Response, Status, Streaming};
use wire::area_service_server::AreaService;

use super::recomparison::page_limit;
use crate::domain::area::AreaQuery;
use crate::domain::key_area::Proposal;
use crate::service::deciding::Decider;
use crate::service::placement::Asked;

/// Listings, rows and proposals in one answer.
const PAGE: u32 = 1_000;

#[derive(Clone)]
pub struct Areas(Decider);

impl Areas {
    pub const fn new(decider: Decider) -> Self {
        Self(decider)
    }

    async fn import(
        &self,
        request: Request<Streaming<wire::ImportNoticeRequest>>,
    ) -> Result<wire::ImportNoticeResponse, Fault> {
        let grant = reply::grant(&request)?;
        convert::province_wide(&grant)?;
        let notice = upload::gather(request.into_inner(), |message| message.chunk, upload::NOTICE).await?;
        let imported = self.0.import_notice(&grant.own_call(), notice).await?;
        Ok(imported.into())
    }

    async fn intervals(
        &self,
        request: Request<Streaming<wire::ImportIntervalsRequest>>,
    ) -> Result<wire::ImportIntervalsResponse, Fault> {
        let grant = reply::grant(&request)?;
        convert::province_wide(&grant)?;
        let table = upload::gather(request.into_inner(), |message| message.chunk, upload::INTERVALS).await?;
        let imported = self.0.import_intervals(&grant.own_call(), table).await?;
        Ok(imported.into())
    }

    async fn list(&self, request: wire::ListAreasRequest) -> Result<wire::ListAreasResponse, Fault> {
        let wire::ListAreasRequest {
            division,
            open_only,
            known_time,
            page_size,
            page_token,
        } = request;
        let mut wrong = Violations::new();
        let within = wrong.take(convert::division_prefix(&division));
        let known_at = wrong.take(
            known_time
                .map(|time| convert::instant("known_time", &time))
                .transpose(),
        );
        let after = wrong.take(convert::area_token(&page_token));
        wrong.finish()?;
        let limit = page_limit(page_size, PAGE)?;
        let query = AreaQuery {
            within: within.unwrap_or_default(),
            open_only,
            known_at: known_at.flatten(),
        };
        let found = self.0.list_areas(query, after.flatten(), limit as usize).await?;
        let full = found.len() == limit as usize;
        let next = found.last().filter(|_| full).map(convert::next_area);
        Ok(wire::ListAreasResponse {
            areas: found.iter().map(convert::area).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }

    async fn unplaced(
        &self,
        request: wire::ListUnplacedRequest,
    ) -> Result<wire::ListUnplacedResponse, Fault> {
        let wire::ListUnplacedRequest {
            waiting_only,
            page_size,
            page_token,
        } = request;
        let (after, limit) = (convert::id_token(&page_token)?, page_limit(page_size, PAGE)?);
        let found = self
            .0
            .list_unplaced(waiting_only, after, u64::from(limit))
            .await?;
        Ok(wire::ListUnplacedResponse {
            next_page_token: convert::next_id(&found, limit, |row| row.id),
            unplaced_areas: found.iter().map(convert::unplaced).collect(),
        })
    }

    async fn place(
        &self,
        request: Request<wire::PlaceAreaRequest>,
    ) -> Result<wire::PlaceAreaResponse, Fault> {
        let grant = reply::grant(&request)?;
        let message = request.into_inner();
        let body = message.encode_to_vec();
        let mut wrong = Violations::new();
        let request_id = wrong.take(reply::request_id(&message.request_id));
        let code = wrong.take(convert::place_division(&message.division));
        let community = wrong.take(convert::community(&message.community));
        wrong.finish()?;
        let (Some(request_id), Some(code), Some(community)) = (request_id, code, community) else {
            // Whatever is missing was noted as wrong.
            return Err(Fault::internal());
        };
        let placed = self
            .0
            .place_area(
                &grant.own_call(),
                asked(&grant, request_id, &body)?,
                message.unplaced_area_id,
                (code, community),
            )
            .await?;
        Ok(wire::PlaceAreaResponse {
            area: Some(convert::area(&placed.what)),
            redecided: convert::count(placed.redecided),
            in_force: placed.in_force,
        })
    }

    async fn propose(
        &self,
        request: Request<wire::ProposeKeyAreaRequest>,
    ) -> Result<wire::ProposeKeyAreaResponse, Fault> {
        let grant = reply::grant(&request)?;
        let message = request.into_inner();
        let body = message.encode_to_vec();
        let mut wrong = Violations::new();
        let request_id = wrong.take(reply::request_id(&message.request_id));
        let proposal = proposal(&message, &mut wrong);
        wrong.finish()?;
        let (Some(request_id), Some(proposal)) = (request_id, proposal) else {
            // Whatever is missing was noted as wrong.
            return Err(Fault::internal());
        };
        let area = self
            .0
            .propose_key_area(asked(&grant, request_id, &body)?, proposal)
            .await?;
        Ok(wire::ProposeKeyAreaResponse {
            key_area: Some(convert::key_area(&area)),
        })
    }

    async fn approve(
        &self,
        request: Request<wire::ApproveKeyAreaRequest>,
    ) -> Result<wire::ApproveKeyAreaResponse, Fault> {
        let grant = reply::grant(&request)?;
        let message = request.into_inner();
        let body = message.encode_to_vec();
        let request_id = reply::request_id(&message.request_id).map_err(reply::wrong)?;
        let approved = self
            .0
            .approve_key_area(
                &grant.own_call(),
                asked(&grant, request_id, &body)?,
                message.key_area_id,
            )
            .await?;
        Ok(wire::ApproveKeyAreaResponse {
            key_area: Some(convert::key_area(&approved.what)),
            redecided: convert::count(approved.redecided),
            in_force: approved.in_force,
        })
    }

    async fn key_areas(
        &self,
        request: wire::ListKeyAreasRequest,
    ) -> Result<wire::ListKeyAreasResponse, Fault> {
        let wire::ListKeyAreasRequest {
            page_size,
            page_token,
        } = request;
        let (after, limit) = (convert::id_token(&page_token)?, page_limit(page_size, PAGE)?);
        let found = self.0.list_key_areas(after, u64::from(limit)).await?;
        Ok(wire::ListKeyAreasResponse {
            next_page_token: convert::next_id(&found, limit, |area| area.id),
            key_areas: found.iter().map(convert::key_area).collect(),
        })
    }
}

fn asked<'a>(grant: &'a Grant, request_id: RequestId, body: &'a [u8]) -> Result<Asked<'a>, Fault> {
    let officer = grant.principal();
    Ok(Asked {
        request_id,
        body,
        officer: &officer.account,
        jurisdiction: officer.jurisdiction()?,
    })
}

fn proposal(message: &wire::ProposeKeyAreaRequest, wrong: &mut Violations) -> Option<Proposal> {
    let code = wrong.take(convert::key_area_division(&message.division));
    let from = reply::required(message.from_time.as_ref(), "from_time")
        .and_then(|time| convert::instant("from_time", time));
    let from = wrong.take(from);
    let to = message
        .to_time
        .as_ref()
        .map(|time| convert::instant("to_time", time));
    let to = wrong.take(to.transpose()).flatten();
    let basis = wrong.take(convert::basis(message.legal_basis()));
    if let Some(violation) = from.and_then(|from| end_before(from, to)) {
        wrong.push(violation);
    }
    Some(Proposal {
        code: code?,
        from: from?,
        to,
        basis: basis?,
    })
}

fn end_before(from: Timestamp, to: Option<Timestamp>) -> Option<Violation> {
    let wrong = Violation::new(
        "to_time",
        "END_BEFORE_BEGINNING",
        "结束应晚于开始",
        "lies after the beginning",
    );
    to.filter(|to| *to <= from).map(|_| wrong)
}

#[tonic::async_trait]
impl AreaService for Areas {
    async fn import_notice(
        &self,
        request: Request<Streaming<wire::ImportNoticeRequest>>,
    ) -> Result<Response<wire::ImportNoticeResponse>, Status> {
        reply::answer(self.import(request).await)
    }

    async fn import_intervals(
        &self,
        request: Request<Streaming<wire::ImportIntervalsRequest>>,
    ) -> Result<Response<wire::ImportIntervalsResponse>, Status> {
        reply::answer(self.intervals(request).await)
    }

    async fn list_areas(
        &self,
        request: Request<wire::ListAreasRequest>,
    ) -> Result<Response<wire::ListAreasResponse>, Status> {
        reply::answer(self.list(request.into_inner()).await)
    }

    async fn list_unplaced(
        &self,
        request: Request<wire::ListUnplacedRequest>,
    ) -> Result<Response<wire::ListUnplacedResponse>, Status> {
        reply::answer(self.unplaced(request.into_inner()).await)
    }

    async fn place_area(
        &self,
        request: Request<wire::PlaceAreaRequest>,
    ) -> Result<Response<wire::PlaceAreaResponse>, Status> {
        reply::answer(self.place(request).await)
    }

    async fn propose_key_area(
        &self,
        request: Request<wire::ProposeKeyAreaRequest>,
    ) -> Result<Response<wire::ProposeKeyAreaResponse>, Status> {
        reply::answer(self.propose(request).await)
    }

    async fn approve_key_area(
        &self,
        request: Request<wire::ApproveKeyAreaRequest>,
    ) -> Result<Response<wire::ApproveKeyAreaResponse>, Status> {
        reply::answer(self.approve(request).await)
    }

    async fn list_key_areas(
        &self,
        request: Request<wire::ListKeyAreasRequest>,
    ) -> Result<Response<wire::ListKeyAreasResponse>, Status> {
        reply::answer(self.key_areas(request.into_inner()).await)
    }
}
