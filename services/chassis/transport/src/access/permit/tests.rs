//! The matrix of the contract: every RPC × every role that it lets in × own, ward, own division, other division, nobody. What
//! comes out is said here once a scope; which scope an RPC has, the contract says.

use std::sync::Arc;

use lutong_kernel::{DivisionCode, SubjectId};
use lutong_proto::policy::{self, Caller, Role, Scope};
use lutong_proto::requests::Target;

use super::*;
use crate::access::principal::{FeedGrant, Principal, Roles};
use crate::access::table::AccessTable;
use crate::deadline::Deadline;

const OWN: &str = "00000000-0000-7000-8000-000000000001";
const WARD: &str = "00000000-0000-7000-8000-000000000002";
const STRANGER: &str = "00000000-0000-7000-8000-000000000003";

/// Whom a call concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    Nobody,
    Own,
    /// Nobody is bound to anybody yet: a ward is a stranger.
    Ward,
    Stranger,
    OwnDivision,
    StreetOfOwnDivision,
    OtherDivision,
}

const ALL: [Whom; 7] = [
    Whom::Nobody,
    Whom::Own,
    Whom::Ward,
    Whom::Stranger,
    Whom::OwnDivision,
    Whom::StreetOfOwnDivision,
    Whom::OtherDivision,
];

impl Whom {
    fn target(self) -> Target<'static> {
        let (subject, division) = match self {
            Self::Nobody => (None, None),
            Self::Own => (Some(OWN), None),
            Self::Ward => (Some(WARD), None),
            Self::Stranger => (Some(STRANGER), None),
            Self::OwnDivision => (None, Some("370202")),
            Self::StreetOfOwnDivision => (None, Some("370202001")),
            Self::OtherDivision => (None, Some("370100")),
        };
        Target { subject, division }
    }
}

fn principal(role: Role, with: With) -> Principal {
    Principal {
        account: "somebody".to_owned(),
        roles: Roles::of(&[role]),
        subject: with.subject.then(|| OWN.parse().unwrap()),
        division: with.division.then(|| DivisionCode::parse("370202").unwrap()),
        feed: with.feed.then(|| FeedGrant {
            source: "cdc-370200".to_owned(),
            kinds: vec!["case".to_owned()],
            divisions: Vec::new(),
        }),
    }
}

/// What an account has beside its role.
#[derive(Debug, Clone, Copy)]
struct With {
    subject: bool,
    division: bool,
    feed: bool,
}

fn accounts() -> Vec<With> {
    let yes_and_no = [true, false];
    let mut all = Vec::new();
    for subject in yes_and_no {
        for division in yes_and_no {
            all.extend(yes_and_no.map(|feed| With {
                subject,
                division,
                feed,
            }));
        }
    }
    all
}

/// The reason of the refusal; empty where the permit is given.
fn asked(grant: &Grant, scope: Scope, target: &Target<'_>) -> String {
    fn admitted<P: Permit>(grant: &Grant, target: &Target<'_>) -> Result<(), Fault> {
        P::admit(grant, target).map(drop)
    }
    let given = match scope {
        Scope::Unspecified => panic!("an RPC has a scope"),
        Scope::None => admitted::<NoPermit>(grant, target),
        Scope::Self_ => SelfPermit::admit(grant, target).and_then(|permit| permit.subject().map(drop)),
        Scope::Ward => WardPermit::admit(grant, target).and_then(|permit| permit.subject().map(drop)),
        Scope::Division => admitted::<DivisionPermit>(grant, target),
        Scope::Case => admitted::<CasePermit>(grant, target),
        Scope::Any => admitted::<AnyPermit>(grant, target),
        Scope::Feed => admitted::<FeedPermit>(grant, target),
        Scope::Declarant => admitted::<DeclarantPermit>(grant, target),
        Scope::Bearer => admitted::<BearerPermit>(grant, target),
    };
    given
        .err()
        .map_or_else(String::new, |fault| fault.reason.into_owned())
}

fn expected(scope: Scope, with: With, whom: Whom) -> &'static str {
    match (scope, whom) {
        // Whoever has no person has nothing of their own; somebody else is not there.
        (Scope::Self_ | Scope::Ward, Whom::Ward | Whom::Stranger) => "CODE_NOT_FOUND",
        (Scope::Self_ | Scope::Ward, _) if !with.subject => "CODE_NOT_FOUND",
        (Scope::Division, _) if !with.division => "DIVISION_MISSING",
        (Scope::Division, Whom::OtherDivision) => "OUTSIDE_DIVISION",
        (Scope::Feed, _) if !with.feed => "FEED_NOT_REGISTERED",
        (Scope::Declarant, Whom::Own | Whom::Ward | Whom::Stranger) => "",
        // Declaration says whom.
        (Scope::Declarant, _) => "INVALID_FIELDS",
        _ => "",
    }
}

#[test]
fn each_rpc_reaches_for_each_role_exactly_whom_its_scope_says() {
    let table = AccessTable::from_contract().unwrap();
    let mut checked = 0;
    for rpc in policy::rpcs(lutong_proto::descriptor_pool()).unwrap() {
        let entry = table.get(&rpc.path).unwrap();
        for role in rpc.access.roles() {
            for with in accounts() {
                let grant = Grant::new(
                    Arc::clone(entry),
                    Caller::Gateway,
                    principal(role, with),
                    None,
                    Deadline::after(std::time::Duration::from_secs(1)),
                );
                for whom in ALL {
                    let given = asked(&grant, rpc.access.scope(), &whom.target());
                    let wanted = expected(rpc.access.scope(), with, whom);
                    assert_eq!(given, wanted, "{} {role:?} {with:?} {whom:?}", rpc.path);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 5_000, "{checked}");
}

#[test]
fn a_declarants_permit_is_for_whom_declaration_named_and_for_nobody_else() {
    let table = AccessTable::from_contract().unwrap();
    let entry = table
        .get("/lutong.risk_rules.v1.DecisionService/EnrolSubject")
        .unwrap();
    let with = With {
        subject: false,
        division: false,
        feed: false,
    };
    let deadline = Deadline::after(std::time::Duration::from_secs(1));
    let citizen = principal(Role::Citizen, with);
    let grant = Grant::new(Arc::clone(entry), Caller::Declaration, citizen, None, deadline);
    let permit = DeclarantPermit::admit(&grant, &Whom::Stranger.target()).unwrap();
    assert_eq!(permit.subject(), STRANGER.parse::<SubjectId>().unwrap());
}

/// Citizens reach nobody but themselves, whom they declare for, and what they filed: no RPC of theirs has the scope ANY.
#[test]
fn no_rpc_of_a_citizen_reaches_just_anybody() {
    for rpc in policy::rpcs(lutong_proto::descriptor_pool()).unwrap() {
        let of_citizens = rpc
            .access
            .roles()
            .any(|role| matches!(role, Role::Citizen | Role::Guardian));
        assert!(!of_citizens || rpc.access.scope() != Scope::Any, "{}", rpc.path);
    }
}
