//! `ExchangeService`: parse, call, map.

use lutong_chassis::skin::Query;
use lutong_kernel::Fault;
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::federation::v1::ExchangeHandler;
use lutong_transport::access::NoPermit;
use prost::Message as _;

use super::domain::{Message, RefusedMessage, VERIFY_HEALTH_CODE};
use super::service::Exchanges;
use crate::colour_maps::rpc::outcome;
use crate::fault;

pub struct ExchangeRpc(pub Exchanges);

impl ExchangeHandler for ExchangeRpc {
    async fn verify_health_code(
        &self,
        _: Query<NoPermit>,
        message: wire::VerifyHealthCodeRequest,
    ) -> Result<wire::VerifyHealthCodeResponse, Fault> {
        let message = message.message.unwrap_or_default();
        let message = Message {
            header: message.header,
            body: message.body,
        };
        // Read before it is counted: a body that cannot be read is no request.
        let body = wire::HealthCodeVerification::decode(&*message.body);
        let accepted = self.0.accept(VERIFY_HEALTH_CODE, &message).await?;
        let unreadable = lutong_token::MessageError::Unreadable("its body is no verification");
        let body = body.map_err(|_| fault::message_refused(RefusedMessage::Message(unreadable)))?;
        let (verified, at) = self.0.verify_code(&body.token).await?;
        let answer = wire::HealthCodeVerificationResult {
            outcome: outcome(verified.outcome).into(),
            refusal: verified.refusal,
            verify_time: Some(instant(at)),
        };
        let answer = self
            .0
            .answer(&accepted, answer.encode_to_vec(), verified.outcome.into_str())
            .await?;
        Ok(wire::VerifyHealthCodeResponse {
            answer: Some(wire::SignedMessage {
                header: answer.header,
                body: answer.body,
            }),
        })
    }

    async fn get_message_key(
        &self,
        _: Query<NoPermit>,
        _: wire::GetMessageKeyRequest,
    ) -> Result<wire::GetMessageKeyResponse, Fault> {
        let key = self.0.key();
        Ok(wire::GetMessageKeyResponse {
            key_id: key.kid().to_string(),
            public_key: key.to_pem().map_err(Fault::internal)?,
        })
    }
}
