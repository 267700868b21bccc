//! Applications.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_skin::declaration::v1::ApplicationHandler;
use lutong_transport::access::SelfPermit;
use lutong_transport::reply;

use super::{convert, sent};
use crate::service::declaring::Declaring;
use crate::store::declarations::DeclarationKind;

pub struct ApplicationRpc(pub Declaring);

impl ApplicationHandler for ApplicationRpc {
    async fn create_application(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::CreateApplicationRequest,
    ) -> Result<wire::CreateApplicationResponse, Fault> {
        let form = reply::required(message.form.as_ref(), "form").map_err(reply::wrong)?;
        let form = convert::stated_form(form);
        let sent = sent(call, &message.request_id)?;
        let acknowledged = self.0.apply(sent, form).await?;
        Ok(wire::CreateApplicationResponse {
            application: Some(convert::application(acknowledged)),
        })
    }

    async fn get_application(
        &self,
        call: Query<SelfPermit>,
        message: wire::GetApplicationRequest,
    ) -> Result<wire::GetApplicationResponse, Fault> {
        let kind = DeclarationKind::Application;
        let acknowledged = self.0.get(&call, kind, &message.name).await?;
        Ok(wire::GetApplicationResponse {
            application: Some(convert::application(acknowledged)),
        })
    }

    async fn list_applications(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListApplicationsRequest,
    ) -> Result<wire::ListApplicationsResponse, Fault> {
        let kind = DeclarationKind::Application;
        let (listed, next_page_token) = self.0.list(&call.permit, kind, &call.page).await?;
        Ok(wire::ListApplicationsResponse {
            applications: listed.into_iter().map(convert::application).collect(),
            next_page_token,
        })
    }
}
