//! `ArrivalService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::time;
use lutong_skin::declaration::v1::ArrivalHandler;
use lutong_transport::access::SelfPermit;
use lutong_transport::reply;

use super::service::{Arrivals, StatedOrigin};
use crate::declarations::rpc::{create_call, normalisations, state, stated_form};
use crate::declarations::service::AcknowledgedDeclaration;

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
        };
        let form = stated_form(application);
        let create = create_call(call, &message.request_id)?;
        let acknowledged = self.0.create(create, form, origin).await?;
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
}

fn arrival(acknowledged: AcknowledgedDeclaration) -> wire::Arrival {
    let AcknowledgedDeclaration {
        declaration,
        in_force,
    } = acknowledged;
    wire::Arrival {
        name: declaration.name(),
        arrival_id: declaration.id.to_string(),
        subject_id: declaration.subject.to_string(),
        state: state(in_force).into(),
        create_time: Some(time::from_micros(declaration.created_at.micros())),
        normalisations: normalisations(&declaration.normalisations),
        provenance: declaration.provenance.map(|from| wire::ConversionProvenance {
            province: from.province,
            key_id: from.key_id,
            trust_list_version: from.trust_list_version,
            verify_time: Some(time::from_micros(from.verified_at)),
        }),
    }
}
