//! Accounts: who signs in, and as what.

use lutong_chassis::access::{FeedGrant, Roles};
use lutong_kernel::{DivisionCode, SubjectId, Violation};
use lutong_proto::policy::Role;

/// An account id as the identity provider knows it: 1 to 100 of letters, digits and `-_.:@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountId(String);

impl AccountId {
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let fits = (1..=100).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.:@".contains(&b));
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(Violation::new(
            "account_id",
            "ACCOUNT_ID_SHAPE",
            "账号应为1至100位字母、数字或-_.:@",
            "an account id has 1 to 100 of letters, digits and -_.:@",
        ))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Somebody who can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub roles: Roles,
    pub subject: Option<SubjectId>,
    pub division: Option<DivisionCode>,
    pub feed: Option<FeedGrant>,
}

impl Account {
    /// Whoever signs in and was never seen before is a citizen.
    pub fn citizen(id: AccountId) -> Self {
        Self {
            id,
            roles: Roles::of(&[Role::Citizen]),
            subject: None,
            division: None,
            feed: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_short_and_printable() {
        assert!(AccountId::parse("wx:o6_bmjrPTlm6_2sgVt7hMZOPfL2M").is_ok());
        for bad in ["", "a b", "名", "a\n", &"a".repeat(101)] {
            assert!(AccountId::parse(bad).is_err(), "{bad}");
        }
    }
}
