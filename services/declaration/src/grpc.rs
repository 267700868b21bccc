//! The contract of declaration: parse, call, map.

pub mod audit;
pub mod convert;
mod events;
mod fact_imports;
mod feed;
pub mod peers;
mod pulls;

use lutong_chassis::reply;
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use prost::Message as _;
use tonic::{Request, Response, Status};
use wire::declaration_service_server::DeclarationService;

pub use events::EventLog;

use crate::service::applications::Sent;
use crate::service::arrivals::StatedOrigin;
use crate::service::declaring::Declaring;
use crate::service::pulls::Puller;
use crate::store::declarations::DeclarationKind;

#[derive(Clone)]
pub struct Handler {
    declaring: Declaring,
    puller: Puller,
}

impl Handler {
    pub const fn new(declaring: Declaring, puller: Puller) -> Self {
        Self { declaring, puller }
    }

    async fn apply(
        &self,
        request: Request<wire::CreateApplicationRequest>,
    ) -> Result<wire::CreateApplicationResponse, Fault> {
        let grant = reply::grant(&request)?;
        let message = request.into_inner();
        let request_id = reply::request_id(&message.request_id).map_err(reply::wrong)?;
        let body = message.encode_to_vec();
        let form = reply::required(message.form.as_ref(), "form").map_err(reply::wrong)?;
        let sent = Sent {
            request_id,
            body: &body,
        };
        let acknowledged = self
            .declaring
            .apply(&grant, sent, convert::stated_form(form))
            .await?;
        Ok(wire::CreateApplicationResponse {
            application: Some(convert::application(acknowledged)),
        })
    }

    async fn application(
        &self,
        request: Request<wire::GetApplicationRequest>,
    ) -> Result<wire::GetApplicationResponse, Fault> {
        let grant = reply::grant(&request)?;
        let name = &request.get_ref().name;
        let acknowledged = self
            .declaring
            .get(&grant, DeclarationKind::Application, name)
            .await?;
        Ok(wire::GetApplicationResponse {
            application: Some(convert::application(acknowledged)),
        })
    }

    async fn arrive(
        &self,
        request: Request<wire::CreateArrivalRequest>,
    ) -> Result<wire::CreateArrivalResponse, Fault> {
        let grant = reply::grant(&request)?;
        let message = request.into_inner();
        let request_id = reply::request_id(&message.request_id).map_err(reply::wrong)?;
        let body = message.encode_to_vec();
        let form = reply::required(message.form.as_ref(), "form").map_err(reply::wrong)?;
        let application =
            reply::required(form.application.as_ref(), "form.application").map_err(reply::wrong)?;
        let origin = form.origin.as_ref().map(|origin| match origin {
            wire::arrival_form::Origin::PartnerCode(code) => StatedOrigin::PartnerCode { token: &code.token },
            wire::arrival_form::Origin::Overseas(from) => StatedOrigin::Overseas {
                country: &from.country,
            },
        });
        let sent = Sent {
            request_id,
            body: &body,
        };
        let form = convert::stated_form(application);
        let acknowledged = self.declaring.arrive(&grant, sent, form, origin).await?;
        Ok(wire::CreateArrivalResponse {
            arrival: Some(convert::arrival(acknowledged)),
        })
    }

    async fn arrival(
        &self,
        request: Request<wire::GetArrivalRequest>,
    ) -> Result<wire::GetArrivalResponse, Fault> {
        let grant = reply::grant(&request)?;
        let name = &request.get_ref().name;
        let acknowledged = self.declaring.get(&grant, DeclarationKind::Arrival, name).await?;
        Ok(wire::GetArrivalResponse {
            arrival: Some(convert::arrival(acknowledged)),
        })
    }
}

#[tonic::async_trait]
impl DeclarationService for Handler {
    async fn create_application(
        &self,
        request: Request<wire::CreateApplicationRequest>,
    ) -> Result<Response<wire::CreateApplicationResponse>, Status> {
        reply::answer(self.apply(request).await)
    }

    async fn get_application(
        &self,
        request: Request<wire::GetApplicationRequest>,
    ) -> Result<Response<wire::GetApplicationResponse>, Status> {
        reply::answer(self.application(request).await)
    }

    async fn create_arrival(
        &self,
        request: Request<wire::CreateArrivalRequest>,
    ) -> Result<Response<wire::CreateArrivalResponse>, Status> {
        reply::answer(self.arrive(request).await)
    }

    async fn get_arrival(
        &self,
        request: Request<wire::GetArrivalRequest>,
    ) -> Result<Response<wire::GetArrivalResponse>, Status> {
        reply::answer(self.arrival(request).await)
    }
}
