//! The contract of federation: parse, call, map.

use lutong_chassis::reply;
use lutong_kernel::{Colour, Fault, Violation};
use lutong_proto::federation::v1::partner_code_service_server::PartnerCodeService;
use lutong_proto::federation::v1::{VerifyPartnerCodeRequest, VerifyPartnerCodeResponse};
use lutong_proto::time;
use lutong_proto::types::v1::Colour as WireColour;
use tonic::{Request, Response, Status};

use crate::service::{PartnerCode, Partners};

/// Characters of a token.
const MAX_TOKEN: usize = 1_024;

#[derive(Clone)]
pub struct Handler {
    partners: Partners,
}

impl Handler {
    pub const fn new(partners: Partners) -> Self {
        Self { partners }
    }

    async fn verify(
        &self,
        request: Request<VerifyPartnerCodeRequest>,
    ) -> Result<VerifyPartnerCodeResponse, Fault> {
        reply::grant(&request)?;
        let token = request.into_inner().token;
        if token.is_empty() || token.len() > MAX_TOKEN {
            return Err(reply::wrong(Violation::new(
                "token",
                "TOKEN_LENGTH",
                "请扫描外省健康码（1至1024个字符）",
                "a token has 1 to 1,024 characters",
            )));
        }
        Ok(self.partners.verify(&token).await?.into())
    }
}

impl From<PartnerCode> for VerifyPartnerCodeResponse {
    fn from(code: PartnerCode) -> Self {
        let colour = match code.colour {
            Colour::Green => WireColour::Green,
            Colour::Yellow => WireColour::Yellow,
            Colour::Red => WireColour::Red,
        };
        Self {
            province: code.province.to_string(),
            colour: colour.into(),
            issue_time: Some(time::from_micros(code.issued_at.micros())),
            expire_time: code.expires_at.map(|at| time::from_micros(at.micros())),
            key_id: code.key_id,
            trust_list_version: code.trust_list_version,
            verify_time: Some(time::from_micros(code.verified_at.micros())),
        }
    }
}

#[tonic::async_trait]
impl PartnerCodeService for Handler {
    async fn verify_partner_code(
        &self,
        request: Request<VerifyPartnerCodeRequest>,
    ) -> Result<Response<VerifyPartnerCodeResponse>, Status> {
        reply::answer(self.verify(request).await)
    }
}
