//! `PartnerCodeService`: parse, call, map.

use lutong_chassis::skin::Query;
use lutong_kernel::{Fault, Timestamp};
use lutong_proto::federation::v1::{VerifyPartnerCodeRequest, VerifyPartnerCodeResponse};
use lutong_proto::time;
use lutong_proto::types::v1::Colour;
use lutong_skin::federation::v1::PartnerCodeHandler;
use lutong_transport::access::NoPermit;

use super::service::{PartnerCode, PartnerCodes};

pub struct PartnerCodeRpc(pub PartnerCodes);

impl PartnerCodeHandler for PartnerCodeRpc {
    async fn verify_partner_code(
        &self,
        _: Query<NoPermit>,
        message: VerifyPartnerCodeRequest,
    ) -> Result<VerifyPartnerCodeResponse, Fault> {
        let as_of = message.as_of.as_ref();
        let as_of = as_of.map(|at| Timestamp::from_micros(time::to_micros(at)));
        Ok(self.0.verify(&message.token, as_of).await?.into())
    }
}

impl From<PartnerCode> for VerifyPartnerCodeResponse {
    fn from(code: PartnerCode) -> Self {
        Self {
            province: code.province.to_string(),
            colour: Colour::from(code.colour).into(),
            issue_time: Some(time::from_micros(code.issued_at.micros())),
            expire_time: code.expires_at.map(|at| time::from_micros(at.micros())),
            key_id: code.key_id,
            trust_list_version: code.trust_list_version,
            verify_time: Some(time::from_micros(code.verified_at.micros())),
            conversion: format!("conversions/{}", code.conversion),
        }
    }
}
