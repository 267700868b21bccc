//! `ConversionService`: parse, call, map.

use lutong_chassis::skin::{Listing, Query};
use lutong_kernel::{ConversionId, Fault};
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::federation::v1::ConversionHandler;
use lutong_storage::crypto::hex;
use lutong_transport::access::NoPermit;
use lutong_transport::reply;

use super::domain::{Conversion, ConversionState};
use super::service::Conversions;
use super::store::Filter;
use crate::fault;
use crate::outcomes::outcome;
use crate::partners::domain::PartnerId;

/// `conversions/{conversion}`.
const COLLECTION: &str = "conversions/";

pub struct ConversionRpc(pub Conversions);

impl ConversionHandler for ConversionRpc {
    async fn confirm_conversions(
        &self,
        _: Query<NoPermit>,
        message: wire::ConfirmConversionsRequest,
    ) -> Result<wire::ConfirmConversionsResponse, Fault> {
        let ids = message.change_ids.iter().enumerate().map(|(row, id)| {
            id.parse()
                .map_err(|error| reply::wrong(fault::change_id_shape(&format!("change_ids[{row}]"), &error)))
        });
        self.0.confirm(ids.collect::<Result<_, _>>()?).await?;
        Ok(wire::ConfirmConversionsResponse {})
    }

    async fn get_conversion(
        &self,
        _: Query<NoPermit>,
        message: wire::GetConversionRequest,
    ) -> Result<wire::GetConversionResponse, Fault> {
        let found = self.0.find(id(&message.name)?).await?;
        Ok(wire::GetConversionResponse {
            conversion: Some(shown(&found)),
        })
    }

    async fn list_conversions(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListConversionsRequest,
    ) -> Result<wire::ListConversionsResponse, Fault> {
        let state = state_of(message.state());
        let origin = match message.partner_id.as_str() {
            "" => None,
            id => Some(PartnerId::parse(id).map_err(|_| reply::wrong(fault::partner_shape("partner_id")))?),
        };
        let (found, next_page_token) = self.0.list(Filter { origin, state }, &call.page).await?;
        Ok(wire::ListConversionsResponse {
            conversions: found.iter().map(shown).collect(),
            next_page_token,
        })
    }
}

fn id(name: &str) -> Result<ConversionId, Fault> {
    let id = name.strip_prefix(COLLECTION).unwrap_or_default();
    // Whatever is no id, is the name of nothing.
    id.parse().map_err(|_| fault::conversion_not_found())
}

const fn state_of(state: wire::ConversionState) -> Option<ConversionState> {
    match state {
        wire::ConversionState::Unspecified => None,
        wire::ConversionState::Standing => Some(ConversionState::Standing),
        wire::ConversionState::Withdrawn => Some(ConversionState::Withdrawn),
        wire::ConversionState::RolledBack => Some(ConversionState::RolledBack),
    }
}

const fn shown_state(state: ConversionState) -> wire::ConversionState {
    match state {
        ConversionState::Standing => wire::ConversionState::Standing,
        ConversionState::Withdrawn => wire::ConversionState::Withdrawn,
        ConversionState::RolledBack => wire::ConversionState::RolledBack,
    }
}

fn shown(one: &Conversion) -> wire::Conversion {
    wire::Conversion {
        name: format!("{COLLECTION}{}", one.id),
        conversion_id: one.id.to_string(),
        partner_id: one.origin.to_string(),
        token_digest: hex(&one.token_digest),
        key_id: one.key_id.clone(),
        issue_time: Some(instant(one.issued_at)),
        convert_time: Some(instant(one.converted_at)),
        interface: one.interface.clone(),
        trust_list_version: one.trust_list_version.clone(),
        is_followed: one.reference.is_some(),
        state: shown_state(one.state).into(),
        outcome: outcome(one.outcome).into(),
        change_time: Some(instant(one.changed_at)),
    }
}
