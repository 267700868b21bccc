//! The file: JSON in one spelling, so that every byte of it is checked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lutong_storage::crypto::hex;
use serde::{Deserialize, Serialize};

use super::check::{BrokenEvidence, Check, Place};
use crate::message_records::domain::Record;

/// The version of the format.
const VERSION: u32 = 1;
/// The greatest length of a file.
const MAX_BYTES: usize = 512 * 1024;

/// A record of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub sequence: i64,
    /// Microseconds since 1970, UTC.
    pub recorded_at: i64,
    pub partner: String,
    pub is_answer: bool,
    /// Base64.
    pub header: String,
    pub outcome: String,
    /// Lower-case hex.
    pub entry: String,
}

/// A message and its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The entry before the first record, lower-case hex; empty at the beginning of the chain.
    pub previous_entry: String,
    /// The message, and the records that follow it up to the head.
    pub records: Vec<Row>,
    /// The signed head of the last record, Base64.
    pub head: String,
}

/// Evidence of one exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    pub version: u32,
    /// What the standard calls the exchange.
    pub clause: String,
    /// The key of our messages, PEM.
    pub own_key: String,
    /// The signed trust list that admitted the partner's key, Base64; absent where the partner has signed nothing.
    pub trust_list: Option<String>,
    pub request: Part,
    /// Absent where no answer was recorded.
    pub answer: Option<Part>,
}

impl From<&Record> for Row {
    fn from(record: &Record) -> Self {
        Self {
            sequence: record.sequence,
            recorded_at: record.recorded_at.micros(),
            partner: record.partner.clone(),
            is_answer: record.is_answer,
            header: STANDARD.encode(&record.header),
            outcome: record.outcome.clone(),
            entry: hex(&record.entry),
        }
    }
}

impl Part {
    pub fn new(previous_entry: &[u8], records: &[Record], head: &[u8]) -> Self {
        Self {
            previous_entry: hex(previous_entry),
            records: records.iter().map(Row::from).collect(),
            head: STANDARD.encode(head),
        }
    }
}

impl Bundle {
    pub fn new(
        clause: &str,
        own_key: &str,
        trust_list: Option<&[u8]>,
        request: Part,
        answer: Option<Part>,
    ) -> Self {
        Self {
            version: VERSION,
            clause: clause.to_owned(),
            own_key: own_key.to_owned(),
            trust_list: trust_list.map(|document| STANDARD.encode(document)),
            request,
            answer,
        }
    }

    /// The bytes of the file: its one spelling.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings, numbers and lists always have a JSON form.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Reads a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, BrokenEvidence> {
        let unreadable = |reason: &str| BrokenEvidence::new(Check::Unreadable, Place::File, reason);
        if bytes.len() > MAX_BYTES {
            return Err(unreadable("it is too long"));
        }
        let bundle: Self = serde_json::from_slice(bytes).map_err(|error| unreadable(&error.to_string()))?;
        if bundle.version != VERSION {
            return Err(unreadable("another version of the format"));
        }
        if bundle.to_bytes() != bytes {
            let reason = "it is not spelled as such a file is written";
            return Err(BrokenEvidence::new(Check::Respelled, Place::File, reason));
        }
        Ok(bundle)
    }
}
