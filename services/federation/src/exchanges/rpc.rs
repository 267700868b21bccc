//! `ExchangeService`: parse, call, map.

use lutong_chassis::skin::Query;
use lutong_kernel::Fault;
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::federation::v1::ExchangeHandler;
use lutong_transport::access::NoPermit;
use prost::Message as _;

use super::domain::{Message, Method, RefusedMessage};
use super::service::Exchanges;
use crate::batches::service::Batches;
use crate::fault;
use crate::outcomes::outcome;

pub struct ExchangeRpc {
    pub exchanges: Exchanges,
    pub batches: Batches,
}

/// A message as it came.
pub fn read_message(message: Option<wire::SignedMessage>) -> Message {
    let wire::SignedMessage { header, body } = message.unwrap_or_default();
    Message { header, body }
}

/// A message as it goes.
pub fn signed_message(message: Message) -> wire::SignedMessage {
    let Message { header, body } = message;
    wire::SignedMessage { header, body }
}

impl ExchangeHandler for ExchangeRpc {
    async fn verify_health_code(
        &self,
        _: Query<NoPermit>,
        message: wire::VerifyHealthCodeRequest,
    ) -> Result<wire::VerifyHealthCodeResponse, Fault> {
        let message = read_message(message.message);
        // Read before it is counted: a body that cannot be read is no request.
        let body = wire::HealthCodeVerification::decode(&*message.body);
        let accepted = self.exchanges.accept(Method::VerifyHealthCode, &message).await?;
        let unreadable = lutong_token::MessageError::Unreadable("its body is no verification");
        let body = body.map_err(|_| fault::message_refused(RefusedMessage::Message(unreadable)))?;
        let (verified, code_reference, at) = self.exchanges.verify_code(&accepted, &body.token).await?;
        let answer = wire::HealthCodeVerificationResult {
            outcome: outcome(verified.outcome).into(),
            refusal: verified.refusal,
            verify_time: Some(instant(at)),
            code_reference,
        };
        let answer = self
            .exchanges
            .answer(&accepted, answer.encode_to_vec(), verified.outcome.into_str())
            .await?;
        Ok(wire::VerifyHealthCodeResponse {
            answer: Some(signed_message(answer)),
        })
    }

    async fn get_message_key(
        &self,
        _: Query<NoPermit>,
        _: wire::GetMessageKeyRequest,
    ) -> Result<wire::GetMessageKeyResponse, Fault> {
        let (key, batch_key) = (self.exchanges.key(), self.batches.key());
        Ok(wire::GetMessageKeyResponse {
            key_id: key.kid().to_string(),
            public_key: key.to_pem().map_err(Fault::internal)?,
            batch_key_id: batch_key.kid().to_string(),
            batch_public_key: batch_key.to_pem().map_err(Fault::internal)?,
        })
    }
}
