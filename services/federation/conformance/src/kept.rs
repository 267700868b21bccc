//! Exchanges as the report keeps them: as they were sent and came back, with times and sizes. What is signed with is never among them.

use std::fmt::Write as _;

use bytes::Bytes;
use lutong_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::client::Reply;

/// Characters of a request or answer that are kept. Of a longer one the size and the digest of the whole are.
const KEPT: usize = 32 * 1024;

/// A request, or an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptText {
    pub bytes: usize,
    /// SHA-256 of the whole, hex.
    pub sha256: String,
    /// Its beginning; bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// An exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptExchange {
    /// `POST /v1/exchanges:verify`.
    pub call: String,
    /// RFC 3339.
    pub send_time: String,
    pub elapsed_ms: u64,
    pub request: KeptText,
    /// Of HTTP; absent where there was no answer.
    pub status: Option<u16>,
    pub content_type: String,
    pub answer: KeptText,
    /// Why the answer is not whole; empty for one that is.
    pub failure: String,
}

/// SHA-256, hex.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl KeptText {
    fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        Self {
            bytes: bytes.len(),
            sha256: digest(bytes),
            text: text.chars().take(KEPT).collect(),
        }
    }
}

impl KeptExchange {
    pub fn new(call: String, sent_at: Timestamp, request: &str, reply: &Reply) -> Self {
        let answer: &Bytes = &reply.body;
        Self {
            call,
            send_time: sent_at.to_string(),
            elapsed_ms: u64::try_from(reply.elapsed.as_millis()).unwrap_or(u64::MAX),
            request: KeptText::of(request.as_bytes()),
            status: reply.status,
            content_type: reply.content_type.clone(),
            answer: KeptText::of(answer),
            failure: reply
                .failure
                .as_ref()
                .map_or_else(String::new, |failure| failure.detail.clone()),
        }
    }
}
