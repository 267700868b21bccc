//! The platform of electronic health cards, in both families of interfaces. A card's number is a digest of the document, so that asking
//! again answers the same. Signatures are checked with code of its own.

mod management;
mod open_platform;

use std::collections::HashMap;
use std::fmt::Write as _;

use axum::Router;
use lutong_kernel::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Shared;

/// Under which this system is known to the platform.
pub const CARD_APP_ID: &str = "lutong-card";
/// Its first 16 bytes encrypt in the family of card management.
pub const CARD_SECRET: &str = "stand-in-card-secret";
/// As which organisation.
pub const CARD_ORGANISATION: &str = "37000000";
/// The answer to data that are wrong for good.
pub const CARD_REFUSED: &str = "10012";
/// The answer to a question that may be asked again.
const BUSY: &str = "-1";
/// A question is taken when its time is so near, in seconds.
const CLOCK_TOLERANCE: i64 = 300;
/// A dynamic code lives so long, in seconds.
const DYNAMIC_LIFE: i64 = 60;

/// What the platform was told of the holder of a card.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardHolder {
    pub document: String,
    pub name: String,
    pub mobile: String,
    pub address: String,
}

/// What the platform knows.
#[derive(Default)]
pub(crate) struct CardBook {
    /// By number: what it was told last of the holder.
    cards: HashMap<String, CardHolder>,
    /// By text: until when.
    dynamic: HashMap<String, Timestamp>,
    /// By which an application asks: until when.
    tokens: HashMap<String, Timestamp>,
    /// What was reported.
    uses: Vec<Value>,
}

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .merge(open_platform::routes())
        .merge(management::routes())
}

/// The number of a document's card.
fn number_of(document: &str) -> String {
    hex(&Sha256::digest(document.as_bytes()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02X}");
    }
    text
}

/// The fields that are signed, as `name=value`, sorted and joined.
fn joined(parts: &[&Value]) -> String {
    let mut lines = Vec::new();
    for part in parts {
        for (name, value) in part.as_object().into_iter().flatten() {
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            if name != "sign" && !text.is_empty() {
                lines.push(format!("{name}={text}"));
            }
        }
    }
    lines.sort();
    lines.join("&")
}

impl CardBook {
    fn register(&mut self, holder: CardHolder) -> String {
        let number = number_of(&holder.document);
        self.cards.insert(number.clone(), holder);
        number
    }

    /// Whether there is such a card, of which it is told anew.
    fn modify(&mut self, number: &str, holder: &CardHolder) -> bool {
        let known = self.cards.get_mut(number);
        known.map(|known| known.clone_from(holder)).is_some()
    }

    /// The number of a code of the platform that it takes now.
    fn resolve(&mut self, text: &str, now: Timestamp) -> Option<String> {
        let (number, rest) = text.split_once(':')?;
        let is_good = match rest.split(':').next()? {
            "1" => true,
            _ => self.dynamic.remove(text).is_some_and(|until| now < until),
        };
        (is_good && self.cards.contains_key(number)).then(|| number.to_owned())
    }
}

impl crate::StandIns {
    /// A dynamic code of the platform for a card, valid for a minute and for one reading.
    pub fn dynamic_card_code(&self, number: &str) -> String {
        let now = self.shared.clock.now();
        let token = hex(&Sha256::digest(format!("{number}{}", now.micros())).as_slice()[..16]);
        let text = format!("{number}:0:{token}");
        let until = now.plus_seconds(DYNAMIC_LIFE);
        self.shared.card_book().dynamic.insert(text.clone(), until);
        text
    }

    /// What was told last of the holder of a card.
    pub fn card_holder(&self, number: &str) -> Option<CardHolder> {
        self.shared.card_book().cards.get(number).cloned()
    }

    /// What was reported of uses, in order.
    pub fn card_uses(&self) -> Vec<Value> {
        self.shared.card_book().uses.clone()
    }
}

/// Whether a question's time is near enough to that of the platform.
fn is_in_time(seconds: Option<i64>, now: Timestamp) -> bool {
    seconds.is_some_and(|seconds| (seconds - now.seconds()).abs() <= CLOCK_TOLERANCE)
}
