//! `PartnerDeclarationService`: parse, call, map.

use lutong_chassis::skin::Query;
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_skin::declaration::v1::PartnerDeclarationHandler;
use lutong_transport::access::AnyPermit;
use lutong_transport::reply;

use super::domain::grant;
use super::service::PartnerDeclarations;
use crate::fact_imports::rpc::effect;
use crate::fault;

pub struct PartnerDeclarationRpc(pub PartnerDeclarations);

impl PartnerDeclarationHandler for PartnerDeclarationRpc {
    async fn append_partner_declaration(
        &self,
        call: Query<AnyPermit>,
        message: wire::AppendPartnerDeclarationRequest,
    ) -> Result<wire::AppendPartnerDeclarationResponse, Fault> {
        let grant = grant(&message.partner).ok_or_else(|| reply::wrong(fault::partner_shape()))?;
        let taken = self.0.append(call.permit, &grant, message.rows).await?;
        Ok(wire::AppendPartnerDeclarationResponse {
            accepted: taken.accepted,
            unchanged: taken.unchanged,
            effect: Some(effect(taken.redecided, taken.pending)),
        })
    }
}
