//! What the mock answers: by exchange, signed.

use lutong_proto::federation::v1 as wire;
use lutong_token::{Algorithm, MessageHeader, SigningKey, body_digest};
use prost::Message as _;

use super::accepting::{Message, Refused};
use super::faults::FaultKind;
use super::{Call, Mock};
use crate::exchange::Exchange;

/// A body that cannot be read.
pub const UNREADABLE: Refused = Refused::Message("UNREADABLE");

/// Reads a body.
pub fn read<B: prost::Message + Default>(call: &Call, body: &[u8]) -> Result<B, Refused> {
    match B::decode(body) {
        Ok(read) => Ok(read),
        Err(_) if call.has(FaultKind::AcceptsUnreadableBodies) => Ok(B::default()),
        Err(_) => Err(UNREADABLE),
    }
}

impl Mock {
    /// The signed answer to a message.
    pub fn answer(&self, call: &Call, message: &Message) -> Result<Message, Refused> {
        let asked = self.accept(call, message)?;
        let body = self.say(call, &message.body)?;
        let answer = self.sign(call, &asked, body).ok_or(Refused::Nonsense)?;
        let mut memory = self.memory();
        let first = memory.first.get_or_insert_with(|| answer.clone()).clone();
        Ok(if call.has(FaultKind::Replay) {
            first
        } else {
            answer
        })
    }

    fn say(&self, call: &Call, body: &[u8]) -> Result<Vec<u8>, Refused> {
        Ok(match call.exchange {
            Exchange::VerifyHealthCode => self.verify(call, &read(call, body)?).encode_to_vec(),
            Exchange::DeclareHealth => self.declare(call, &read(call, body)?).encode_to_vec(),
            Exchange::DeclareItinerary => self.travel(call, &read(call, body)?).encode_to_vec(),
            Exchange::CorrectDeclaration => self.correct(call, &read(call, body)?).encode_to_vec(),
            Exchange::QueryHealthRecords => {
                let wire::HealthRecordQuery { person } = read(call, body)?;
                self.query(call, &person.unwrap_or_default()).encode_to_vec()
            }
            Exchange::MakeHealthCode => {
                let wire::HealthCodeMaking { person } = read(call, body)?;
                self.make(call, &person.unwrap_or_default()).encode_to_vec()
            }
            Exchange::CallHealthCode => {
                let wire::HealthCodeCall { code_reference } = read(call, body)?;
                self.show_called(call, &code_reference).encode_to_vec()
            }
            Exchange::PullChanges => self.pull(call, &read(call, body)?)?.encode_to_vec(),
            Exchange::CompareCodes => self.compare(call, read(call, body)?)?.encode_to_vec(),
            Exchange::AcknowledgeChanges => {
                let wire::BatchAcknowledgement { tag } = read(call, body)?;
                self.take_tag(call, &tag)?;
                wire::Receipt {}.encode_to_vec()
            }
            Exchange::NotifyChanges => {
                let wire::ChangeNotice { head_tag } = read(call, body)?;
                self.take_tag(call, &head_tag)?;
                wire::Receipt {}.encode_to_vec()
            }
        })
    }

    /// A key that is on no list.
    pub fn stranger(&self) -> Option<SigningKey> {
        SigningKey::generate(Algorithm::Ed25519, &*self.setup.random).ok()
    }

    /// Signs an answer, or something else.
    fn sign(&self, call: &Call, asked: &MessageHeader, mut body: Vec<u8>) -> Option<Message> {
        let has = |kind| call.has(kind);
        if has(FaultKind::UnreadableAnswer) {
            body = b"\xff\xff\xff".to_vec();
        }
        let or = |is_other: bool, other: &str, right: &str| {
            if is_other {
                other.to_owned()
            } else {
                right.to_owned()
            }
        };
        let random = &self.setup.random;
        let header = MessageHeader {
            method: or(
                has(FaultKind::OtherMethod),
                "lutong.federation.v1.Tea/Make",
                call.exchange.method(),
            ),
            sender: or(has(FaultKind::OtherSender), "96", self.own()),
            audience: or(has(FaultKind::OtherAudience), "96", &asked.sender),
            sent_at: call.now,
            nonce: if has(FaultKind::SameNonce) {
                [7; 16]
            } else {
                random.bytes()
            },
            body_digest: body_digest(&body),
            in_reply_to: Some(if has(FaultKind::OtherReply) {
                random.bytes()
            } else {
                asked.nonce
            }),
        };
        let header = if has(FaultKind::WrongKey) {
            header.sign(&self.stranger()?).ok()?
        } else {
            header.sign(&self.setup.key).ok()?
        };
        if has(FaultKind::AlteredAnswer) {
            body.extend_from_slice(&[0x78, 0x01]);
        }
        Some(Message { header, body })
    }
}
