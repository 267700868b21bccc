//! `PartnerQualityService`: parse, call, map.

use lutong_chassis::skin::{Listing, Query};
use lutong_kernel::Fault;
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::federation::v1::PartnerQualityHandler;
use lutong_transport::access::NoPermit;

use super::service::{PartnerQualities, Quality};
use crate::partners::rpc::id_in;

/// `partner-qualities/{partner_quality}`.
const COLLECTION: &str = "partner-qualities/";
/// Hours that are shown where none are said.
const HOURS: i32 = 24;

pub struct PartnerQualityRpc(pub PartnerQualities);

impl PartnerQualityHandler for PartnerQualityRpc {
    async fn get_partner_quality(
        &self,
        _: Query<NoPermit>,
        message: wire::GetPartnerQualityRequest,
    ) -> Result<wire::GetPartnerQualityResponse, Fault> {
        let partner = id_in(&message.name, COLLECTION)?;
        let found = self.0.find(partner, hours(message.hours)).await?;
        Ok(wire::GetPartnerQualityResponse {
            partner_quality: Some(shown(&found)),
        })
    }

    async fn list_partner_qualities(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListPartnerQualitiesRequest,
    ) -> Result<wire::ListPartnerQualitiesResponse, Fault> {
        let (found, next_page_token) = self.0.list(hours(message.hours), &call.page).await?;
        Ok(wire::ListPartnerQualitiesResponse {
            partner_qualities: found.iter().map(shown).collect(),
            next_page_token,
        })
    }
}

fn hours(said: i32) -> i64 {
    i64::from(if said == 0 { HOURS } else { said })
}

fn shown(one: &Quality) -> wire::PartnerQuality {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let counts = &one.counts;
    wire::PartnerQuality {
        name: format!("{COLLECTION}{}", one.partner),
        partner_quality_id: one.partner.to_string(),
        start_time: Some(instant(one.since)),
        calls: count(counts.calls),
        answered: count(counts.answered),
        throttled: count(counts.throttled),
        unreachable: count(counts.unreachable),
        unbelieved: count(counts.unbelieved),
        accepted_messages: count(counts.accepted_messages),
        refused_messages: count(counts.refused_messages),
        refused_codes: count(counts.refused_codes),
        outages: count(counts.outages),
        outage_seconds: count(counts.outage_seconds),
        outage_start_time: one.away_since.map(instant),
        changes: count(one.changes),
        unconfirmed_changes: count(one.unconfirmed),
        median_delay_seconds: one.delays.median.as_secs_f64(),
        p99_delay_seconds: one.delays.p99.as_secs_f64(),
        longest_delay_seconds: one.delays.longest.as_secs_f64(),
    }
}
