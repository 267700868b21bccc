//! `LookupService`: parse, call, map.

use lutong_chassis::skin::{Listing, Query};
use lutong_kernel::Fault;
use lutong_proto::identity::v1 as wire;
use lutong_skin::identity::v1::LookupHandler;
use lutong_transport::access::{AnyPermit, SelfPermit};
use lutong_transport::reply;

use super::service::Lookups;

pub struct LookupRpc(pub Lookups);

impl LookupHandler for LookupRpc {
    async fn list_lookups(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListLookupsRequest,
    ) -> Result<wire::ListLookupsResponse, Fault> {
        let (lookups, next_page_token) = self.0.of_caller(&call.permit, &call.page).await?;
        Ok(wire::ListLookupsResponse {
            lookups: lookups.into_iter().filter_map(|lookup| lookup.lookup).collect(),
            next_page_token,
        })
    }

    async fn inspect_lookups(
        &self,
        call: Listing<AnyPermit>,
        message: wire::InspectLookupsRequest,
    ) -> Result<wire::InspectLookupsResponse, Fault> {
        let subject = reply::subject_id(&message.subject_id, "subject_id").map_err(reply::wrong)?;
        let (lookups, next_page_token) = self.0.of_anybody(call.permit, subject, &call.page).await?;
        Ok(wire::InspectLookupsResponse {
            lookups,
            next_page_token,
        })
    }

    async fn record_lookups(
        &self,
        _: Query<AnyPermit>,
        message: wire::RecordLookupsRequest,
    ) -> Result<wire::RecordLookupsResponse, Fault> {
        self.0.store(message.lookups).await?;
        Ok(wire::RecordLookupsResponse {})
    }
}
