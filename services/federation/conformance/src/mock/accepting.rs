//! Which messages the mock accepts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lutong_token::document::{self, Purpose};
use lutong_token::{MessageError, MessageExpectations, MessageHeader, body_digest};
use serde::Deserialize;

use super::faults::FaultKind;
use super::{Call, Mock};

const MAX_HEADER: usize = 512;
const MAX_BODY: usize = 16_384;
/// Seconds after which it takes a message for late, if it is told to.
const LATE: i64 = 40;

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    pub header: Vec<u8>,
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonMessage {
    header: String,
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonRequest {
    message: JsonMessage,
}

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is no message.
    Nonsense,
    /// The outcome in the contract.
    Message(&'static str),
}

impl Message {
    pub fn read(json: &[u8]) -> Option<Self> {
        let JsonRequest { message } = serde_json::from_slice(json).ok()?;
        Some(Self {
            header: STANDARD.decode(message.header).ok()?,
            body: STANDARD.decode(message.body).ok()?,
        })
    }
}

impl Mock {
    /// The header of a message that it accepts.
    pub fn accept(&self, call: &Call, message: &Message) -> Result<MessageHeader, Refused> {
        let is_long = message.header.len() > MAX_HEADER || message.body.len() > MAX_BODY;
        if message.header.is_empty() || is_long && !call.has(FaultKind::AcceptsLongBodies) {
            return Err(Refused::Nonsense);
        }
        let header = self.open(call, &message.header).map_err(Refused::Message)?;
        let (partner, _) = &self.setup.partner;
        if header.sender != partner.as_str() && !call.has(FaultKind::AcceptsAnySender) {
            return Err(Refused::Message("WRONG_SENDER"));
        }
        let checked = self.check(call, &header, &message.body);
        checked.map_err(|error| Refused::Message(outcome(error)))?;
        let is_new = self.memory().nonces.insert(header.nonce);
        if !is_new && !call.has(FaultKind::AcceptsReplays) {
            return Err(Refused::Message("REPLAYED"));
        }
        Ok(header)
    }

    fn open(&self, call: &Call, header: &[u8]) -> Result<MessageHeader, &'static str> {
        let (_, keys) = &self.setup.partner;
        let opened = MessageHeader::open(header, keys, call.now);
        let Err(error) = opened else {
            return opened.map(|(header, _)| header).map_err(outcome);
        };
        let is_of_a_batch = document::open(header, Purpose::Batch, keys, call.now).is_ok();
        let is_taken =
            call.has(FaultKind::AcceptsForgeries) || is_of_a_batch && call.has(FaultKind::AcceptsAnyPurpose);
        let read = MessageHeader::read_unverified(header).filter(|_| is_taken);
        read.map(|(header, _)| header).ok_or(outcome(error))
    }

    fn check(&self, call: &Call, header: &MessageHeader, body: &[u8]) -> Result<(), MessageError> {
        // What it does not look at, it takes as it is.
        let mut seen = header.clone();
        let age = call.now.seconds() - header.sent_at.seconds();
        let is_ignored =
            (age > 0 && call.has(FaultKind::AcceptsOld)) || (age < 0 && call.has(FaultKind::AcceptsAhead));
        if is_ignored {
            seen.sent_at = call.now;
        }
        if age > LATE && call.has(FaultKind::RefusesDelayed) {
            return Err(MessageError::Stale);
        }
        if call.has(FaultKind::AcceptsAnyAudience) {
            self.own().clone_into(&mut seen.audience);
        }
        if call.has(FaultKind::AcceptsAnyMethod) {
            call.exchange.method().clone_into(&mut seen.method);
        }
        if call.has(FaultKind::AcceptsAlteredBodies) {
            seen.body_digest = body_digest(body);
        }
        if call.has(FaultKind::AcceptsReplies) {
            seen.in_reply_to = None;
        }
        let expected = MessageExpectations {
            method: call.exchange.method(),
            audience: self.own(),
            body,
            in_reply_to: None,
            now: call.now,
        };
        seen.check(&expected)
    }
}

const fn outcome(error: MessageError) -> &'static str {
    match error {
        MessageError::Unreadable(_) => "UNREADABLE",
        MessageError::WrongKey => "WRONG_KEY",
        MessageError::KeyRevoked => "KEY_REVOKED",
        MessageError::BadSignature => "BAD_SIGNATURE",
        MessageError::WrongMethod => "WRONG_METHOD",
        MessageError::WrongAudience => "WRONG_AUDIENCE",
        MessageError::WrongBody => "WRONG_BODY",
        MessageError::Stale => "STALE",
        MessageError::FromTheFuture => "FROM_THE_FUTURE",
        MessageError::WrongReply => "WRONG_REPLY",
    }
}
