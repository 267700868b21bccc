//! On whose behalf a call is made.

use lutong_kernel::{Desk, DivisionCode, Fault, FaultCode, Jurisdiction, SubjectId};
use lutong_proto::policy::Role;

/// A set of roles.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles(u32);

impl Roles {
    pub fn of(roles: &[Role]) -> Self {
        roles.iter().fold(Self(0), |set, role| set.with(*role))
    }

    #[must_use]
    pub fn with(self, role: Role) -> Self {
        Self(self.0 | Self::bit(role))
    }

    pub fn has(self, role: Role) -> bool {
        self.0 & Self::bit(role) != 0
    }

    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Role> {
        (1..32_i32)
            .filter_map(|n| Role::try_from(n).ok())
            .filter(move |role| self.has(*role))
    }

    fn bit(role: Role) -> u32 {
        1_u32
            .checked_shl(u32::try_from(role as i32).unwrap_or(0))
            .unwrap_or(0)
    }
}

impl std::fmt::Debug for Roles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set()
            .entries(self.iter().map(|role| role.as_str_name()))
            .finish()
    }
}

/// What an authority's feed may report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedGrant {
    /// The feed's registered name.
    pub source: String,
    /// Fact kinds.
    pub kinds: Vec<String>,
    /// Divisions whose places it may name; empty: the whole province.
    pub divisions: Vec<DivisionCode>,
}

impl FeedGrant {
    /// Whether the feed may report about `place`.
    pub fn covers(&self, place: DivisionCode) -> bool {
        self.divisions.is_empty() || self.divisions.iter().any(|own| own.contains(place))
    }
}

/// A signed-in user, a feed, or a service acting in its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account, or `service:<name>`.
    pub account: String,
    pub roles: Roles,
    /// The person; `None` until their first declaration, and for everybody who is not a citizen.
    pub subject: Option<SubjectId>,
    /// The division within which staff act; the province's own code is the province-wide grant.
    pub division: Option<DivisionCode>,
    pub feed: Option<FeedGrant>,
    /// The kinds of complaints that staff work on; empty: all.
    pub desks: Vec<Desk>,
}

impl Principal {
    /// Where this account may act. An account without a division may act nowhere, so that a missing division never
    /// means the whole province.
    pub fn jurisdiction(&self) -> Result<Jurisdiction, Fault> {
        self.division.map(Jurisdiction::of_division).ok_or_else(|| {
            Fault::new(
                FaultCode::PermissionDenied,
                "DIVISION_MISSING",
                "该账号未登记辖区，请由系统管理员登记辖区或全省权限",
                "this account has no division: the operator grants it one, or the whole province",
            )
        })
    }

    /// Background work of a service: the role SERVICE, on behalf of nobody.
    pub fn service(name: &str) -> Self {
        Self {
            account: format!("service:{name}"),
            roles: Roles::of(&[Role::Service]),
            subject: None,
            division: None,
            feed: None,
            desks: Vec::new(),
        }
    }

    /// An anonymous caller.
    pub fn public() -> Self {
        Self {
            account: "public".to_owned(),
            roles: Roles::of(&[Role::Public]),
            subject: None,
            division: None,
            feed: None,
            desks: Vec::new(),
        }
    }
}
