#![doc = include_str!("../README.md")]

mod algorithm;
mod batch;
mod cbor;
mod claims;
pub mod document;
mod dynamic_id;
mod envelope;
mod issuer;
mod key;
mod key_list;
mod kid;
mod mask;
mod message;
mod presentation;
mod revocation;
mod sm2_key;
mod trust;
mod verify;
mod verifying_key;

pub use algorithm::Algorithm;
pub use batch::{BatchError, BatchHeader, BatchTag, OpenedBatch, TagError};
pub use cbor::UnreadableToken;
pub use claims::{Claims, ClaimsError, DYNAMIC_LIFE_SECONDS, Kind, MAX_DEVICE_LIFE_SECONDS, TokenId};
pub use document::DocumentError;
pub use dynamic_id::DynamicIdKey;
pub use envelope::{PREFIX, UnverifiedToken};
pub use issuer::{Issuer, IssuerError};
pub use key::{SignError, SigningKey};
pub use key_list::{KeyList, KeyListError, KeyUse, ListedKey, TrustedLists};
pub use kid::Kid;
pub use mask::{Mask, MaskError};
pub use message::{
    MESSAGE_LIFE_SECONDS, MessageError, MessageExpectations, MessageHeader, Nonce, body_digest,
};
pub use revocation::part::{PartSource, RevocationPart};
pub use revocation::{Progress, Revocations, TakeInError};
pub use trust::{CLOCK_TOLERANCE_SECONDS, TrustError, TrustedKey, VerifyingKeys};
pub use verify::{Expectations, OfflineOutcome, Outcome, verify, verify_offline, verify_own};
pub use verifying_key::{KeyError, VerifyingKey};
