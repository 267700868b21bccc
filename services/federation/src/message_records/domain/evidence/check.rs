//! The checks of a file of evidence, each with its name.

use std::fmt;

/// Which check a file fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum Check {
    /// It is no file of evidence, or of another version.
    Unreadable,
    /// It says the same in another spelling than such a file is written in.
    Respelled,
    /// It names another key of our messages than the verifier holds.
    WrongKey,
    /// Its trust list is missing, superfluous, not signed by a root key, or says something else than a list does.
    TrustList,
    /// Its trust list was not in force when the message was recorded.
    TrustListTime,
    /// A record, or the end of the chain up to the head, is missing.
    Truncated,
    /// The records are not in the order of their numbers.
    Reordered,
    /// A record is not the one that was chained.
    Modified,
    /// The head is not signed with the key of our messages.
    Head,
    /// A message is not signed by the one who is said to have sent it, or with a key that was not admitted then.
    Signature,
    /// A message is from somebody else, or for somebody else.
    Parties,
    /// A message was too old, or not yet sent, when it was recorded.
    Time,
    /// The answer is not the answer to the request.
    Reply,
    /// The exchange is another one than the file says.
    Clause,
}

/// Where in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    File,
    /// A record of the request's part, by its number.
    Request(i64),
    /// A record of the answer's part, by its number.
    Answer(i64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("the file"),
            Self::Request(sequence) => write!(f, "request, record {sequence}"),
            Self::Answer(sequence) => write!(f, "answer, record {sequence}"),
        }
    }
}

/// Why a file proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {place}: {reason}", check.into_str())]
pub struct BrokenEvidence {
    pub check: Check,
    pub place: Place,
    pub reason: String,
}

impl BrokenEvidence {
    pub fn new(check: Check, place: Place, reason: impl Into<String>) -> Self {
        Self {
            check,
            place,
            reason: reason.into(),
        }
    }
}
