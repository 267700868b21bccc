//! What is filed: appeals, places, without a name, by the hotline and at a counter.

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::policy::Role;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::Principal;
use wire::create_case_request::Kind as EnteredKind;
use wire::create_complaint_request::Kind as FiledKind;

use crate::{
    Complaint, TEXT, agent, all_roles, case_name, fault, next_request_id, officer, place, purpose,
    request_id, staff, start,
};

on_both_engines!(
    an_appeal_is_bound_to_its_decision_and_due_in_eight_hours_or_a_day,
    a_place_is_reported_without_a_name_and_followed_by_nobody,
    an_order_of_the_hotline_is_entered_once,
    an_order_that_two_agents_enter_at_once_is_one,
    a_secret_caller_leaves_the_encrypted_column_nowhere,
    a_caller_is_found_by_name_and_number_among_what_is_reached,
    a_counter_enters_cases_without_a_hotline_number,
    what_is_wrong_with_a_complaint_is_named_and_nothing_is_stored,
    what_is_wrong_with_an_entered_case_is_named_and_nothing_is_stored,
    markup_is_text,
    a_hundred_thousand_characters_are_refused_in_whatever_is_said,
);

const NAME: &str = "王小明";
const MOBILE: &str = "13800138000";

fn appeal(decision: &str, colour: Colour, concerns_other_province: bool) -> wire::Appeal {
    wire::Appeal {
        decision: decision.to_owned(),
        colour: colour.into(),
        concerns_other_province,
        text: TEXT.to_owned(),
    }
}

fn order(number: &str, division: &str, secret_caller: bool) -> wire::CreateCaseRequest {
    wire::CreateCaseRequest {
        request_id: next_request_id(),
        kind: Some(EnteredKind::Place(place(TEXT))),
        division: division.to_owned(),
        hotline_number: number.to_owned(),
        caller: Some(wire::CaseCaller {
            name: NAME.to_owned(),
            mobile: MOBILE.to_owned(),
        }),
        secret_caller,
        purpose: purpose(),
        city_number: String::new(),
        repeat_caller: false,
    }
}

impl Complaint {
    /// Files an appeal in district 370202.
    pub async fn appeal(&self, account: &str, concerns_other_province: bool) -> wire::Complaint {
        let request = wire::CreateComplaintRequest {
            request_id: next_request_id(),
            kind: Some(FiledKind::Appeal(appeal(
                "decisions/7",
                Colour::Yellow,
                concerns_other_province,
            ))),
            division: "370202".to_owned(),
        };
        self.send(account, request).await.unwrap()
    }

    async fn enter_with(
        &self,
        who: &Principal,
        request: wire::CreateCaseRequest,
    ) -> Result<wire::Case, Fault> {
        let answer = self
            .cases()
            .create_case(self.0.call_as(who).request(request))
            .await;
        answer
            .map(|answer| answer.into_inner().case.unwrap())
            .map_err(|status| fault(&status))
    }

    /// Enters an order of the hotline.
    pub async fn enter(
        &self,
        who: &Principal,
        number: &str,
        division: &str,
        is_secret: bool,
    ) -> Result<wire::Case, Fault> {
        self.enter_with(who, order(number, division, is_secret)).await
    }

    async fn anonymous(
        &self,
        request: wire::CreateAnonymousComplaintRequest,
    ) -> Result<wire::Complaint, Fault> {
        let call = self.0.call_as(&Principal::public());
        let answer = self
            .client()
            .create_anonymous_complaint(call.request(request))
            .await;
        answer
            .map(|answer| answer.into_inner().complaint.unwrap())
            .map_err(|status| fault(&status))
    }
}

async fn an_appeal_is_bound_to_its_decision_and_due_in_eight_hours_or_a_day(bed: Bed) {
    let complaint = start(bed).await;
    let now = complaint.0.foundation.now().seconds();
    for (in_two_provinces, hours) in [(false, 8), (true, 24)] {
        let filed = complaint.appeal("wx-1", in_two_provinces).await;
        assert_eq!(filed.due_time.unwrap().seconds, now + hours * 3_600);
        let about = appeal("decisions/7", Colour::Yellow, in_two_provinces);
        assert_eq!(filed.kind, Some(wire::complaint::Kind::Appeal(about.clone())));
        let seen = complaint
            .case(&officer("370202"), &case_name(&filed))
            .await
            .unwrap();
        assert_eq!(seen.kind, Some(wire::case::Kind::Appeal(about)));
        let clocks: Vec<_> = seen
            .clocks
            .iter()
            .map(|clock| {
                (
                    clock.kind.as_str(),
                    clock.due_time.unwrap().seconds - now,
                    &*clock.calendar,
                )
            })
            .collect();
        assert_eq!(
            clocks,
            [
                ("first-answer", 2 * 3_600, "every-hour"),
                ("answer", hours * 3_600, "every-hour")
            ]
        );
    }
}

async fn a_place_is_reported_without_a_name_and_followed_by_nobody(bed: Bed) {
    let complaint = start(bed).await;
    let request = wire::CreateAnonymousComplaintRequest {
        request_id: request_id(1),
        place: Some(place(TEXT)),
        division: "370202001".to_owned(),
    };
    let filed = complaint.anonymous(request.clone()).await.unwrap();
    assert_eq!(complaint.anonymous(request.clone()).await.unwrap(), filed);
    let other = wire::CreateAnonymousComplaintRequest {
        place: Some(place("另一件事")),
        ..request.clone()
    };
    let refused = complaint.anonymous(other).await.unwrap_err();
    assert_eq!(&*refused.reason, "REQUEST_ID_REUSED");
    // Nobody has the account of the public.
    for account in ["public", "wx-1", ""] {
        assert!(complaint.find(account, &filed.name).await.is_err(), "{account}");
    }
    let case = complaint
        .case(&officer("370202"), &case_name(&filed))
        .await
        .unwrap();
    assert_eq!(
        (case.intake(), case.division.as_str()),
        (wire::CaseIntake::Anonymous, "370202")
    );
    for (request, named) in [
        (
            wire::CreateAnonymousComplaintRequest {
                place: None,
                division: String::new(),
                ..request.clone()
            },
            &["place MISSING", "division MISSING"][..],
        ),
        (
            wire::CreateAnonymousComplaintRequest {
                request_id: request_id(2),
                division: "110101".to_owned(),
                ..request
            },
            &["division DIVISION_OUTSIDE_SHANDONG"],
        ),
    ] {
        assert_eq!(
            violations(&complaint.anonymous(request).await.unwrap_err()),
            named
        );
    }
}

async fn an_order_of_the_hotline_is_entered_once(bed: Bed) {
    let complaint = start(bed).await;
    let entered = complaint
        .enter(&agent(), "QD20221126001", "370202", false)
        .await
        .unwrap();
    assert_eq!(
        (
            entered.intake(),
            entered.hotline_number.as_str(),
            entered.division.as_str()
        ),
        (wire::CaseIntake::Hotline, "QD20221126001", "370202")
    );
    let caller = entered.caller.clone().unwrap();
    assert_eq!(
        (caller.name.as_str(), caller.mobile.as_str()),
        (NAME, "+8613800138000")
    );
    // The same order again, by another agent; then another content under its number.
    let other_agent = staff("agent-2", Role::HotlineAgent, "370200");
    let again = complaint
        .enter(&other_agent, "QD20221126001", "370202", false)
        .await
        .unwrap_err();
    assert_eq!(
        (again.code, &*again.reason),
        (FaultCode::AlreadyExists, "HOTLINE_NUMBER_KNOWN")
    );
    let request = wire::CreateCaseRequest {
        kind: Some(EnteredKind::Place(place("另一件事"))),
        ..order("QD20221126001", "370202", false)
    };
    let conflict = complaint.enter_with(&other_agent, request).await.unwrap_err();
    assert_eq!(
        (conflict.code, &*conflict.reason),
        (FaultCode::AlreadyExists, "HOTLINE_NUMBER_CONFLICT")
    );
    assert_eq!(complaint.stored().await, [1, 1], "nothing half-stored");
    let outside = complaint
        .enter(&other_agent, "QD2", "370102", false)
        .await
        .unwrap_err();
    assert_eq!(&*outside.reason, "OUTSIDE_DIVISION");
    let request = order("QD3", "370202", false);
    let done = complaint.enter_with(&agent(), request.clone()).await.unwrap();
    assert_eq!(
        complaint.enter_with(&agent(), request.clone()).await.unwrap(),
        done
    );
    let reused = wire::CreateCaseRequest {
        hotline_number: "QD4".to_owned(),
        ..request
    };
    let reused = complaint.enter_with(&agent(), reused).await.unwrap_err();
    assert_eq!(&*reused.reason, "REQUEST_ID_REUSED");
}

async fn an_order_that_two_agents_enter_at_once_is_one(bed: Bed) {
    let complaint = start(bed).await;
    let other_agent = staff("agent-2", Role::HotlineAgent, "370200");
    for n in 1..=10 {
        let number = format!("QD{n}");
        let (first, second) = (agent(), other_agent.clone());
        let (one, other) = tokio::join!(
            complaint.enter(&first, &number, "370202", false),
            complaint.enter(&second, &number, "370202", false),
        );
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        let refused = one.err().or(other.err()).unwrap();
        let reasons = ["HOTLINE_NUMBER_KNOWN", "CONTENDED"];
        assert!(reasons.contains(&&*refused.reason), "{refused:?}");
    }
    assert_eq!(complaint.stored().await, [10, 10]);
}

async fn a_secret_caller_leaves_the_encrypted_column_nowhere(bed: Bed) {
    let complaint = start(bed).await;
    let entered = complaint.enter(&agent(), "QD1", "370202", true).await.unwrap();
    let boss = all_roles("boss", "370000");
    let seen = complaint.case(&boss, &entered.name).await.unwrap();
    let events = complaint.events(&boss, &entered.name).await.unwrap();
    let queue = complaint
        .queue(&boss, wire::ListCasesRequest::default())
        .await
        .unwrap();
    for who in [&entered, &seen] {
        assert!(who.secret_caller && who.caller.is_none());
    }
    let said = format!("{entered:?}{seen:?}{events:?}{queue:?}");
    assert!(!said.contains(NAME) && !said.contains(MOBILE));
    for column in [
        "caller_name",
        "caller_mobile",
        "text",
        "about",
        "content_hash",
        "account",
    ] {
        let stored = lutong_testing::bytes(&complaint.1, "complaints", column).await;
        for secret in [NAME, MOBILE, TEXT, "海景酒店"] {
            let found = stored
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{column}");
        }
    }
    assert!(
        !lutong_testing::bytes(&complaint.1, "complaints", "caller_name")
            .await
            .is_empty()
    );
}

async fn a_caller_is_found_by_name_and_number_among_what_is_reached(bed: Bed) {
    let complaint = start(bed).await;
    let known = complaint.enter(&agent(), "QD1", "370202", false).await.unwrap();
    complaint.enter(&agent(), "QD2", "370202", true).await.unwrap();
    let search = async |who: &Principal, name: &str, mobile: &str| {
        let request = wire::ListCallerCasesRequest {
            caller: Some(wire::CaseCaller {
                name: name.to_owned(),
                mobile: mobile.to_owned(),
            }),
            purpose: purpose(),
            ..Default::default()
        };
        let call = complaint.0.call_as(who);
        let answer = complaint.cases().list_caller_cases(call.request(request)).await;
        let page = answer.map(tonic::Response::into_inner);
        page.map(|page| page.cases.into_iter().map(|case| case.name).collect::<Vec<_>>())
            .map_err(|status| fault(&status))
    };
    for (name, mobile, is_found) in [
        (NAME, "", true),
        ("", "+86 138-0013-8000", true),
        (NAME, MOBILE, true),
        (NAME, "13800138001", false),
        ("王小", MOBILE, false),
    ] {
        let expected = if is_found {
            vec![known.name.clone()]
        } else {
            Vec::new()
        };
        // The secret one is in reach and not found.
        assert_eq!(
            search(&agent(), name, mobile).await.unwrap(),
            expected,
            "{name} {mobile}"
        );
        assert_eq!(search(&officer("370202"), name, mobile).await.unwrap(), expected);
        assert_eq!(
            search(&officer("370203"), name, mobile).await.unwrap(),
            Vec::<String>::new()
        );
    }
    let refused = search(&agent(), "", " ").await.unwrap_err();
    assert_eq!(violations(&refused), ["caller MISSING"]);
    let refused = search(&agent(), "", "12").await.unwrap_err();
    assert_eq!(violations(&refused), ["caller.mobile MOBILE_SHAPE"]);
    let nowhere = Principal {
        division: None,
        ..agent()
    };
    assert_eq!(
        &*search(&nowhere, NAME, "").await.unwrap_err().reason,
        "DIVISION_MISSING"
    );
    for column in ["caller_name_hash", "caller_mobile_hash"] {
        let stored = lutong_testing::texts(
            &complaint.1,
            "complaints",
            &format!("CASE WHEN {column} IS NULL THEN 'none' ELSE 'some' END"),
            "hotline_number",
        )
        .await;
        assert_eq!(stored, ["some", "none"], "{column}");
    }
}

async fn a_counter_enters_cases_without_a_hotline_number(bed: Bed) {
    let complaint = start(bed).await;
    let counter = staff("counter-1", Role::CounterStaff, "370202");
    let entered = complaint.enter(&counter, "", "370202", false).await.unwrap();
    assert_eq!(entered.intake(), wire::CaseIntake::Counter);
    assert_eq!(complaint.case(&counter, &entered.name).await.unwrap(), entered);
    let refused = complaint
        .enter(&counter, "QD1", "370202", false)
        .await
        .unwrap_err();
    assert_eq!(violations(&refused), ["hotline_number HOTLINE_NUMBER_UNEXPECTED"]);
    // Two cases without a number are two cases.
    complaint.enter(&counter, "", "370202", false).await.unwrap();
}

async fn what_is_wrong_with_a_complaint_is_named_and_nothing_is_stored(bed: Bed) {
    let complaint = start(bed).await;
    let request = |kind: FiledKind, division: &str| wire::CreateComplaintRequest {
        request_id: request_id(1),
        kind: Some(kind),
        division: division.to_owned(),
    };
    let with_text = |text: String| FiledKind::Place(place(&text));
    for (request, named) in [
        (
            request(FiledKind::Appeal(appeal("", Colour::Unspecified, false)), ""),
            &["appeal.decision MISSING", "appeal.colour MISSING"][..],
        ),
        (
            request(
                FiledKind::Appeal(appeal("decisions/0", Colour::Red, false)),
                "110101",
            ),
            &[
                "appeal.decision DECISION_SHAPE",
                "division DIVISION_OUTSIDE_SHANDONG",
            ],
        ),
        (
            request(FiledKind::Appeal(appeal("decisions/007", Colour::Red, false)), ""),
            &["appeal.decision DECISION_SHAPE"],
        ),
        (request(with_text(TEXT.to_owned()), ""), &["division MISSING"]),
        (
            request(with_text(TEXT.to_owned()), "3702"),
            &["division DIVISION_SHAPE"],
        ),
        (
            request(with_text("秘".repeat(2_001)), "370202"),
            &["place.text TOO_LONG"],
        ),
        (
            request(with_text("a".repeat(50_000)), "370202"),
            &["place.text TOO_LONG"],
        ),
    ] {
        let refused = complaint.send("wx-1", request).await.unwrap_err();
        assert_eq!(violations(&refused), named);
    }
    let huge = request(with_text("a".repeat(100_000)), "370202");
    assert_eq!(
        &*complaint.send("wx-1", huge).await.unwrap_err().reason,
        "MESSAGE_TOO_LARGE"
    );
    assert_eq!(complaint.stored().await, [0, 0]);
}

async fn what_is_wrong_with_an_entered_case_is_named_and_nothing_is_stored(bed: Bed) {
    let complaint = start(bed).await;
    let caller = |name: &str, mobile: &str| {
        Some(wire::CaseCaller {
            name: name.to_owned(),
            mobile: mobile.to_owned(),
        })
    };
    for (request, named) in [
        (order("", "370202", false), &["hotline_number MISSING"][..]),
        (
            wire::CreateCaseRequest {
                caller: caller("王\n小明", "12"),
                ..order("QD1", "370202", false)
            },
            &["caller.name TEXT_CONTROL"],
        ),
        (
            wire::CreateCaseRequest {
                caller: caller("", "12"),
                ..order("", "370202", false)
            },
            &["hotline_number MISSING", "caller.mobile MOBILE_SHAPE"],
        ),
        (
            wire::CreateCaseRequest {
                kind: None,
                purpose: None,
                ..order("QD1", "370202", false)
            },
            &["kind MISSING", "purpose MISSING"],
        ),
        (
            wire::CreateCaseRequest {
                hotline_number: "9".repeat(41),
                ..order("QD1", "370202", false)
            },
            &["hotline_number TOO_LONG"],
        ),
    ] {
        let refused = complaint.enter_with(&agent(), request).await.unwrap_err();
        assert_eq!(violations(&refused), named);
    }
    assert_eq!(complaint.stored().await, [0, 0]);
}

/// What browsers, databases, templates and spreadsheets may take for something else.
const MARKUP: &str =
    "<script>alert(1)</script>'; DROP TABLE complaints; -- {{7*7}} \\u0000 %00 =HYPERLINK(\"x\")";

async fn markup_is_text(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint
        .file("wx-1", 1, wire::FeedbackCategory::Other, MARKUP)
        .await
        .unwrap();
    let (boss, name) = (all_roles("boss", "370000"), case_name(&filed));
    let seen = complaint.case(&boss, &name).await.unwrap();
    let Some(wire::case::Kind::Feedback(feedback)) = seen.kind else {
        panic!("{seen:?}")
    };
    assert_eq!(feedback.text, MARKUP);
    complaint.act(&boss, &name, crate::Act::TakeUp).await.unwrap();
    let asked = ask(&complaint, &boss, &name, MARKUP).await.unwrap();
    assert_eq!(asked.state(), wire::ComplaintState::Waiting);
    let replied = reply(&complaint, &filed.name, MARKUP).await.unwrap();
    let texts: Vec<_> = replied.messages.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(texts, [MARKUP, MARKUP]);
    let events = complaint.events(&boss, &name).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.text == MARKUP).count(), 2);
}

/// Where filing is tested for itself, this is what is said later.
async fn a_hundred_thousand_characters_are_refused_in_whatever_is_said(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let (boss, name) = (all_roles("boss", "370000"), case_name(&filed));
    complaint.act(&boss, &name, crate::Act::TakeUp).await.unwrap();
    let before = complaint.events(&boss, &name).await.unwrap();
    // Ten thousand of three bytes each fit into a message, and a hundred thousand into none.
    for (count, reason) in [(10_000, "INVALID_FIELDS"), (100_000, "MESSAGE_TOO_LARGE")] {
        let text = "长".repeat(count);
        for refused in [
            ask(&complaint, &boss, &name, &text).await.unwrap_err(),
            reply(&complaint, &filed.name, &text).await.unwrap_err(),
        ] {
            assert_eq!(&*refused.reason, reason);
        }
    }
    assert_eq!(complaint.events(&boss, &name).await.unwrap(), before);
}

async fn ask(complaint: &Complaint, who: &Principal, name: &str, text: &str) -> Result<wire::Case, Fault> {
    let request = wire::AskCaseRequest {
        request_id: next_request_id(),
        name: name.to_owned(),
        waiting_for: wire::WaitingFor::Filer.into(),
        text: text.to_owned(),
        purpose: purpose(),
        ..Default::default()
    };
    let answer = complaint
        .cases()
        .ask_case(complaint.0.call_as(who).request(request))
        .await;
    answer
        .map(|answer| answer.into_inner().case.unwrap())
        .map_err(|status| fault(&status))
}

async fn reply(complaint: &Complaint, name: &str, text: &str) -> Result<wire::Complaint, Fault> {
    let request = wire::ReplyComplaintRequest {
        request_id: next_request_id(),
        name: name.to_owned(),
        etag: String::new(),
        text: text.to_owned(),
    };
    let call = complaint.0.call_as(&lutong_testing::citizen("wx-1", None));
    let answer = complaint.client().reply_complaint(call.request(request)).await;
    answer
        .map(|answer| answer.into_inner().complaint.unwrap())
        .map_err(|status| fault(&status))
}
