//! `ColourMapService`: parse, call, map.

use std::sync::Arc;

use lutong_chassis::skin::{Listing, Query};
use lutong_kernel::Fault;
use lutong_proto::federation::v1 as wire;
use lutong_skin::federation::v1::ColourMapHandler;
use lutong_transport::access::NoPermit;

use super::domain::{ColourMap, ColourMaps};
use crate::fault;
use crate::outcomes::outcome;

/// `colour-maps/{colour_map}`.
const COLLECTION: &str = "colour-maps/";

pub struct ColourMapRpc(pub Arc<ColourMaps>);

impl ColourMapHandler for ColourMapRpc {
    async fn get_colour_map(
        &self,
        _: Query<NoPermit>,
        message: wire::GetColourMapRequest,
    ) -> Result<wire::GetColourMapResponse, Fault> {
        let interface = message.name.strip_prefix(COLLECTION).unwrap_or_default();
        let found = self.0.get(interface).ok_or_else(fault::colour_map_not_found)?;
        Ok(wire::GetColourMapResponse {
            colour_map: Some(shown(found)),
        })
    }

    async fn list_colour_maps(
        &self,
        call: Listing<NoPermit>,
        _: wire::ListColourMapsRequest,
    ) -> Result<wire::ListColourMapsResponse, Fault> {
        let after = call
            .page
            .after(|bytes| std::str::from_utf8(bytes).ok().map(str::to_owned))?;
        let rest = self
            .0
            .iter()
            .filter(|map| after.as_ref().is_none_or(|after| *after < map.interface));
        let most = usize::try_from(call.page.limit()).unwrap_or(usize::MAX);
        let place = |last: &&ColourMap| last.interface.clone().into_bytes();
        let (found, next_page_token) = call.page.cut(rest.take(most).collect(), place)?;
        Ok(wire::ListColourMapsResponse {
            colour_maps: found.into_iter().map(shown).collect(),
            next_page_token,
        })
    }
}

fn shown(map: &ColourMap) -> wire::ColourMap {
    let values = map.colours.iter().chain(&map.answers);
    let meanings = values.map(|(value, meaning)| wire::ColourMeaning {
        value: value.clone(),
        outcome: outcome(*meaning).into(),
    });
    wire::ColourMap {
        name: format!("{COLLECTION}{}", map.interface),
        colour_map_id: map.interface.clone(),
        source: map.source.clone(),
        meanings: meanings.collect(),
    }
}
