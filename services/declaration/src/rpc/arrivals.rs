//! Arrivals.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_skin::declaration::v1::ArrivalHandler;
use lutong_transport::access::SelfPermit;
use lutong_transport::reply;

use super::{convert, sent};
use crate::service::arrivals::StatedOrigin;
use crate::service::declaring::Declaring;
use crate::store::declarations::DeclarationKind;

pub struct ArrivalRpc(pub Declaring);

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
        let form = convert::stated_form(application);
        let sent = sent(call, &message.request_id)?;
        let acknowledged = self.0.arrive(sent, form, origin).await?;
        Ok(wire::CreateArrivalResponse {
            arrival: Some(convert::arrival(acknowledged)),
        })
    }

    async fn get_arrival(
        &self,
        call: Query<SelfPermit>,
        message: wire::GetArrivalRequest,
    ) -> Result<wire::GetArrivalResponse, Fault> {
        let kind = DeclarationKind::Arrival;
        let acknowledged = self.0.get(&call, kind, &message.name).await?;
        Ok(wire::GetArrivalResponse {
            arrival: Some(convert::arrival(acknowledged)),
        })
    }

    async fn list_arrivals(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListArrivalsRequest,
    ) -> Result<wire::ListArrivalsResponse, Fault> {
        let kind = DeclarationKind::Arrival;
        let (listed, next_page_token) = self.0.list(&call.permit, kind, &call.page).await?;
        Ok(wire::ListArrivalsResponse {
            arrivals: listed.into_iter().map(convert::arrival).collect(),
            next_page_token,
        })
    }
}
