//! Whether a code of another province is accepted. Pure.

use lutong_kernel::Timestamp;
use lutong_token::{Claims, Expectations, Kind, Outcome, UnverifiedToken, verify};

use crate::partners::domain::PartnerState;
use crate::trust_lists::domain::TrustList;

/// Why a code is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedCode {
    Token(Outcome),
    /// The code is genuine, and what its issuer says does not count here now.
    NotRecognised(PartnerState),
}

impl RefusedCode {
    /// The outcome in the contract.
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Token(outcome) => outcome.into_str(),
            Self::NotRecognised(_) => "NOT_RECOGNISED",
        }
    }
}

/// The claims of a code that was valid at `as_of` and whose key is not revoked by `now`: a key that was stolen can have signed with any
/// time.
pub fn judge(list: &TrustList, token: &str, as_of: Timestamp, now: Timestamp) -> Result<Claims, Outcome> {
    let expected = Expectations::kinds(&[Kind::Dynamic, Kind::Paper]).from_issuers(&list.issuers());
    let claims = verify(token, &list.code_keys, as_of, &expected)?;
    let kid = UnverifiedToken::parse(token)
        .map_err(|_| Outcome::Unreadable)?
        .kid();
    if list.code_keys.get(kid).is_some_and(|key| key.is_revoked(now)) {
        return Err(Outcome::Revoked);
    }
    Ok(claims)
}
