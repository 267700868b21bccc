//! Whether a partner's message is accepted, and how many it may send. Pure.

mod agreement;
mod connection;
#[cfg(test)]
mod tests;

use lutong_kernel::Timestamp;
use lutong_token::MessageError;

use crate::partners::domain::{PartnerId, PartnerState};
use crate::trust_lists::domain::{Direction, Quota, TrustList};

pub use agreement::{MIN_SALT, ReturnCode, is_agreed};
pub use connection::{Connection, RefusedConnection};

/// The methods by which partners call each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    VerifyHealthCode,
    DeclareHealth,
    DeclareItinerary,
    QueryHealthRecords,
    CallHealthCode,
    MakeHealthCode,
    CorrectDeclaration,
    PullChanges,
    CompareCodes,
    AcknowledgeChanges,
    NotifyChanges,
}

impl Method {
    /// The full name of the RPC.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyHealthCode => "lutong.federation.v1.ExchangeService/VerifyHealthCode",
            Self::DeclareHealth => "lutong.federation.v1.ExchangeService/DeclareHealth",
            Self::DeclareItinerary => "lutong.federation.v1.ExchangeService/DeclareItinerary",
            Self::QueryHealthRecords => "lutong.federation.v1.ExchangeService/QueryHealthRecords",
            Self::CallHealthCode => "lutong.federation.v1.ExchangeService/CallHealthCode",
            Self::MakeHealthCode => "lutong.federation.v1.ExchangeService/MakeHealthCode",
            Self::CorrectDeclaration => "lutong.federation.v1.ExchangeService/CorrectDeclaration",
            Self::PullChanges => "lutong.federation.v1.SubscriptionService/PullChanges",
            Self::CompareCodes => "lutong.federation.v1.SubscriptionService/CompareCodes",
            Self::AcknowledgeChanges => "lutong.federation.v1.SubscriptionService/AcknowledgeChanges",
            Self::NotifyChanges => "lutong.federation.v1.SubscriptionService/NotifyChanges",
        }
    }

    /// Its path at a partner's address.
    pub const fn path(self) -> &'static str {
        match self {
            Self::VerifyHealthCode => "/v1/exchanges:verify",
            Self::DeclareHealth => "/v1/exchanges:declare",
            Self::DeclareItinerary => "/v1/exchanges:travel",
            Self::QueryHealthRecords => "/v1/exchanges:query",
            Self::CallHealthCode => "/v1/exchanges:call",
            Self::MakeHealthCode => "/v1/exchanges:make",
            Self::CorrectDeclaration => "/v1/exchanges:correct",
            Self::PullChanges => "/v1/subscriptions:pull",
            Self::CompareCodes => "/v1/subscriptions:compare",
            Self::AcknowledgeChanges => "/v1/subscriptions:acknowledge",
            Self::NotifyChanges => "/v1/subscriptions:notify",
        }
    }
}

/// A signed message, as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub header: Vec<u8>,
    pub body: Vec<u8>,
}

/// Why a message is refused, as the contract has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedMessage {
    Message(MessageError),
    /// Signed by another partner than it says.
    WrongSender,
    /// Accepted before.
    Replayed,
}

impl RefusedMessage {
    /// The outcome in the contract.
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Message(MessageError::Unreadable(_)) => "UNREADABLE",
            Self::Message(MessageError::WrongKey) => "WRONG_KEY",
            Self::Message(MessageError::KeyRevoked) => "KEY_REVOKED",
            Self::Message(MessageError::BadSignature) => "BAD_SIGNATURE",
            Self::Message(MessageError::WrongMethod) => "WRONG_METHOD",
            Self::Message(MessageError::WrongAudience) => "WRONG_AUDIENCE",
            Self::Message(MessageError::WrongBody) => "WRONG_BODY",
            Self::Message(MessageError::WrongReply) => "WRONG_REPLY",
            Self::Message(MessageError::Stale) => "STALE",
            Self::Message(MessageError::FromTheFuture) => "FROM_THE_FUTURE",
            Self::WrongSender => "WRONG_SENDER",
            Self::Replayed => "REPLAYED",
        }
    }
}

/// The partner whose key for messages this is.
pub fn owner(list: &TrustList, kid: lutong_token::Kid) -> Option<PartnerId> {
    let mut all = list.partners.iter();
    let found = all.find(|(_, agreed)| agreed.keys.iter().any(|key| key.trusted.key.kid() == kid));
    found.map(|(id, _)| *id)
}

/// Whether a partner is answered.
pub fn is_served(list: &TrustList, id: PartnerId, state: PartnerState) -> bool {
    let agreed = list.partners.get(&id);
    let is_outbound = agreed.is_some_and(|agreed| agreed.directions.contains(&Direction::Outbound));
    // A partner in TEST is answered, so that the exchange can be tried before anything of it counts.
    is_outbound && !matches!(state, PartnerState::Suspended | PartnerState::Damaged)
}

/// A partner's requests of this minute and of this day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Since 1970.
    pub minute: i64,
    pub minute_requests: i64,
    /// Of Shandong, since 1970.
    pub day: i64,
    pub day_requests: i64,
}

/// The quota is used up; the seconds until there is one again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted(pub i64);

impl Usage {
    /// The usage with one request more. Before a partner is LIVE it has a tenth of its quota.
    pub fn with_one(self, quota: Quota, state: PartnerState, now: Timestamp) -> Result<Self, Exhausted> {
        let (minute, day) = (now.seconds().div_euclid(60), i64::from(now.local_day().days()));
        let quota = if state == PartnerState::Live {
            quota
        } else {
            quota.before_live()
        };
        let this_minute = if self.minute == minute {
            self.minute_requests
        } else {
            0
        };
        let today = if self.day == day { self.day_requests } else { 0 };
        if today >= i64::from(quota.requests_per_day) {
            let until = now.local_day().end().seconds() - now.seconds();
            return Err(Exhausted(until.max(1)));
        }
        if this_minute >= i64::from(quota.requests_per_minute) {
            return Err(Exhausted(60 - now.seconds().rem_euclid(60)));
        }
        Ok(Self {
            minute,
            minute_requests: this_minute + 1,
            day,
            day_requests: today + 1,
        })
    }
}
