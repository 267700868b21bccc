//! A head of the record: its number and entry at an instant, signed with the key of our messages. Heads that were given away earlier show that no
//! record before them was changed since.

use lutong_kernel::Timestamp;
use lutong_token::document::{self, Purpose};
use lutong_token::{DocumentError, TrustedKey, VerifyingKey, VerifyingKeys};

/// The first line of a head.
const FORMAT: &str = "lutong message records 1";
/// The greatest length of a signed head.
const MAX_HEAD: usize = 512;

/// The end of the record at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub sequence: i64,
    /// Lower-case hex.
    pub entry: String,
    /// Whole seconds.
    pub signed_at: Timestamp,
}

impl Head {
    /// What is signed: four lines.
    pub fn payload(&self) -> String {
        let at = self.signed_at.seconds();
        format!("{FORMAT}\n{}\n{}\n{at}\n", self.sequence, self.entry)
    }

    /// Reads a head that this key signed.
    pub fn open(bytes: &[u8], key: &VerifyingKey) -> Result<Self, DocumentError> {
        if bytes.len() > MAX_HEAD {
            return Err(DocumentError::Unreadable("it is too long"));
        }
        let keys = only(key).ok_or(DocumentError::WrongKey)?;
        // The key has no end of its own: what time it is makes no difference.
        let payload = document::open(bytes, Purpose::Records, &keys, Timestamp::from_seconds(0))?;
        Self::read(&payload).ok_or(DocumentError::Unreadable("it is no head"))
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(payload).ok()?;
        let mut lines = text.lines().skip(1);
        let read = Self {
            sequence: lines.next()?.parse().ok()?,
            entry: lines.next()?.to_owned(),
            signed_at: Timestamp::from_seconds(lines.next()?.parse().ok()?),
        };
        // One spelling each.
        (read.payload() == text).then_some(read)
    }
}

/// A key alone, good at any time.
pub fn only(key: &VerifyingKey) -> Option<VerifyingKeys> {
    let mut keys = VerifyingKeys::new();
    let trusted = TrustedKey {
        key: key.clone(),
        issuers: Vec::new(),
        not_before: Timestamp::MIN,
        not_after: None,
        revoked_at: None,
    };
    keys.insert(trusted).ok()?;
    Some(keys)
}
