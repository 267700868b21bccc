//! `OneTimeCodeService`: parse, call, map.

use lutong_chassis::skin::Mutation;
use lutong_kernel::phone::Mobile;
use lutong_kernel::{Fault, Violation};
use lutong_proto::identity::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_skin::identity::v1::OneTimeCodeHandler;
use lutong_transport::access::SelfPermit;
use lutong_transport::reply;
use uuid::Uuid;

use super::domain::{Digits, OneTimeCode, Purpose};
use super::service::{OneTimeCodes, ShownCode};
use crate::fault;

const COLLECTION: &str = "one-time-codes/";

pub struct OneTimeCodeRpc(pub OneTimeCodes);

impl OneTimeCodeHandler for OneTimeCodeRpc {
    async fn create_one_time_code(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::CreateOneTimeCodeRequest,
    ) -> Result<wire::CreateOneTimeCodeResponse, Fault> {
        let mobile = Mobile::parse(&message.mobile).map_err(|error| reply::wrong(fault::mobile(&error)))?;
        let purpose = match message.purpose() {
            wire::OneTimeCodePurpose::Bind => Purpose::Bind,
            wire::OneTimeCodePurpose::ChangeMobile => Purpose::ChangeMobile,
            wire::OneTimeCodePurpose::ReplaceDocument => Purpose::ReplaceDocument,
            // The contract refuses a value that is not of the list.
            wire::OneTimeCodePurpose::Apply | wire::OneTimeCodePurpose::Unspecified => Purpose::Apply,
        };
        let code = self.0.create(&call.permit, call.request, mobile, purpose).await?;
        Ok(wire::CreateOneTimeCodeResponse {
            one_time_code: Some(code.into()),
        })
    }
}

impl From<OneTimeCode> for wire::OneTimeCode {
    fn from(code: OneTimeCode) -> Self {
        let purpose = match code.purpose {
            Purpose::Apply => wire::OneTimeCodePurpose::Apply,
            Purpose::Bind => wire::OneTimeCodePurpose::Bind,
            Purpose::ChangeMobile => wire::OneTimeCodePurpose::ChangeMobile,
            Purpose::ReplaceDocument => wire::OneTimeCodePurpose::ReplaceDocument,
        };
        Self {
            name: format!("{COLLECTION}{}", code.id),
            one_time_code_id: code.id.to_string(),
            purpose: purpose.into(),
            create_time: Some(time::from_micros(code.created_at.micros())),
            expire_time: Some(time::from_micros(code.expires_at().micros())),
        }
    }
}

/// A code that a request shows. Its fields are relative to the proof.
pub fn shown(proof: &types::OneTimeCodeProof) -> Result<ShownCode, Violation> {
    let id = proof.one_time_code.strip_prefix(COLLECTION);
    let id = id
        .and_then(|id| Uuid::parse_str(id).ok())
        .ok_or_else(fault::code_name_shape)?;
    let digits = Digits::parse(&proof.code).ok_or_else(fault::code_shape)?;
    Ok(ShownCode { id, digits })
}
