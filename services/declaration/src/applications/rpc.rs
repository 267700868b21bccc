//! `ApplicationService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::time;
use lutong_skin::declaration::v1::ApplicationHandler;
use lutong_transport::access::SelfPermit;
use lutong_transport::reply;

use super::service::Applications;
use crate::declarations::rpc::{create_call, normalisations, state, stated_form};
use crate::declarations::service::AcknowledgedDeclaration;

pub struct ApplicationRpc(pub Applications);

impl ApplicationHandler for ApplicationRpc {
    async fn create_application(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::CreateApplicationRequest,
    ) -> Result<wire::CreateApplicationResponse, Fault> {
        let form = reply::required(message.form.as_ref(), "form").map_err(reply::wrong)?;
        let form = stated_form(form);
        let create = create_call(call, &message.request_id)?;
        let acknowledged = self.0.create(create, form).await?;
        Ok(wire::CreateApplicationResponse {
            application: Some(application(acknowledged)),
        })
    }

    async fn get_application(
        &self,
        call: Query<SelfPermit>,
        message: wire::GetApplicationRequest,
    ) -> Result<wire::GetApplicationResponse, Fault> {
        let acknowledged = self.0.get(&call, &message.name).await?;
        Ok(wire::GetApplicationResponse {
            application: Some(application(acknowledged)),
        })
    }

    async fn list_applications(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListApplicationsRequest,
    ) -> Result<wire::ListApplicationsResponse, Fault> {
        let (listed, next_page_token) = self.0.list(&call.permit, &call.page).await?;
        Ok(wire::ListApplicationsResponse {
            applications: listed.into_iter().map(application).collect(),
            next_page_token,
        })
    }
}

fn application(acknowledged: AcknowledgedDeclaration) -> wire::Application {
    let AcknowledgedDeclaration {
        declaration,
        in_force,
    } = acknowledged;
    wire::Application {
        name: declaration.name(),
        application_id: declaration.id.to_string(),
        subject_id: declaration.subject.to_string(),
        state: state(in_force).into(),
        create_time: Some(time::from_micros(declaration.created_at.micros())),
        normalisations: normalisations(&declaration.normalisations),
        abroad_dates: declaration
            .abroad_days
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect(),
        commitment_version: declaration.commitment_version,
    }
}
