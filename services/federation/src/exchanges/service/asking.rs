//! Asks partners: a message is signed, the answer is believed when the partner signed it for us, now, for this very question.

use futures::FutureExt as _;
use lutong_kernel::{Fault, Timestamp};
use lutong_storage::{StorageError, advisory};
use lutong_token::{MessageExpectations, MessageHeader, body_digest};

use super::{CHAIN_LOCK, Exchanges, OWN};
use crate::colour_maps::domain::RecognitionOutcome;
use crate::exchanges::domain::{message_keys, owner};
use crate::exchanges::store::{self, MessageRecord};
use crate::partners::domain::PartnerId;
use crate::peers::partner::{self, SentMessage};
use crate::trust_lists::service::current::Trust;

/// Code verification: its method, and its path at a partner's address.
const VERIFY: (&str, &str) = (
    "lutong.federation.v1.ExchangeService/VerifyHealthCode",
    "/v1/exchanges:verify",
);

/// What a partner says about one of its codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginAnswer {
    pub outcome: RecognitionOutcome,
    /// Which check the code failed there; empty for a colour.
    pub refusal: String,
}

impl Exchanges {
    /// Asks a partner about a code that it issued.
    pub async fn ask_about_code(
        &self,
        trust: &Trust,
        partner: PartnerId,
        token: &str,
    ) -> Result<OriginAnswer, Fault> {
        let asked = self.ask(trust, partner, VERIFY, partner::question(token)).await?;
        let said = asked.and_then(|body| partner::answer(&body).ok_or(RecognitionOutcome::UnknownValue));
        let (outcome, refusal) = said.unwrap_or_else(|outcome| (outcome, String::new()));
        Ok(OriginAnswer { outcome, refusal })
    }

    /// Asks a partner at its address; the body of its answer. Question and answer are recorded.
    async fn ask(
        &self,
        trust: &Trust,
        partner: PartnerId,
        (method, path): (&'static str, &'static str),
        body: Vec<u8>,
    ) -> Result<Result<Vec<u8>, RecognitionOutcome>, Fault> {
        let address = trust
            .agreement(partner)
            .and_then(|agreed| agreed.address.as_ref());
        let Some(address) = address else {
            return Ok(Err(RecognitionOutcome::Unreachable));
        };
        let mut nonce = [0; 16];
        self.random.fill(&mut nonce);
        let header = MessageHeader {
            method: method.to_owned(),
            sender: OWN.to_owned(),
            audience: partner.to_string(),
            sent_at: self.clock.now(),
            nonce,
            body_digest: body_digest(&body),
            in_reply_to: None,
        };
        let message = SentMessage {
            header: header.sign(&self.key).map_err(Fault::internal)?,
            body,
        };
        self.record_asked(partner, &message.header, "").await?;
        let answer = match self.partners.send(partner, address, path, &message).await {
            Ok(answer) => answer,
            Err(outcome) => return Ok(Err(outcome)),
        };
        let now = self.clock.now();
        if !is_answer(trust, partner, &answer, (method, nonce), now) {
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
        let recorded = self.database.write(move |transaction| {
            async move {
                advisory::lock(transaction, CHAIN_LOCK).await?;
                store::append(transaction, record).await
            }
            .boxed()
        });
        recorded.await.map_err(|error: StorageError| Fault::from(error))
    }
}

/// Whether the partner itself answers this question, to us, now.
fn is_answer(
    trust: &Trust,
    partner: PartnerId,
    answer: &SentMessage,
    (method, nonce): (&str, [u8; 16]),
    now: Timestamp,
) -> bool {
    let Ok((header, kid)) = MessageHeader::open(&answer.header, &message_keys(&trust.list), now) else {
        return false;
    };
    let expected = MessageExpectations {
        method,
        audience: OWN,
        body: &answer.body,
        in_reply_to: Some(nonce),
        now,
    };
    owner(&trust.list, kid) == Some(partner)
        && header.sender == partner.to_string()
        && header.check(&expected).is_ok()
}
