//! `DailyReportService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::Symptom;
use lutong_skin::declaration::v1::DailyReportHandler;
use lutong_transport::access::SelfPermit;

use super::domain::StatedReport;
use super::service::DailyReports;
use crate::declarations::domain::Details;
use crate::declarations::rpc::{state, subject_id};
use crate::declarations::service::AcknowledgedDeclaration;

/// What the names of symptoms begin with in the contract.
const PREFIX: &str = "SYMPTOM_";

pub struct DailyReportRpc(pub DailyReports);

impl DailyReportHandler for DailyReportRpc {
    async fn create_daily_report(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::CreateDailyReportRequest,
    ) -> Result<wire::CreateDailyReportResponse, Fault> {
        let stated = StatedReport {
            date: &message.report_date,
            symptoms: message.symptoms().map(name_of).collect(),
            temperature_c: message.temperature_c,
            cleared: message.cleared,
        };
        let acknowledged = self.0.create(call, stated).await?;
        Ok(wire::CreateDailyReportResponse {
            daily_report: Some(daily_report(acknowledged)?),
        })
    }

    async fn get_daily_report(
        &self,
        call: Query<SelfPermit>,
        message: wire::GetDailyReportRequest,
    ) -> Result<wire::GetDailyReportResponse, Fault> {
        let acknowledged = self.0.get(&call, &message.name).await?;
        Ok(wire::GetDailyReportResponse {
            daily_report: Some(daily_report(acknowledged)?),
        })
    }

    async fn list_daily_reports(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListDailyReportsRequest,
    ) -> Result<wire::ListDailyReportsResponse, Fault> {
        let (listed, next_page_token) = self.0.list(&call.permit, &call.page).await?;
        Ok(wire::ListDailyReportsResponse {
            daily_reports: listed.into_iter().map(daily_report).collect::<Result<_, _>>()?,
            next_page_token,
        })
    }
}

/// The name of a symptom in rule sets: `dry_cough`.
fn name_of(symptom: Symptom) -> Option<String> {
    if symptom == Symptom::Unspecified {
        return None;
    }
    let name = symptom.as_str_name().strip_prefix(PREFIX)?;
    Some(name.to_ascii_lowercase())
}

fn symptom_of(name: &str) -> Option<i32> {
    let name = format!("{PREFIX}{}", name.to_ascii_uppercase());
    Symptom::from_str_name(&name).map(i32::from)
}

fn daily_report(acknowledged: AcknowledgedDeclaration) -> Result<wire::DailyReport, Fault> {
    let state = state(acknowledged.state());
    let declaration = acknowledged.declaration;
    let Some(Details::DailyReport(report)) = &declaration.details else {
        let id = declaration.id;
        return Err(Fault::internal(format_args!(
            "the daily report {id} has no answers"
        )));
    };
    let ended = declaration.statements.iter().filter(|one| one.replaces.is_some());
    Ok(wire::DailyReport {
        name: declaration.name(),
        daily_report_id: declaration.id.to_string(),
        subject_id: subject_id(&declaration),
        state: state.into(),
        create_time: Some(time::from_micros(declaration.created_at.micros())),
        report_date: report.day().to_string(),
        symptoms: report
            .symptoms()
            .iter()
            .filter_map(|name| symptom_of(name))
            .collect(),
        temperature_c: report.temperature_c(),
        cleared: report.is_cleared(),
        ended_count: i32::try_from(ended.count()).unwrap_or(i32::MAX),
    })
}
