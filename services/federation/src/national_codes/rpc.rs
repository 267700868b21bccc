//! `NationalCodeService`: parse, call, map.

use lutong_chassis::skin::Query;
use lutong_kernel::country::Country;
use lutong_kernel::document::{Document, DocumentType};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::name::PersonName;
use lutong_kernel::{Fault, LocalDay, Violation};
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::instant;
use lutong_proto::types::v1 as types;
use lutong_skin::federation::v1::NationalCodeHandler;
use lutong_token::Issuer;
use lutong_transport::access::NoPermit;

use super::service::NationalCodes;
use crate::fault;
use crate::outcomes::outcome;
use crate::records::domain::HealthRecord;

pub struct NationalCodeRpc(pub NationalCodes);

impl NationalCodeHandler for NationalCodeRpc {
    async fn query_national_code(
        &self,
        _: Query<NoPermit>,
        message: wire::QueryNationalCodeRequest,
    ) -> Result<wire::QueryNationalCodeResponse, Fault> {
        let checked = (
            PersonName::parse(&message.full_name).map_err(|error| fault::full_name(&error)),
            document(message.document.as_ref(), self.0.today()),
            origin(&message.origin_province),
        );
        let (name, document, origin) = checked.all_valid()?;
        let queried = self.0.query(&name, &document, origin).await?;
        let province = queried.code.province;
        Ok(wire::QueryNationalCodeResponse {
            outcome: outcome(queried.code.outcome).into(),
            province: province.map_or_else(String::new, |province| province.to_string()),
            records: queried.code.records.into_iter().map(shown).collect(),
            untrusted_records: i32::try_from(queried.code.untrusted).unwrap_or(i32::MAX),
            query_time: Some(instant(queried.at)),
            colour_map: format!("colour-maps/{}", queried.interface),
            record_policy: queried.record_policy,
            trust_list_version: queried.trust_list_version,
        })
    }
}

fn document(stated: Option<&types::Document>, today: LocalDay) -> Result<Document, Violation> {
    let stated = stated.cloned().unwrap_or_default();
    let kind = stated.r#type().as_str_name().strip_prefix("DOCUMENT_TYPE_");
    let kind: Option<DocumentType> = kind.and_then(|name| name.parse().ok());
    let kind = kind.ok_or_else(fault::document_type_unknown)?;
    let country = match stated.issuing_country.as_str() {
        "" => None,
        text => Some(Country::parse(text).map_err(|error| fault::issuing_country_unknown(&error))?),
    };
    let checked = Document::try_new(kind, &stated.number, country, today);
    let checked = checked.map_err(|error| fault::document(&error).within("document"));
    checked.map(|(document, _)| document)
}

fn origin(text: &str) -> Result<Option<Issuer>, Violation> {
    if text.is_empty() {
        return Ok(None);
    }
    let is_two = text.len() == 2;
    let parsed = Issuer::parse(text).ok().filter(|_| is_two);
    parsed
        .map(Some)
        .ok_or_else(|| fault::province_shape("origin_province"))
}

fn shown(record: HealthRecord) -> wire::HealthRecord {
    let HealthRecord {
        province,
        city,
        kind,
        reason,
        first_issued,
        updated,
        value,
    } = record;
    wire::HealthRecord {
        province: province.to_string(),
        city,
        kind,
        reason,
        first_issue_time: first_issued.map(instant),
        update_time: updated.map(instant),
        outcome: outcome(value).into(),
    }
}
