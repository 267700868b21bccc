//! The access matrix of the contract: every RPC × every role that it admits × own, ward, own division, other division,
//! nobody. The expected result is written here once per scope; the contract says which scope an RPC has.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_kernel::{DivisionCode, SubjectId};
use lutong_proto::policy::{self, Caller, Role, Scope};
use lutong_proto::requests::Target;

use super::*;
use crate::access::Origin;
use crate::access::principal::{FeedGrant, Principal, Roles};
use crate::access::table::AccessTable;
use crate::deadline::Deadline;

const OWN: &str = "00000000-0000-7000-8000-000000000001";
const WARD: &str = "00000000-0000-7000-8000-000000000002";
const STRANGER: &str = "00000000-0000-7000-8000-000000000003";

/// Whom a call concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TargetKind {
    Nobody,
    Own,
    /// The service knows an active binding of the caller.
    Ward,
    Stranger,
    OwnDivision,
    StreetOfOwnDivision,
    OtherDivision,
}

const ALL: [TargetKind; 7] = [
    TargetKind::Nobody,
    TargetKind::Own,
    TargetKind::Ward,
    TargetKind::Stranger,
    TargetKind::OwnDivision,
    TargetKind::StreetOfOwnDivision,
    TargetKind::OtherDivision,
];

impl TargetKind {
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
        Target {
            subject,
            division,
            purpose: None,
        }
    }
}

fn principal(role: Role, parts: AccountParts) -> Principal {
    Principal {
        account: "somebody".to_owned(),
        roles: Roles::of(&[role]),
        subject: parts.subject.then(|| OWN.parse().unwrap()),
        division: parts.division.then(|| DivisionCode::parse("370202").unwrap()),
        feed: parts.feed.then(|| FeedGrant {
            source: "cdc-370200".to_owned(),
            kinds: vec!["case".to_owned()],
            divisions: Vec::new(),
        }),
        desks: Vec::new(),
    }
}

/// What an account has besides its role.
#[derive(Debug, Clone, Copy)]
struct AccountParts {
    subject: bool,
    division: bool,
    feed: bool,
}

fn accounts() -> Vec<AccountParts> {
    let yes_and_no = [true, false];
    let mut all = Vec::new();
    for subject in yes_and_no {
        for division in yes_and_no {
            all.extend(yes_and_no.map(|feed| AccountParts {
                subject,
                division,
                feed,
            }));
        }
    }
    all
}

/// Whom a ward's permit reaches where the service knows one binding: the caller and the ward.
fn reached(permit: &WardPermit) -> Result<SubjectId, Fault> {
    let is_bound = async |binder: SubjectId, ward: SubjectId| {
        assert_eq!(binder.to_string(), OWN);
        Ok(ward.to_string() == WARD)
    };
    let reached = permit.reach(is_bound).now_or_never().unwrap();
    reached.map(PermittedSubject::id)
}

/// The reason of the refusal; empty if the permit is granted.
fn refusal_of(grant: &Grant, scope: Scope, target: &Target<'_>) -> String {
    fn admitted<P: Permit>(grant: &Grant, target: &Target<'_>) -> Result<(), Fault> {
        P::admit(grant, target).map(drop)
    }
    let given = match scope {
        Scope::Unspecified => panic!("an RPC has a scope"),
        Scope::None => admitted::<NoPermit>(grant, target),
        Scope::Self_ => SelfPermit::admit(grant, target).and_then(|permit| permit.subject().map(drop)),
        Scope::Ward => WardPermit::admit(grant, target).and_then(|permit| reached(&permit).map(drop)),
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

fn expected(scope: Scope, parts: AccountParts, target: TargetKind) -> &'static str {
    match (scope, target) {
        // An account without a person has no data of its own; another subject is answered as not found.
        (Scope::Self_, TargetKind::Ward) | (Scope::Self_ | Scope::Ward, TargetKind::Stranger) => {
            "CODE_NOT_FOUND"
        }
        (Scope::Self_ | Scope::Ward, _) if !parts.subject => "CODE_NOT_FOUND",
        (Scope::Division, _) if !parts.division => "DIVISION_MISSING",
        (Scope::Division, TargetKind::OtherDivision) => "OUTSIDE_DIVISION",
        (Scope::Feed, _) if !parts.feed => "FEED_NOT_REGISTERED",
        (Scope::Declarant, TargetKind::Own | TargetKind::Ward | TargetKind::Stranger) => "",
        // Declaration must name the subject.
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
            for parts in accounts() {
                let grant = Grant::new(
                    Arc::clone(entry),
                    Caller::Gateway,
                    principal(role, parts),
                    None,
                    Deadline::after(std::time::Duration::from_secs(1)),
                    Origin::default(),
                );
                for target in ALL {
                    let given = refusal_of(&grant, rpc.access.scope(), &target.target());
                    let wanted = expected(rpc.access.scope(), parts, target);
                    assert_eq!(given, wanted, "{} {role:?} {parts:?} {target:?}", rpc.path);
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
    let parts = AccountParts {
        subject: false,
        division: false,
        feed: false,
    };
    let deadline = Deadline::after(std::time::Duration::from_secs(1));
    let citizen = principal(Role::Citizen, parts);
    let grant = Grant::new(
        Arc::clone(entry),
        Caller::Declaration,
        citizen,
        None,
        deadline,
        Origin::default(),
    );
    let permit = DeclarantPermit::admit(&grant, &TargetKind::Stranger.target()).unwrap();
    assert_eq!(permit.subject(), STRANGER.parse::<SubjectId>().unwrap());
}

#[test]
fn a_wards_permit_reaches_the_named_subject_and_never_without_a_binding() {
    let table = AccessTable::from_contract().unwrap();
    let entry = table
        .get("/lutong.code_rendering.v1.CodeService/ShowCode")
        .unwrap();
    let parts = AccountParts {
        subject: true,
        division: false,
        feed: false,
    };
    let deadline = Deadline::after(std::time::Duration::from_secs(1));
    let citizen = principal(Role::Citizen, parts);
    let grant = Grant::new(
        Arc::clone(entry),
        Caller::Gateway,
        citizen,
        None,
        deadline,
        Origin::default(),
    );
    let reached = |kind: TargetKind| {
        let permit = WardPermit::admit(&grant, &kind.target()).unwrap();
        reached(&permit).map_or_else(|fault| fault.reason.into_owned(), |subject| subject.to_string())
    };
    assert_eq!(reached(TargetKind::Nobody), OWN);
    assert_eq!(reached(TargetKind::Own), OWN);
    assert_eq!(reached(TargetKind::Ward), WARD);
    assert_eq!(reached(TargetKind::Stranger), "CODE_NOT_FOUND");
}

/// Citizens reach only themselves, those they declare for and what they filed: none of their RPCs has the scope ANY.
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
