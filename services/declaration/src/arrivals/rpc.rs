//! `ArrivalService`: parse, call, map.

use futures::{StreamExt as _, TryStreamExt as _};
use lutong_chassis::skin::{Answers, Following, Listing, Mutation, Query};
use lutong_kernel::{DivisionCode, Fault};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::risk_rules::v1::MissingEntryStep;
use lutong_proto::time;
use lutong_proto::time::{instant, timestamp};
use lutong_skin::declaration::v1::ArrivalHandler;
use lutong_transport::access::{DivisionPermit, SelfPermit};
use lutong_transport::reply;

use super::domain::pending_step::{MissingStep, PendingStep};
use super::domain::{Journey, StatedDestination, StatedLeg};
use super::service::watching::WatchedArrival;
use super::service::{Arrivals, StatedJourney, StatedOrigin};
use crate::declarations::rpc::{
    create_call, normalisations, registration, state, stated_form, subject_id, waiting_for,
};
use crate::declarations::service::AcknowledgedDeclaration;
use crate::fault;

pub struct ArrivalRpc(pub Arrivals);

impl ArrivalHandler for ArrivalRpc {
    async fn create_arrival(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::CreateArrivalRequest,
    ) -> Result<wire::CreateArrivalResponse, Fault> {
        let form = reply::required(message.form.as_ref(), "form").map_err(reply::wrong)?;
        let application =
            reply::required(form.application.as_ref(), "form.application").map_err(reply::wrong)?;
        let origin = reply::required(form.origin.as_ref(), "form.origin").map_err(reply::wrong)?;
        let origin = match origin {
            wire::arrival_form::Origin::PartnerCode(code) => StatedOrigin::PartnerCode { token: &code.token },
            wire::arrival_form::Origin::Overseas(from) => StatedOrigin::Overseas {
                country: &from.country,
            },
            wire::arrival_form::Origin::NationalCode(from) => StatedOrigin::NationalCode {
                province: &from.province,
            },
        };
        let destination =
            reply::required(form.destination.as_ref(), "form.destination").map_err(reply::wrong)?;
        let journey = StatedJourney {
            origin,
            destination: stated_destination(destination),
            legs: form.itinerary.iter().map(stated_leg).collect(),
            wait_for_entry: message.wait_for_entry,
        };
        let form = stated_form(application);
        let create = create_call(call, &message.request_id)?;
        let acknowledged = self.0.create(create, form, journey).await?;
        Ok(wire::CreateArrivalResponse {
            arrival: Some(arrival(acknowledged)),
        })
    }

    async fn get_arrival(
        &self,
        call: Query<SelfPermit>,
        message: wire::GetArrivalRequest,
    ) -> Result<wire::GetArrivalResponse, Fault> {
        let acknowledged = self.0.get(&call, &message.name).await?;
        Ok(wire::GetArrivalResponse {
            arrival: Some(arrival(acknowledged)),
        })
    }

    async fn list_arrivals(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListArrivalsRequest,
    ) -> Result<wire::ListArrivalsResponse, Fault> {
        let (listed, next_page_token) = self.0.list(&call.permit, &call.page).await?;
        Ok(wire::ListArrivalsResponse {
            arrivals: listed.into_iter().map(arrival).collect(),
            next_page_token,
        })
    }

    async fn inspect_arrivals(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::InspectArrivalsRequest,
    ) -> Result<wire::InspectArrivalsResponse, Fault> {
        let division = division(&message.division)?;
        let (listed, next_page_token) = self.0.inspect(call.permit, division, &call.page).await?;
        Ok(wire::InspectArrivalsResponse {
            arrivals: listed.iter().map(division_arrival).collect(),
            next_page_token,
        })
    }

    async fn watch_arrivals(
        &self,
        call: Following<DivisionPermit>,
        message: wire::WatchArrivalsRequest,
    ) -> Result<Answers<wire::WatchArrivalsResponse>, Fault> {
        let division = division(&message.division)?;
        let watched = self.0.watch(call.permit, division, call.from).await?;
        let message = |watched: WatchedArrival| wire::WatchArrivalsResponse {
            cursor: watched.cursor,
            arrival: watched.arrival.as_ref().map(division_arrival),
        };
        Ok(watched.map_ok(message).boxed())
    }
}

/// What officers see: nothing of what was stated beside who, where and when.
fn division_arrival(acknowledged: &AcknowledgedDeclaration) -> wire::DivisionArrival {
    let declaration = &acknowledged.declaration;
    let journey = declaration.journey();
    let destination = journey.map(|journey| &journey.destination);
    let provenance = declaration.provenance.as_ref();
    wire::DivisionArrival {
        subject_id: subject_id(declaration),
        division: destination.map(|to| to.division.clone()).unwrap_or_default(),
        origin_province: provenance.map(|from| from.province.clone()).unwrap_or_default(),
        origin_country: journey
            .and_then(|journey| journey.country.clone())
            .unwrap_or_default(),
        arrive_time: destination.map(|to| instant(to.arrive_at)),
        state: state(acknowledged.state()).into(),
        create_time: Some(instant(declaration.created_at)),
    }
}

fn division(text: &str) -> Result<DivisionCode, Fault> {
    DivisionCode::parse(text).map_err(|error| Fault::invalid(vec![fault::division_shape(&error)]))
}

fn stated_destination(destination: &wire::Destination) -> StatedDestination<'_> {
    StatedDestination {
        division: &destination.division,
        detail: &destination.detail,
        arrive_at: destination.arrive_time.as_ref().map(timestamp),
    }
}

fn stated_leg(leg: &wire::ItineraryLeg) -> StatedLeg<'_> {
    StatedLeg {
        division: &leg.division,
        community: &leg.community,
        arrive_at: leg.arrive_time.as_ref().map(timestamp),
        leave_at: leg.leave_time.as_ref().map(timestamp),
        transport: &leg.transport,
    }
}

fn journey(journey: &Journey) -> (Option<wire::Destination>, Vec<wire::ItineraryLeg>) {
    let destination = wire::Destination {
        division: journey.destination.division.clone(),
        detail: journey.destination.detail.clone(),
        arrive_time: Some(instant(journey.destination.arrive_at)),
    };
    let legs = journey.legs.iter().map(|leg| wire::ItineraryLeg {
        division: leg.division.clone(),
        community: leg.community.clone().unwrap_or_default(),
        arrive_time: Some(instant(leg.arrive_at)),
        leave_time: Some(instant(leg.leave_at)),
        transport: leg.transport.clone().unwrap_or_default(),
    });
    (Some(destination), legs.collect())
}

/// The step that an arrival waits for, and what an entry lacks.
fn pending_step(step: Option<&PendingStep>) -> (wire::ArrivalStep, Vec<i32>) {
    match step {
        None => (wire::ArrivalStep::Unspecified, Vec::new()),
        Some(PendingStep::Conversion { .. }) => (wire::ArrivalStep::Conversion, Vec::new()),
        Some(PendingStep::NationalCode { .. }) => (wire::ArrivalStep::NationalCode, Vec::new()),
        Some(PendingStep::Entry { missing }) => {
            let missing = missing.iter().map(|step| match step {
                MissingStep::BorderRecord => MissingEntryStep::BorderRecord,
                MissingStep::QuarantineEnd => MissingEntryStep::QuarantineEnd,
                MissingStep::NegativeTest => MissingEntryStep::NegativeTest,
            });
            (wire::ArrivalStep::Entry, missing.map(i32::from).collect())
        }
    }
}

fn arrival(acknowledged: AcknowledgedDeclaration) -> wire::Arrival {
    let state = state(acknowledged.state());
    let declaration = acknowledged.declaration;
    let (destination, itinerary) = declaration.journey().map(journey).unwrap_or_default();
    let (pending_step, missing) = pending_step(declaration.pending_step.as_ref());
    wire::Arrival {
        destination,
        itinerary,
        pending_step: pending_step.into(),
        missing,
        refusal: declaration.refusal.clone().unwrap_or_default(),
        name: declaration.name(),
        arrival_id: declaration.id.to_string(),
        subject_id: subject_id(&declaration),
        waiting_for: waiting_for(&declaration),
        registration: registration(&declaration),
        state: state.into(),
        create_time: Some(time::from_micros(declaration.created_at.micros())),
        normalisations: normalisations(&declaration.normalisations),
        provenance: declaration.provenance.map(|from| wire::ConversionProvenance {
            province: from.province,
            key_id: from.key_id,
            trust_list_version: from.trust_list_version,
            verify_time: Some(time::from_micros(from.verified_at)),
            intermediary: from.intermediary.unwrap_or_default(),
        }),
    }
}
