//! Accounts: who signs in, with which roles, in which division.

use lutong_kernel::{
    Channel, Desk, DivisionCode, Jurisdiction, ServiceName, SubjectId, Timestamp, Violation,
};
use lutong_proto::policy::Role;
use lutong_storage::crypto::hex;
use lutong_transport::access::{FeedGrant, Roles};

use crate::fault;

/// An account id as the identity provider spells it: 1 to 100 letters, digits and `-_.:@`, and not a reserved name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountId(String);

impl AccountId {
    pub fn parse(text: &str) -> Result<Self, Violation> {
        if is_reserved(text) {
            return Err(fault::account_id_reserved());
        }
        Self::stored(text)
    }

    /// Parses an id that an operator chooses: none of a channel's.
    pub fn chosen(text: &str) -> Result<Self, Violation> {
        if Channel::of_account(text).is_some() {
            return Err(fault::account_id_reserved());
        }
        Self::parse(text)
    }

    /// The id of an account of a channel: the channel, and half of a keyed hash of its own id of the person.
    pub fn of_channel(channel: Channel, hash: &[u8; 32]) -> Self {
        Self(format!("{}{}", channel.account_prefix(), hex(&hash[..16])))
    }

    /// Parses an id read from the database, which may be a name that was reserved after the account was added.
    pub fn stored(text: &str) -> Result<Self, Violation> {
        let fits = (1..=100).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.:@".contains(&b));
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(fault::account_id_shape())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the name is one that records use for a call without an account: a caller of the mesh, `service:CALLER_…`, `public` or a
/// service. A record could not distinguish such an account from that caller.
fn is_reserved(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let is_service = |name: &str| {
        ServiceName::ALL
            .iter()
            .any(|one| [one.as_str(), one.as_snake()].contains(&name))
    };
    text.starts_with("service:")
        || text.starts_with("caller_")
        || ["public", "service", "operator"].contains(&text.as_str())
        || is_service(&text)
}

/// An account that can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub roles: Roles,
    pub subject: Option<SubjectId>,
    /// The jurisdiction of staff. The code of the province is the province-wide grant.
    pub division: Option<DivisionCode>,
    pub feed: Option<FeedGrant>,
    /// The kinds of complaints that staff work on, sorted; empty: all.
    pub desks: Vec<Desk>,
    /// Grows with every change by an operator. Sessions of earlier versions have ended.
    pub version: i64,
}

/// Roles that act on people or areas. An account with one of them must have a division.
pub const ACTING: [Role; 6] = [
    Role::CounterStaff,
    Role::HealthOfficer,
    Role::Supervisor,
    Role::Epidemiologist,
    Role::HotlineAgent,
    Role::Organisation,
];

impl Account {
    /// The account of a person who signs in for the first time.
    pub fn citizen(id: AccountId) -> Self {
        Self {
            id,
            roles: Roles::of(&[Role::Citizen]),
            subject: None,
            division: None,
            feed: None,
            desks: Vec::new(),
            version: 0,
        }
    }

    /// Refuses an account with an acting role and no division.
    pub fn check(&self) -> Result<(), Violation> {
        if self.division.is_some() || !self.roles.intersects(Roles::of(&ACTING)) {
            return Ok(());
        }
        Err(fault::division_missing())
    }

    /// The text of a change record: what the account may do.
    pub fn describe(&self) -> String {
        let roles: Vec<_> = self.roles.iter().map(|role| role.as_str_name()).collect();
        let jurisdiction = match self.division.map(Jurisdiction::of_division) {
            None => "no division".to_owned(),
            Some(Jurisdiction::Province) => "province-wide".to_owned(),
            Some(Jurisdiction::Division(division)) => format!("division {division}"),
        };
        let mut text = format!("roles {}; {jurisdiction}", roles.join(" "));
        if !self.desks.is_empty() {
            let desks: Vec<_> = self.desks.iter().map(Desk::into_str).collect();
            text.push_str(&format!("; desks {}", desks.join(" ")));
        }
        if let Some(feed) = &self.feed {
            let divisions: Vec<_> = feed.divisions.iter().map(ToString::to_string).collect();
            let reach = if divisions.is_empty() {
                "province-wide".to_owned()
            } else {
                format!("divisions {}", divisions.join(" "))
            };
            text.push_str(&format!(
                "; feed {}, {reach}, kinds {}",
                feed.source,
                feed.kinds.join(" ")
            ));
        }
        text
    }
}

/// Roles that work on the complaints of their division, which a desk limits.
pub const OF_DESKS: [Role; 2] = [Role::HealthOfficer, Role::Supervisor];

/// What an operator did to an account, as stored and shown: `added`, `changed`, `disabled`, `enabled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum AccountAction {
    Added,
    Changed,
    Disabled,
    Enabled,
}

/// A recorded change of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountChange {
    pub sequence: i64,
    pub account: String,
    pub version: i64,
    pub at: Timestamp,
    /// The operator, as far as the machine can identify them.
    pub by: String,
    pub action: AccountAction,
    /// What the account may do after the change.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_short_and_printable() {
        assert!(AccountId::parse("wx:o6_bmjrPTlm6_2sgVt7hMZOPfL2M").is_ok());
        for bad in ["", "a b", "名", "a\n", "a\u{0}", &"a".repeat(101)] {
            assert!(AccountId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_names_of_the_meshs_own_parts_are_nobodys_account() {
        for reserved in [
            "service:CALLER_GATEWAY",
            "Service:x",
            "service:",
            "CALLER_GATEWAY",
            "public",
            "identity",
            "risk-rules",
            "RISK_RULES",
            "gateway",
            "operator",
        ] {
            let refused = AccountId::parse(reserved).unwrap_err();
            assert_eq!(refused.reason, "ACCOUNT_ID_RESERVED", "{reserved}");
        }
        for good in ["operator-1", "services", "my-service:1", "publican"] {
            assert!(AccountId::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn whoever_acts_on_people_says_where_and_the_record_says_it() {
        let account = |role, division: Option<&str>| Account {
            roles: Roles::of(&[role]),
            division: division.map(|code| DivisionCode::parse(code).unwrap()),
            ..Account::citizen(AccountId::parse("a").unwrap())
        };
        for role in ACTING {
            assert_eq!(
                account(role, None).check().unwrap_err().reason,
                "DIVISION_MISSING"
            );
            assert!(account(role, Some("370202")).check().is_ok());
        }
        assert!(account(Role::Auditor, None).check().is_ok());
        let said = |division| account(Role::Supervisor, division).describe();
        assert_eq!(said(Some("370202")), "roles ROLE_SUPERVISOR; division 370202");
        assert_eq!(said(Some("370000")), "roles ROLE_SUPERVISOR; province-wide");
        let limited = Account {
            desks: vec![Desk::Appeal, Desk::Place],
            ..account(Role::Supervisor, Some("370202"))
        };
        assert_eq!(
            limited.describe(),
            "roles ROLE_SUPERVISOR; division 370202; desks appeal place"
        );
    }
}
