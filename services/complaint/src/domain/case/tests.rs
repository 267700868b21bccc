use strum::VariantArray as _;

use super::*;
use crate::domain::appeal::Basis;
use crate::domain::machine::Action;
use crate::domain::review::ColourEffect;
use crate::domain::staff::{Role, Staff, actions_of_filer, roles_of};

fn calendar() -> Calendar {
    Calendar::of_province().unwrap()
}

fn handling() -> Handling {
    Handling::of_province().unwrap()
}

fn outcome(verdict: Verdict, at: Timestamp) -> Outcome {
    Outcome {
        verdict,
        basis: Basis::DataCorrection,
        decided_at: at,
        facts: Vec::new(),
        effect: ColourEffect::none(),
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn division(code: &str) -> DivisionCode {
    DivisionCode::parse(code).unwrap()
}

/// The RPCs of each action: those of staff, then those of the filer.
const RPCS: [(Action, &[&str]); 13] = [
    (Action::Assign, &["CaseService/AssignCase"]),
    (Action::TakeUp, &["CaseService/TakeUpCase"]),
    (Action::Ask, &["CaseService/AskCase"]),
    (Action::Reply, &["ComplaintService/ReplyComplaint"]),
    (Action::Answer, &["CaseService/AnswerCase"]),
    (Action::Return, &["CaseService/ReturnCase"]),
    (Action::Extend, &["CaseService/ExtendCase"]),
    (
        Action::Reopen,
        &["CaseService/ReopenCase", "ComplaintService/ReopenComplaint"],
    ),
    (Action::Merge, &["CaseService/MergeCase"]),
    (
        Action::Revisit,
        &["CaseService/RevisitCase", "ComplaintService/RateComplaint"],
    ),
    (Action::Close, &["CaseService/CloseCase"]),
    (Action::AskSource, &["AppealService/AskSource"]),
    (Action::Decide, &["AppealService/DecideAppeal"]),
];

fn word(state: State) -> &'static str {
    state.into_str()
}

#[test]
fn an_action_is_possible_where_the_contract_says_and_leaves_a_case_where_it_says() {
    let pool = lutong_proto::descriptor_pool();
    assert_eq!(RPCS.len(), Action::VARIANTS.len());
    for (action, rpcs) in RPCS {
        let possible: Vec<_> = State::VARIANTS
            .iter()
            .copied()
            .filter(|state| action.is_possible(*state))
            .collect();
        let mut left = left_in(action);
        left.sort_unstable();
        left.dedup();
        for rpc in rpcs {
            let stated =
                lutong_proto::transitions::of_rpc(pool, &format!("lutong.complaint.v1.{rpc}")).expect(rpc);
            let words: Vec<_> = possible.iter().copied().map(word).collect();
            assert_eq!(words, stated.from_states, "{rpc}");
            let mut to: Vec<&str> = stated.to_states.iter().map(String::as_str).collect();
            to.sort_unstable();
            assert_eq!(left, to, "{rpc}");
        }
    }
}

/// The states in which an action leaves cases that are where it is possible.
fn left_in(action: Action) -> Vec<&'static str> {
    let (now, calendar, handling) = (at("2022-11-28T09:00:00+08:00"), calendar(), handling());
    let revisits = [true, false].map(|solved| {
        Command::Revisit(Revisit {
            contacted: true,
            solved,
            satisfied: solved,
        })
    });
    let number = TrackingNumber::new(now.local_day(), &lutong_kernel::random::SeededRandom::new(1));
    let assign = Command::Assign {
        division: division("370202"),
        assignee: None,
    };
    let all = [
        assign,
        Command::TakeUp("officer-1".to_owned()),
        Command::Ask(WaitingFor::Authority),
        Command::Reply,
        Command::Answer,
        Command::Return,
        Command::Extend(1),
        Command::Reopen,
        Command::Merge(number),
        Command::Close,
        Command::AskSource,
        Command::Decide(outcome(Verdict::Upheld, now)),
    ];
    let commands = all
        .into_iter()
        .chain(revisits)
        .filter(|command| command.action() == action);
    let mut left = Vec::new();
    for command in commands {
        for state in action.from() {
            let kind = if action.is_of(Kind::Place) {
                Kind::Place
            } else {
                Kind::Appeal
            };
            let case = Case {
                state: *state,
                assigned_at: Some(now),
                waiting_for: Some(WaitingFor::Filer),
                ..Case::filed(kind, false, division("370202"), now, &calendar)
            };
            left.push(word(apply(&case, &command, now, &handling).unwrap().state));
        }
    }
    left
}

#[test]
fn a_role_may_do_what_the_policy_of_the_contract_says() {
    use lutong_proto::policy;
    let rpcs = policy::rpcs(lutong_proto::descriptor_pool()).unwrap();
    for (action, names) in RPCS {
        let staff = names.iter().find(|name| !name.starts_with("ComplaintService"));
        let Some(staff) = staff else {
            assert_eq!(roles_of(action), []);
            continue;
        };
        let rpc = rpcs.iter().find(|rpc| rpc.path.ends_with(staff)).expect(staff);
        let stated: Vec<Role> = rpc
            .access
            .roles()
            .map(|role| match role {
                policy::Role::HealthOfficer => Role::HealthOfficer,
                policy::Role::Supervisor => Role::Supervisor,
                policy::Role::HotlineAgent => Role::HotlineAgent,
                other => panic!("{staff}: {other:?}"),
            })
            .collect();
        assert_eq!(roles_of(action), stated, "{staff}");
    }
}

#[test]
fn a_division_is_below_its_city_and_a_city_below_the_province() {
    for (one, above) in [
        ("370202", Some("370200")),
        ("370202001", Some("370200")),
        ("370200", Some("370000")),
        ("370000", None),
    ] {
        assert_eq!(superior(division(one)), above.map(division), "{one}");
    }
}

#[test]
fn a_clock_over_the_national_holiday_is_due_after_it() {
    let calendar = calendar();
    // The Thursday before a holiday of a week whose weekends are made up.
    let filed = Case::filed(
        Kind::Place,
        false,
        division("370202"),
        at("2022-09-29T15:00:00+08:00"),
        &calendar,
    );
    // Friday 30, Saturday 8, Sunday 9, Monday 10 and Tuesday 11 October.
    let clock = filed.clock(ClockKind::Answer).unwrap();
    assert_eq!(clock.due_at, at("2022-10-12T00:00:00+08:00"));
    assert_eq!(clock.warn_at, Some(at("2022-10-11T00:00:00+08:00")));
    assert_eq!(clock.raise_again_at, at("2022-10-13T00:00:00+08:00"));
    assert!(!filed.is_beyond(&calendar));
    let later = Case::filed(
        Kind::Place,
        false,
        division("370202"),
        at("2026-01-05T15:00:00+08:00"),
        &calendar,
    );
    assert!(later.is_beyond(&calendar));
}

/// Both clocks of an appeal are overdue in one look: what was to happen first is first, and each raises the case once.
#[test]
fn what_is_overdue_is_raised_in_the_order_in_which_it_was_to_happen_and_never_above_the_province() {
    let calendar = calendar();
    let filed_at = at("2022-11-26T12:00:00+08:00");
    let mut case = Case::filed(Kind::Appeal, false, division("370202"), filed_at, &calendar);
    let fired = case.fire_due(filed_at.plus_seconds(30 * 3_600));
    let done: Vec<_> = fired
        .iter()
        .map(|one| {
            (
                one.planned_at.since(filed_at).as_secs() / 3_600,
                one.happening,
                one.raised_to,
            )
        })
        .collect();
    assert_eq!(
        done,
        [
            (2, Happening::Overdue, Some(division("370200"))),
            (4, Happening::Escalated, Some(division("370000"))),
            (8, Happening::Overdue, None),
        ]
    );
    assert_eq!(
        (case.fire_due(Timestamp::MAX), case.next_firing()),
        (Vec::new(), None)
    );
    assert_eq!(case.version, 4);
}

#[test]
fn staff_reach_by_division_only_as_officers() {
    use crate::domain::staff::Reach;
    use lutong_kernel::Jurisdiction;
    let staff = |role| Staff {
        account: "me".to_owned(),
        jurisdiction: Jurisdiction::of_division(division("370200")),
        roles: vec![role],
        desks: Vec::new(),
    };
    let reach = |code, assignee, entered_by| Reach {
        kind: Kind::Appeal,
        division: division(code),
        assignee,
        entered_by,
    };
    for role in Role::VARIANTS {
        let is_officer = matches!(role, Role::HealthOfficer | Role::Supervisor);
        let staff = staff(*role);
        assert_eq!(
            staff.reaches(&reach("370202", None, Some("other"))),
            is_officer,
            "{role:?}"
        );
        assert!(!staff.reaches(&reach("370102", Some("other"), None)));
        assert!(staff.reaches(&reach("370102", Some("me"), None)));
        assert!(staff.reaches(&reach("370102", None, Some("me"))));
        // A desk limits what the division gives, and nothing else.
        for (desks, has_desk) in [
            (vec![Kind::Appeal], true),
            (vec![Kind::Place, Kind::Appeal], true),
            (vec![Kind::Place], false),
        ] {
            let limited = Staff {
                desks,
                ..staff.clone()
            };
            let others = limited.reaches(&reach("370202", None, Some("other")));
            assert_eq!(others, is_officer && has_desk, "{limited:?}");
            assert!(limited.reaches(&reach("370202", Some("me"), None)));
            assert!(limited.reaches(&reach("370102", None, Some("me"))));
        }
    }
}

/// A case in a state, of a district.
fn case_in(kind: Kind, state: State) -> Case {
    Case {
        state,
        assigned_at: Some(at("2022-11-28T09:00:00+08:00")),
        ..Case::filed(
            kind,
            false,
            division("370202"),
            at("2022-11-28T09:00:00+08:00"),
            &calendar(),
        )
    }
}

#[test]
fn an_appeal_is_decided_and_anything_else_answered() {
    let (now, handling) = (at("2022-11-28T10:00:00+08:00"), handling());
    let decide = Command::Decide(outcome(Verdict::Refused, now));
    for (kind, command, expected) in [
        (Kind::Appeal, &Command::Answer, Some(Refusal::AppealToDecide)),
        (Kind::Appeal, &decide, None),
        (Kind::Place, &decide, Some(Refusal::NotAnAppeal)),
        (Kind::Feedback, &Command::AskSource, Some(Refusal::NotAnAppeal)),
        (Kind::Feedback, &Command::Answer, None),
    ] {
        let done = apply(&case_in(kind, State::TakenUp), command, now, &handling);
        assert_eq!(done.err(), expected, "{kind:?} {command:?}");
    }
}

#[test]
fn a_refused_appeal_goes_up_once_and_never_above_the_province() {
    let (now, handling) = (at("2022-11-28T10:00:00+08:00"), handling());
    let refuse = Command::Decide(outcome(Verdict::Refused, now));
    for (first, above) in [
        ("370202", Some("370200")),
        ("370200", Some("370000")),
        ("370000", None),
    ] {
        let case = Case {
            division: division(first),
            ..case_in(Kind::Appeal, State::TakenUp)
        };
        let refused = apply(&case, &refuse, now, &handling).unwrap();
        assert_eq!(refused.next_instance(), above.map(division), "{first}");
        let may_reopen = actions_of_filer(&refused).contains(&Action::Reopen);
        assert_eq!(may_reopen, above.is_some());
        let reopened = apply(&refused, &Command::Reopen, now, &handling);
        let Some(above) = above else {
            assert_eq!(reopened, Err(Refusal::NoNextInstance));
            continue;
        };
        let taken_up = apply(
            &reopened.unwrap(),
            &Command::TakeUp("x".to_owned()),
            now,
            &handling,
        )
        .unwrap();
        assert_eq!(taken_up.division, division(above));
        let again = apply(&taken_up, &refuse, now, &handling).unwrap();
        assert_eq!(again.next_instance(), None);
        assert_eq!(
            apply(&again, &Command::Reopen, now, &handling),
            Err(Refusal::NoNextInstance)
        );
    }
    let upheld = Command::Decide(outcome(Verdict::Upheld, now));
    let upheld = apply(&case_in(Kind::Appeal, State::TakenUp), &upheld, now, &handling).unwrap();
    let reopened = apply(&upheld, &Command::Reopen, now, &handling).unwrap();
    assert_eq!(reopened.division, division("370202"));
}

#[test]
fn a_case_is_reopened_at_most_as_often_as_the_rules_say_and_then_closed_as_not_solved() {
    let (now, handling) = (at("2022-11-28T10:00:00+08:00"), handling());
    let unsolved = Command::Revisit(Revisit {
        contacted: true,
        solved: false,
        satisfied: false,
    });
    for kind in [Kind::Feedback, Kind::Place] {
        let most = handling.reopenings(kind);
        let mut case = case_in(kind, State::Answered);
        for _ in 0..most {
            let reopened = apply(&case, &unsolved, now, &handling).unwrap();
            assert_eq!(reopened.state, State::Reopened);
            case = Case {
                state: State::Answered,
                ..reopened
            };
        }
        let refused = apply(&case, &Command::Reopen, now, &handling);
        assert_eq!(refused, Err(Refusal::ReopenedTooOften(most)), "{kind:?}");
        let closed = apply(&case, &unsolved, now, &handling).unwrap();
        assert_eq!(closed.state, State::Closed);
        assert!(closed.revisit.is_some_and(|revisit| !revisit.solved));
    }
}

#[test]
fn a_case_goes_on_when_the_last_source_was_heard_unless_it_waits_for_somebody_else() {
    for (state, waiting_for, is_last, after) in [
        (State::Waiting, Some(WaitingFor::Authority), true, State::TakenUp),
        (State::Waiting, Some(WaitingFor::Authority), false, State::Waiting),
        (State::Waiting, Some(WaitingFor::Filer), true, State::Waiting),
        (State::TakenUp, None, true, State::TakenUp),
        (State::Merged, None, true, State::Merged),
        (State::Closed, None, true, State::Closed),
    ] {
        let case = Case {
            waiting_for,
            ..case_in(Kind::Appeal, state)
        };
        let next = case.hear_source(is_last);
        assert_eq!((next.state, next.version), (after, case.version + 1));
        assert_eq!(next.waiting_for, waiting_for.filter(|_| after == State::Waiting));
    }
}
