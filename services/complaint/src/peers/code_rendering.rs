//! Client of code-rendering, which has what doors reported. Every call is made on behalf of whoever calls this service, who sees no report
//! beyond their division.

use lutong_kernel::{DivisionCode, DoorReportId, Fault, ServiceName};
use lutong_proto::code_rendering::v1::door_report_service_client::DoorReportServiceClient;
use lutong_proto::code_rendering::v1::{DoorReportState, GetDoorReportRequest};
use lutong_transport::client::{self, Call};

use super::{Peers, contract_violation};
use crate::fault::cases as fault;

/// What is asked of a report; whom it is about is not.
#[derive(Debug, Clone, Copy)]
pub struct ReportedDoor {
    pub division: DivisionCode,
    pub is_acknowledged: bool,
}

impl Peers {
    pub async fn door_report(&self, call: &Call, id: DoorReportId) -> Result<ReportedDoor, Fault> {
        let request = call.request(GetDoorReportRequest {
            name: format!("door-reports/{id}"),
        });
        let answer = DoorReportServiceClient::new(self.code_rendering.clone())
            .get_door_report(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::CodeRendering, ""));
        let answer = answer.map_err(|refused| match &*refused.reason {
            "DOOR_REPORT_NOT_FOUND" => fault::door_report_not_found(),
            _ => refused,
        })?;
        let outside = |error: &dyn std::fmt::Display| contract_violation(ServiceName::CodeRendering, error);
        let report = answer.into_inner().door_report;
        let report = report.ok_or_else(|| outside(&"an answer without report"))?;
        Ok(ReportedDoor {
            division: DivisionCode::parse(&report.division).map_err(|error| outside(&error))?,
            is_acknowledged: report.state() != DoorReportState::Open,
        })
    }
}
