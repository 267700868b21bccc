//! Ids that cannot be mixed up: each a UUID version 7 with a type of its own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::random::Random;
use crate::time::Timestamp;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is a UUID in lower-case hyphenated form")]
pub struct IdError {
    pub what: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, ordered by time of making.
            pub fn new(now: Timestamp, random: &dyn Random) -> Self {
                let millis = u64::try_from(now.millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random.bytes::<10>()).into_uuid())
            }

            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let parsed = Uuid::try_parse(text).map_err(|_| IdError { what: $what })?;
                // One spelling only, so that an id is also a key.
                if parsed.to_string() != text {
                    return Err(IdError { what: $what });
                }
                Ok(Self(parsed))
            }
        }
    };
}

id!(
    /// A person as everyone but identity knows them: opaque, says nothing.
    SubjectId, "a subject id"
);
id!(
    /// One stored statement about a subject.
    FactId, "a fact id"
);
id!(
    /// One stored decision.
    DecisionId, "a decision id"
);
id!(
    /// An application or arrival declaration: the tracking id its maker polls with.
    ApplicationId, "a declaration id"
);
id!(
    /// What the caller gives every mutation, to be able to send it again.
    RequestId, "a request id"
);
