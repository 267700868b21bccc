//! The exchanges of one case: sent as the case wants them, kept as they were, and read as a careful partner reads them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lutong_kernel::Timestamp;
use lutong_token::{MessageError, MessageExpectations, MessageHeader, Nonce, SignError};
use prost::Message;
use serde_json::{Value, json};

use crate::client::{Reply, WireClient};
use crate::declaration::Declaration;
use crate::exchange::{Exchange, Speaker};
use crate::kept::KeptExchange;
use crate::verdict::{Failure, Finding, Verdict};

/// The kit: who speaks, and to whom.
#[derive(Clone)]
pub struct Kit {
    pub speaker: Speaker,
    pub peer: Declaration,
    /// Where the system is called, without a slash at its end.
    pub address: String,
    pub client: WireClient,
}

/// A signed message, as it travels.
#[derive(Debug, Clone)]
pub struct SignedMessage {
    pub header: Vec<u8>,
    pub body: Vec<u8>,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// As the answer states it; empty where it states none.
    pub reason: String,
    /// `metadata.outcome`.
    pub outcome: String,
}

/// What came back, before anything of it is believed.
#[derive(Debug, Clone)]
pub enum ReceivedAnswer {
    Answer(SignedMessage),
    Refusal(Refusal),
    /// Neither.
    Unusable(Failure),
}

/// An answer that the system signed for this very message.
#[derive(Debug, Clone)]
pub struct VerifiedAnswer {
    pub header: MessageHeader,
    pub body: Vec<u8>,
    pub elapsed: Duration,
    pub received_at: Timestamp,
    pub content_type: String,
}

/// The exchanges of one case.
pub struct Session<'a> {
    pub kit: &'a Kit,
    pub exchanges: Vec<KeptExchange>,
}

impl<'a> Session<'a> {
    pub const fn new(kit: &'a Kit) -> Self {
        Self {
            kit,
            exchanges: Vec::new(),
        }
    }

    /// Sends JSON, or asks for a page, and keeps what comes of it.
    pub async fn exchange(&mut self, path: &str, request: Option<String>) -> Reply {
        self.pace().await;
        let kit = self.kit;
        let sent_at = kit.speaker.clock.now();
        let verb = if request.is_some() { "POST" } else { "GET" };
        let kept = request.clone().unwrap_or_default();
        let reply = kit.client.send(&format!("{}{path}", kit.address), request).await;
        let kept = KeptExchange::new(format!("{verb} {path}"), sent_at, &kept, &reply);
        self.exchanges.push(kept);
        reply
    }

    /// A partner has a quota, which the kit keeps.
    pub async fn pace(&self) {
        let per_minute = self.kit.peer.requests_per_minute;
        // Nobody notices less than a hundredth of a second.
        if per_minute < 6_000 {
            tokio::time::sleep(Duration::from_secs(60) / per_minute.max(1)).await;
        }
    }

    /// Sends a message as it is.
    pub async fn send(&mut self, exchange: Exchange, message: &SignedMessage) -> ReceivedAnswer {
        let reply = self.exchange(exchange.path(), Some(json_of(message))).await;
        received(&reply)
    }

    /// Sends a message whose header was changed before it was signed.
    pub async fn send_changed(
        &mut self,
        exchange: Exchange,
        body: &[u8],
        change: impl FnOnce(&mut MessageHeader),
    ) -> Result<ReceivedAnswer, Failure> {
        let message = self.signed(exchange, body, change)?;
        Ok(self.send(exchange, &message).await)
    }

    /// A message, signed by the kit.
    pub fn signed(
        &self,
        exchange: Exchange,
        body: &[u8],
        change: impl FnOnce(&mut MessageHeader),
    ) -> Result<SignedMessage, Failure> {
        let mut header = self.header(exchange, body);
        change(&mut header);
        Ok(SignedMessage {
            header: header.sign(&self.kit.speaker.key).map_err(unsigned)?,
            body: body.to_vec(),
        })
    }

    pub fn header(&self, exchange: Exchange, body: &[u8]) -> MessageHeader {
        let speaker = &self.kit.speaker;
        speaker.header(self.kit.peer.province.as_str(), exchange, speaker.nonce(), body)
    }

    /// Sends a message that is as it must be, and believes the answer if the system signed it for this message.
    pub async fn ask(&mut self, exchange: Exchange, body: &[u8]) -> Result<VerifiedAnswer, Failure> {
        self.ask_changed(exchange, body, |_| {}).await
    }

    pub async fn ask_changed(
        &mut self,
        exchange: Exchange,
        body: &[u8],
        change: impl FnOnce(&mut MessageHeader),
    ) -> Result<VerifiedAnswer, Failure> {
        let mut nonce = Nonce::default();
        let message = self.signed(exchange, body, |header| {
            change(header);
            nonce = header.nonce;
        })?;
        let reply = self.exchange(exchange.path(), Some(json_of(&message))).await;
        self.kit.believe((exchange, nonce), &reply)
    }

    /// As [`Self::ask`], and reads the body.
    pub async fn say<A: Message + Default>(
        &mut self,
        exchange: Exchange,
        body: &impl Message,
    ) -> Result<A, Failure> {
        let believed = self.ask(exchange, &body.encode_to_vec()).await?;
        read(&believed.body)
    }
}

impl Kit {
    /// The answer, if the system signed it for the message with this nonce.
    pub fn believe(
        &self,
        (exchange, nonce): (Exchange, Nonce),
        reply: &Reply,
    ) -> Result<VerifiedAnswer, Failure> {
        let message = match received(reply) {
            ReceivedAnswer::Answer(message) => message,
            ReceivedAnswer::Refusal(refusal) => return Err(refusal.as_failure()),
            ReceivedAnswer::Unusable(failure) => return Err(failure),
        };
        let received_at = self.speaker.clock.now();
        let opened = MessageHeader::open(&message.header, &self.peer.message_keys, received_at);
        let (header, _) = opened.map_err(|error| Failure::new(Finding::AnswerSignature, error))?;
        if header.sender != self.peer.province.as_str() {
            let detail = format!("the sender of the answer is {:?}", header.sender);
            return Err(Failure::new(Finding::AnswerSender, detail));
        }
        let expected = MessageExpectations {
            method: exchange.method(),
            audience: self.speaker.own.as_str(),
            body: &message.body,
            in_reply_to: Some(nonce),
            now: received_at,
        };
        header
            .check(&expected)
            .map_err(|error| Failure::new(finding_of(error), error))?;
        Ok(VerifiedAnswer {
            header,
            body: message.body,
            elapsed: reply.elapsed,
            received_at,
            content_type: reply.content_type.clone(),
        })
    }
}

const fn finding_of(error: MessageError) -> Finding {
    match error {
        MessageError::Unreadable(_)
        | MessageError::WrongKey
        | MessageError::KeyRevoked
        | MessageError::BadSignature => Finding::AnswerSignature,
        MessageError::WrongMethod => Finding::AnswerMethod,
        MessageError::WrongAudience => Finding::AnswerAudience,
        MessageError::WrongBody => Finding::AnswerBody,
        MessageError::Stale | MessageError::FromTheFuture => Finding::AnswerTime,
        MessageError::WrongReply => Finding::AnswerReply,
    }
}

/// The kit could not sign.
pub fn unsigned(error: SignError) -> Failure {
    Failure::new(Finding::Kit, error)
}

/// The body of an answer.
pub fn read<A: Message + Default>(body: &[u8]) -> Result<A, Failure> {
    A::decode(body).map_err(|error| Failure::new(Finding::AnswerUnreadable, error))
}

/// The JSON of a request.
pub fn json_of(message: &SignedMessage) -> String {
    let [header, body] = [&message.header, &message.body].map(|bytes| STANDARD.encode(bytes));
    json!({"message": {"header": header, "body": body}}).to_string()
}

/// What an answer of HTTP is.
pub fn received(reply: &Reply) -> ReceivedAnswer {
    let unusable =
        |finding, detail: &dyn std::fmt::Display| ReceivedAnswer::Unusable(Failure::new(finding, detail));
    if let Some(failure) = &reply.failure {
        return ReceivedAnswer::Unusable(failure.clone());
    }
    let status = reply.status.unwrap_or_default();
    let read: Option<Value> = serde_json::from_slice(&reply.body).ok();
    match status {
        200 => {
            let field = |name: &str| STANDARD.decode(read.as_ref()?["answer"][name].as_str()?).ok();
            match (field("header"), field("body")) {
                (Some(header), Some(body)) => ReceivedAnswer::Answer(SignedMessage { header, body }),
                _ => unusable(Finding::NotJson, &"HTTP 200 without the JSON of a signed message"),
            }
        }
        300..400 => unusable(Finding::Redirected, &status),
        429 => unusable(
            Finding::Throttled,
            &"HTTP 429: declare the agreed requests_per_minute",
        ),
        400..500 => {
            let read = read.unwrap_or_default();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            ReceivedAnswer::Refusal(Refusal {
                status,
                reason: text(&read["reason"]),
                outcome: text(&read["metadata"]["outcome"]),
            })
        }
        _ => unusable(Finding::Failed, &format!("HTTP {status}")),
    }
}

impl Refusal {
    fn as_failure(&self) -> Failure {
        let Self {
            status,
            reason,
            outcome,
        } = self;
        Failure::new(
            Finding::Refused,
            format!("HTTP {status} {reason} {outcome}").trim_end(),
        )
    }
}

/// Passes if a message was refused as the fault of its sender: neither answered nor a failure of the system.
pub fn refused(received: ReceivedAnswer) -> Verdict {
    match received {
        ReceivedAnswer::Refusal(_) => Ok(()),
        ReceivedAnswer::Answer(_) => Err(Failure::new(Finding::Accepted, "it was answered")),
        ReceivedAnswer::Unusable(failure) => Err(failure),
    }
}
