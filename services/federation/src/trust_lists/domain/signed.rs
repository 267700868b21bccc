//! A list that the root key signed: a COSE_Sign1 (RFC 9052) over the list's own text, so that what people read and what is signed are the
//! same bytes.

use lutong_kernel::Timestamp;
use lutong_token::document::{self, Purpose};
use lutong_token::{
    CLOCK_TOLERANCE_SECONDS, DocumentError, Kid, SignError, SigningKey, TrustedKey, VerifyingKey,
    VerifyingKeys,
};

use super::TrustList;
use super::reading::TrustListError;

/// The greatest length of a signed list.
pub const MAX_DOCUMENT: usize = 64 * 1024;
/// The longest that a list may say it is relied on: a list that is forgotten stops being trusted.
const MAX_LIFE_SECONDS: i64 = 400 * 86_400;

const END: &str = "-----END PUBLIC KEY-----";

/// The root keys: whoever holds one says who is a partner.
#[derive(Debug, Clone, Default)]
pub struct Roots(VerifyingKeys);

impl Roots {
    /// Reads one or more `-----BEGIN PUBLIC KEY-----`; two while one replaces the other.
    pub fn parse(pem: &str) -> Result<Self, String> {
        let mut keys = VerifyingKeys::new();
        for block in pem
            .split_inclusive(END)
            .map(str::trim)
            .filter(|block| !block.is_empty())
        {
            let key = VerifyingKey::from_pem(block).map_err(|error| error.to_string())?;
            let trusted = TrustedKey {
                key,
                issuers: Vec::new(),
                not_before: Timestamp::MIN,
                not_after: None,
                revoked_at: None,
            };
            keys.insert(trusted).map_err(|error| error.to_string())?;
        }
        if keys.is_empty() {
            return Err("it has no public key".to_owned());
        }
        Ok(Self(keys))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A list whose signature was verified.
#[derive(Debug, Clone)]
pub struct SignedList {
    pub list: TrustList,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    pub root: Kid,
}

/// Why a list is not relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedList {
    #[error("it cannot be read: {0}")]
    Unreadable(&'static str),
    #[error("it is signed with a key that is no root key here")]
    WrongRoot,
    #[error("its signature does not match: damaged, forged, or a document of another purpose")]
    BadSignature,
    #[error("it was signed in the future: check the clocks")]
    NotYetValid,
    #[error("it has expired")]
    Expired,
    #[error("it is a list of another province's partners")]
    WrongAudience,
    #[error("its sequence number is not above {0}")]
    Older(i64),
    #[error(transparent)]
    WrongEntry(#[from] TrustListError),
}

impl RefusedList {
    /// The outcome in the contract.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "UNREADABLE",
            Self::WrongRoot => "WRONG_ROOT",
            Self::BadSignature => "BAD_SIGNATURE",
            Self::NotYetValid => "NOT_YET_VALID",
            Self::Expired => "EXPIRED",
            Self::WrongAudience => "WRONG_AUDIENCE",
            Self::Older(_) => "OLDER",
            Self::WrongEntry(_) => "WRONG_ENTRY",
        }
    }
}

impl SignedList {
    /// Reads a list that a root key signed. Whether it is relied on at an instant, says [`Self::check_time`].
    pub fn open(bytes: &[u8], roots: &Roots, now: Timestamp) -> Result<Self, RefusedList> {
        if bytes.len() > MAX_DOCUMENT {
            return Err(RefusedList::Unreadable("it is too long"));
        }
        let (payload, root) =
            document::open_signed(bytes, Purpose::Trust, &roots.0, now).map_err(|error| match error {
                DocumentError::Unreadable(reason) => RefusedList::Unreadable(reason),
                DocumentError::WrongKey | DocumentError::KeyRevoked => RefusedList::WrongRoot,
                DocumentError::BadSignature => RefusedList::BadSignature,
            })?;
        let text = String::from_utf8(payload).map_err(|_| RefusedList::Unreadable("it is no text"))?;
        let list = TrustList::parse(&text)?;
        let missing = |entry: &str| TrustListError::new(entry, "a signed list has it");
        if list.sequence < 1 {
            return Err(missing("sequence").into());
        }
        let issued_at = list.issued_at.ok_or_else(|| missing("issued_at"))?;
        let expires_at = list.expires_at.ok_or_else(|| missing("expires_at"))?;
        if expires_at <= issued_at || issued_at.plus_seconds(MAX_LIFE_SECONDS) < expires_at {
            let reason = "lies after issued_at, and not more than 400 days";
            return Err(TrustListError::new("expires_at", reason).into());
        }
        Ok(Self {
            list,
            issued_at,
            expires_at,
            root,
        })
    }

    /// Whether it may be relied on at an instant.
    pub fn check_time(&self, now: Timestamp) -> Result<(), RefusedList> {
        if now.plus_seconds(CLOCK_TOLERANCE_SECONDS) < self.issued_at {
            Err(RefusedList::NotYetValid)
        } else if self.expires_at <= now {
            Err(RefusedList::Expired)
        } else {
            Ok(())
        }
    }
}

/// Signs the text of a list. What [`SignedList::open`] would refuse is not signed.
pub fn sign(key: &SigningKey, text: &str, now: Timestamp) -> Result<Vec<u8>, String> {
    let signed =
        document::sign(key, Purpose::Trust, text.as_bytes()).map_err(|error: SignError| error.to_string())?;
    let pem = key.verifying_key().to_pem().map_err(|error| error.to_string())?;
    let list = SignedList::open(&signed, &Roots::parse(&pem)?, now).map_err(|error| error.to_string())?;
    list.check_time(now).map_err(|error| error.to_string())?;
    Ok(signed)
}
