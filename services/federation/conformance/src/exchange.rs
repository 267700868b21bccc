//! The exchanges between two code systems, and the kit as a partner that signs its messages.

use std::sync::Arc;

use lutong_kernel::{Clock, PartnerCode, Random};
use lutong_token::{MessageHeader, Nonce, SigningKey, body_digest};
use serde::{Deserialize, Serialize};

/// An exchange.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum Exchange {
    VerifyHealthCode,
    DeclareHealth,
    DeclareItinerary,
    QueryHealthRecords,
    MakeHealthCode,
    CallHealthCode,
    CorrectDeclaration,
    PullChanges,
    CompareCodes,
    AcknowledgeChanges,
    NotifyChanges,
}

impl Exchange {
    /// Its path at the address of a system.
    pub const fn path(self) -> &'static str {
        match self {
            Self::VerifyHealthCode => "/v1/exchanges:verify",
            Self::DeclareHealth => "/v1/exchanges:declare",
            Self::DeclareItinerary => "/v1/exchanges:travel",
            Self::QueryHealthRecords => "/v1/exchanges:query",
            Self::MakeHealthCode => "/v1/exchanges:make",
            Self::CallHealthCode => "/v1/exchanges:call",
            Self::CorrectDeclaration => "/v1/exchanges:correct",
            Self::PullChanges => "/v1/subscriptions:pull",
            Self::CompareCodes => "/v1/subscriptions:compare",
            Self::AcknowledgeChanges => "/v1/subscriptions:acknowledge",
            Self::NotifyChanges => "/v1/subscriptions:notify",
        }
    }

    /// The full name of the RPC, as a header has it.
    pub const fn method(self) -> &'static str {
        match self {
            Self::VerifyHealthCode => "lutong.federation.v1.ExchangeService/VerifyHealthCode",
            Self::DeclareHealth => "lutong.federation.v1.ExchangeService/DeclareHealth",
            Self::DeclareItinerary => "lutong.federation.v1.ExchangeService/DeclareItinerary",
            Self::QueryHealthRecords => "lutong.federation.v1.ExchangeService/QueryHealthRecords",
            Self::MakeHealthCode => "lutong.federation.v1.ExchangeService/MakeHealthCode",
            Self::CallHealthCode => "lutong.federation.v1.ExchangeService/CallHealthCode",
            Self::CorrectDeclaration => "lutong.federation.v1.ExchangeService/CorrectDeclaration",
            Self::PullChanges => "lutong.federation.v1.SubscriptionService/PullChanges",
            Self::CompareCodes => "lutong.federation.v1.SubscriptionService/CompareCodes",
            Self::AcknowledgeChanges => "lutong.federation.v1.SubscriptionService/AcknowledgeChanges",
            Self::NotifyChanges => "lutong.federation.v1.SubscriptionService/NotifyChanges",
        }
    }
}

/// Where the public keys of a system are read.
pub const MESSAGE_KEY_PATH: &str = "/v1/message-key";

/// The kit, as a partner of the system that it tests.
#[derive(Clone)]
pub struct Speaker {
    pub own: PartnerCode,
    /// Known to the system as a key for messages of `own`.
    pub key: Arc<SigningKey>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

impl Speaker {
    pub fn nonce(&self) -> Nonce {
        self.random.bytes()
    }

    /// The header of a message that is as it must be.
    pub fn header(&self, audience: &str, exchange: Exchange, nonce: Nonce, body: &[u8]) -> MessageHeader {
        MessageHeader {
            method: exchange.method().to_owned(),
            sender: self.own.as_str().to_owned(),
            audience: audience.to_owned(),
            sent_at: self.clock.now(),
            nonce,
            body_digest: body_digest(body),
            in_reply_to: None,
        }
    }
}
