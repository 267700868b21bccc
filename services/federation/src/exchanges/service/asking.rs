//! Asks partners: a message is signed, the answer is believed when the partner signed it for us, now, for this very question.

use lutong_kernel::{Fault, Timestamp};
use lutong_token::{MessageExpectations, MessageHeader, Nonce};

use super::Exchanges;
use crate::colour_maps::domain::RecognitionOutcome;
use crate::exchanges::domain::{Message, Method, owner};
use crate::exchanges::store::MessageRecord;
use crate::partner_qualities::domain::Happened;
use crate::partners::domain::PartnerId;
use crate::peers::partner::{self, OriginAnswer};
use crate::trust_lists::service::current::Trust;

impl Exchanges {
    /// Asks a partner about a code that it issued.
    pub async fn ask_about_code(
        &self,
        trust: &Trust,
        partner: PartnerId,
        token: &str,
    ) -> Result<OriginAnswer, Fault> {
        let asked = self
            .ask(trust, partner, Method::VerifyHealthCode, partner::question(token))
            .await?;
        let said = asked.and_then(|body| partner::answer(&body).ok_or(RecognitionOutcome::UnknownValue));
        Ok(said.unwrap_or_else(|outcome| OriginAnswer {
            outcome,
            refusal: String::new(),
            followed: None,
        }))
    }

    /// Asks a partner at its address; the body of its answer. A question that is sent is recorded before, and its answer; how it came
    /// out is counted.
    pub async fn ask(
        &self,
        trust: &Trust,
        partner: PartnerId,
        method: Method,
        body: Vec<u8>,
    ) -> Result<Result<Vec<u8>, RecognitionOutcome>, Fault> {
        let address = trust
            .agreement(partner)
            .and_then(|agreed| agreed.address.as_ref());
        let Some(address) = address else {
            return Ok(Err(RecognitionOutcome::Unreachable));
        };
        let asked = self.ask_at(trust, (partner, address), method, body).await?;
        let outcome = asked.as_ref().map(|_| ()).map_err(|why| *why);
        self.qualities.note(partner, Happened::Called(outcome));
        Ok(asked)
    }

    async fn ask_at(
        &self,
        trust: &Trust,
        (partner, address): (PartnerId, &str),
        method: Method,
        body: Vec<u8>,
    ) -> Result<Result<Vec<u8>, RecognitionOutcome>, Fault> {
        // First: a question that will not be sent is neither signed nor recorded, so that a partner that is away costs the others nothing.
        let call = match self.partners.admit(partner, address) {
            Ok(call) => call,
            Err(outcome) => return Ok(Err(outcome)),
        };
        let (message, nonce) = self.sign(method, partner, body, None)?;
        self.record_asked(partner, &message.header, "").await?;
        let answer = match call.send(method, &message).await {
            Ok(answer) => answer,
            Err(outcome) => return Ok(Err(outcome)),
        };
        let now = self.clock.now();
        if !is_answer(trust, (partner, &self.own()), &answer, (method, nonce), now) {
            tracing::warn!(%partner, "a partner's answer is not signed by it for this question, and is not believed");
            return Ok(Err(RecognitionOutcome::UnknownValue));
        }
        self.record_asked(partner, &answer.header, "ANSWERED").await?;
        Ok(Ok(answer.body))
    }

    async fn record_asked(&self, partner: PartnerId, header: &[u8], outcome: &str) -> Result<(), Fault> {
        let record = MessageRecord {
            recorded_at: self.clock.now(),
            partner,
            is_answer: !outcome.is_empty(),
            header: header.to_vec(),
            outcome: outcome.to_owned(),
        };
        self.record(record).await
    }
}

/// Whether the partner itself answers this question, to us, now.
fn is_answer(
    trust: &Trust,
    (partner, own): (PartnerId, &str),
    answer: &Message,
    (method, nonce): (Method, Nonce),
    now: Timestamp,
) -> bool {
    let Ok((header, kid)) = MessageHeader::open(&answer.header, &trust.list.message_keys, now) else {
        return false;
    };
    let expected = MessageExpectations {
        method: method.name(),
        audience: own,
        body: &answer.body,
        in_reply_to: Some(nonce),
        now,
    };
    owner(&trust.list, kid) == Some(partner)
        && header.sender == partner.to_string()
        && header.check(&expected).is_ok()
}
