//! Client of declaration: what people declared at a partner.

use lutong_kernel::partner::source_of;
use lutong_kernel::{Fault, ServiceName};
use lutong_proto::declaration::v1::AppendPartnerDeclarationRequest;
pub use lutong_proto::declaration::v1::FactRow;
use lutong_proto::declaration::v1::partner_declaration_service_client::PartnerDeclarationServiceClient;
use lutong_proto::types::v1::EffectState;
use lutong_transport::client::{self, Call};

use super::{DEADLINE, Peers};
use crate::partners::domain::PartnerId;

/// What became of a declaration that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Whether any of it was not there before.
    pub is_new: bool,
    pub is_in_force: bool,
}

impl Peers {
    /// Has declaration store what somebody declared at a partner, all of it or nothing.
    pub async fn append_declaration(
        &self,
        partner: PartnerId,
        mut rows: Vec<FactRow>,
    ) -> Result<Taken, Fault> {
        for row in &mut rows {
            row.source = source_of(partner);
        }
        let request = Call::background(DEADLINE).request(AppendPartnerDeclarationRequest {
            partner: partner.to_string(),
            rows,
        });
        let answer = PartnerDeclarationServiceClient::new(self.declaration.clone())
            .append_partner_declaration(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::Declaration, ""))?
            .into_inner();
        let effect = answer.effect.unwrap_or_default();
        Ok(Taken {
            is_new: answer.accepted > 0,
            is_in_force: effect.state() == EffectState::InForce,
        })
    }
}
