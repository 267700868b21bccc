//! `PlaceService`: parse, call, map.

use std::collections::BTreeSet;

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{DivisionCode, Fault, PlaceId, Violation};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::complaint::v1::PlaceHandler;
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;

use super::cases::COLLECTION as CASES;
use super::content::{finding, place_issue, place_kind, read_place_kind};
use super::tracking_number;
use crate::domain::content::Kind;
use crate::domain::place::{Place, PlaceKind, PlaceName, normal};
use crate::fault::cases::case_not_found;
use crate::fault::places as fault;
use crate::service::handling::staff;
use crate::service::places::{BodyLedger, Places, Registration, Step, etag};
use crate::store::place_voices::{Entry, ledger};
use crate::store::places::Filter;

/// `places/{place}`.
pub const COLLECTION: &str = "places";

pub struct PlaceRpc(pub Places);

impl PlaceHandler for PlaceRpc {
    async fn create_place(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreatePlaceRequest,
    ) -> Result<wire::CreatePlaceResponse, Fault> {
        let account = call.grant.principal().account.clone();
        let registration = self.read_registration(&message)?;
        let registered = self.0.register(call.permit, call.request, account, registration);
        Ok(wire::CreatePlaceResponse {
            place: Some(self.shown(registered.await?)),
        })
    }

    async fn get_place(
        &self,
        call: Query<DivisionPermit>,
        message: wire::GetPlaceRequest,
    ) -> Result<wire::GetPlaceResponse, Fault> {
        let found = self.0.find(call.permit, id("name", &message.name)?).await?;
        Ok(wire::GetPlaceResponse {
            place: Some(self.shown(found)),
        })
    }

    async fn list_places(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListPlacesRequest,
    ) -> Result<wire::ListPlacesResponse, Fault> {
        let filter = Filter {
            // The bounds of the contract have checked its shape.
            division: DivisionCode::parse(&message.division).ok(),
            kind: read_place_kind(message.kind()),
            normal_name: Some(normal(&message.display_name)).filter(|_| !message.display_name.is_empty()),
        };
        let (found, next_page_token) = self.0.list(call.permit, &filter, &call.page).await?;
        Ok(wire::ListPlacesResponse {
            places: found.into_iter().map(|one| self.shown(one)).collect(),
            next_page_token,
        })
    }

    async fn add_place_alias(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::AddPlaceAliasRequest,
    ) -> Result<wire::AddPlaceAliasResponse, Fault> {
        let alias = PlaceName::parse(&message.alias, "alias").map_err(reply::wrong)?;
        let named = self.0.add_alias(step(call, &message.name, message.etag)?, alias);
        Ok(wire::AddPlaceAliasResponse {
            place: Some(self.shown(named.await?)),
        })
    }

    async fn merge_place(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::MergePlaceRequest,
    ) -> Result<wire::MergePlaceResponse, Fault> {
        let into = id("into", &message.into)?;
        let merged = self.0.merge(step(call, &message.name, message.etag)?, into);
        Ok(wire::MergePlaceResponse {
            place: Some(self.shown(merged.await?)),
        })
    }

    async fn match_case(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::MatchCaseRequest,
    ) -> Result<wire::MatchCaseResponse, Fault> {
        let number = tracking_number("name", &message.name, CASES).map_err(reply::wrong)?;
        if !staff(&call.grant, call.permit).has_desk(Kind::Place) {
            return Err(case_not_found());
        }
        let step = Step {
            permit: call.permit,
            request: call.request,
            id: id("place", &message.place)?,
            etag: String::new(),
        };
        let bound = self.0.bind(step, number).await?;
        Ok(wire::MatchCaseResponse {
            entry: Some(shown_entry(&bound)),
        })
    }

    async fn list_place_ledger(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListPlaceLedgerRequest,
    ) -> Result<wire::ListPlaceLedgerResponse, Fault> {
        let place = Some(&message.place).filter(|place| !place.is_empty());
        let filter = ledger::Filter {
            division: DivisionCode::parse(&message.division).ok(),
            place: place.map(|place| id("place", place)).transpose()?,
            is_unmatched: message.unmatched,
        };
        if !staff(&call.grant, call.permit).has_desk(Kind::Place) {
            return Ok(wire::ListPlaceLedgerResponse::default());
        }
        let (found, next_page_token) = self.0.ledger(call.permit, filter, &call.page).await?;
        Ok(wire::ListPlaceLedgerResponse {
            entries: found.iter().map(shown_entry).collect(),
            next_page_token,
        })
    }

    async fn list_responsible_bodies(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListResponsibleBodiesRequest,
    ) -> Result<wire::ListResponsibleBodiesResponse, Fault> {
        let division = DivisionCode::parse(&message.division).ok();
        let (found, next_page_token) = self.0.bodies(call.permit, division, &call.page).await?;
        Ok(wire::ListResponsibleBodiesResponse {
            responsible_bodies: found.into_iter().map(shown_body).collect(),
            next_page_token,
        })
    }
}

impl PlaceRpc {
    /// A place to register. All violations are named.
    fn read_registration(&self, message: &wire::CreatePlaceRequest) -> Result<Registration, Fault> {
        let kind = read_place_kind(message.kind()).ok_or_else(|| reply::missing("kind"));
        let division = self.0.divisions().find(&message.division);
        let (division, kind, (name, aliases)): (DivisionCode, PlaceKind, _) =
            (division, kind, read_names(message)).all_valid()?;
        Ok(Registration {
            division,
            kind,
            name,
            aliases,
        })
    }

    fn shown(&self, place: Place) -> wire::Place {
        wire::Place {
            name: name(place.id),
            place_id: place.id.to_string(),
            etag: etag(&place).into(),
            division: place.division.to_string(),
            kind: place_kind(place.kind).into(),
            responsible_body: self.0.rules().body(place.kind).to_owned(),
            display_name: place.name.spelling,
            aliases: place.aliases.into_iter().map(|alias| alias.spelling).collect(),
            merged_into: place.merged_into.map(name).unwrap_or_default(),
            create_time: Some(instant(place.created_at)),
        }
    }
}

pub fn name(id: PlaceId) -> String {
    format!("{COLLECTION}/{id}")
}

fn id(field: &str, name: &str) -> Result<PlaceId, Fault> {
    reply::uuid_in(field, name, COLLECTION).map(PlaceId::from_uuid)
}

fn step(call: Mutation<DivisionPermit>, name: &str, etag: String) -> Result<Step, Fault> {
    Ok(Step {
        permit: call.permit,
        request: call.request,
        id: id("name", name)?,
        etag,
    })
}

/// What a place is called, each name once.
fn read_names(message: &wire::CreatePlaceRequest) -> Result<(PlaceName, Vec<PlaceName>), Vec<Violation>> {
    let mut wrong = Vec::new();
    let name = PlaceName::parse(&message.display_name, "display_name");
    let name = name.map_err(|violation| wrong.push(violation)).ok();
    let mut seen: BTreeSet<String> = name.iter().map(|name| name.normal.clone()).collect();
    let mut aliases = Vec::new();
    for (index, alias) in message.aliases.iter().enumerate() {
        let field = format!("aliases[{index}]");
        match PlaceName::parse(alias, &field) {
            Err(violation) => wrong.push(violation),
            Ok(alias) if !seen.insert(alias.normal.clone()) => wrong.push(fault::name_twice(field)),
            Ok(alias) => aliases.push(alias),
        }
    }
    match name {
        Some(name) if wrong.is_empty() => Ok((name, aliases)),
        _ => Err(wrong),
    }
}

fn shown_entry(entry: &Entry) -> wire::PlaceLedgerEntry {
    wire::PlaceLedgerEntry {
        case: format!("{CASES}{}", entry.number),
        place: entry.place.map(name).unwrap_or_default(),
        division: entry.division.to_string(),
        issue: place_issue(entry.issue).into(),
        create_time: Some(instant(entry.filed_at)),
        finding: entry.finding.map_or(0, |one| finding(one).into()),
    }
}

fn shown_body(body: BodyLedger) -> wire::ResponsibleBody {
    wire::ResponsibleBody {
        division: body.division.to_string(),
        body: body.body,
        complaint_count: body.complaints,
        confirmed_count: body.confirmed,
        not_confirmed_count: body.not_confirmed,
        place_count: body.places,
        open_accountability_count: body.cases_under_way,
        published_accountability_count: body.cases_published,
    }
}
