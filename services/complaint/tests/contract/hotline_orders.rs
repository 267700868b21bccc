//! Orders of the hotline in bulk: each line its own outcome, and their status sent back.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Fault, FaultCode, Random};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::time::instant;
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::Principal;
use lutong_transport::client::MeshChannel;
use wire::HotlineOrderResult::{Imported, Known, Refused};
use wire::hotline_order::Kind;
use wire::hotline_order_service_client::HotlineOrderServiceClient;

use crate::places::{HOTEL, nobody, registration, sent};
use crate::{Act, Complaint, agent, fault, officer, place, purpose, staff, start, supervisor};

on_both_engines!(
    each_order_of_a_piece_has_its_own_outcome,
    a_piece_that_is_sent_again_imports_nothing_twice,
    two_texts_under_one_number_are_refused_and_nothing_is_half_stored,
    two_imports_at_once_make_one_case_of_an_order,
    a_tracking_number_that_is_taken_is_drawn_anew,
    an_imported_order_is_a_case_like_any_other,
    what_became_of_orders_is_sent_back_without_who_called,
    an_agent_gets_back_what_they_entered_and_a_supervisor_their_division,
    what_is_wrong_with_a_piece_is_named,
);

const NAME: &str = "王小明";
const MOBILE: &str = "+8613800138000";

fn order(number: &str) -> wire::HotlineOrder {
    wire::HotlineOrder {
        hotline_number: number.to_owned(),
        city_number: format!("QD-{number}"),
        division: "370202".to_owned(),
        kind: Some(Kind::Place(place("持绿码仍不让进入"))),
        caller: Some(wire::CaseCaller {
            name: NAME.to_owned(),
            mobile: MOBILE.to_owned(),
        }),
        secret_caller: false,
        repeat_caller: true,
        call_time: None,
    }
}

type Outcome = (wire::HotlineOrderResult, bool, Vec<String>);

/// Result, whether a case is named, and what is wrong.
fn shown(outcomes: &[wire::HotlineOrderOutcome]) -> Vec<Outcome> {
    let one = |one: &wire::HotlineOrderOutcome| {
        let errors = one
            .errors
            .iter()
            .map(|error| format!("{} {}", error.field, error.reason));
        (one.result(), !one.case.is_empty(), errors.collect())
    };
    outcomes.iter().map(one).collect()
}

impl Complaint {
    fn orders(&self) -> HotlineOrderServiceClient<MeshChannel> {
        let channel = self
            .0
            .channel(lutong_kernel::ServiceName::Complaint, Caller::Gateway);
        HotlineOrderServiceClient::new(channel)
    }

    async fn import(
        &self,
        who: &Principal,
        orders: Vec<wire::HotlineOrder>,
    ) -> Result<Vec<wire::HotlineOrderOutcome>, Fault> {
        let request = wire::ImportHotlineOrdersRequest {
            purpose: purpose(),
            orders,
        };
        sent!(self, orders, who, import_hotline_orders, request, |answer| answer
            .outcomes)
    }

    pub async fn statuses(
        &self,
        who: &Principal,
        request: wire::ListHotlineOrdersRequest,
    ) -> Result<wire::ListHotlineOrdersResponse, Fault> {
        let request = wire::ListHotlineOrdersRequest {
            purpose: purpose(),
            ..request
        };
        sent!(self, orders, who, list_hotline_orders, request, |answer| answer)
    }
}

async fn each_order_of_a_piece_has_its_own_outcome(bed: Bed) {
    let complaint = start(bed).await;
    let ahead = complaint.0.foundation.now().plus_seconds(60);
    let orders = vec![
        order("1"),
        wire::HotlineOrder {
            hotline_number: String::new(),
            kind: None,
            ..order("2")
        },
        wire::HotlineOrder {
            division: "110101".to_owned(),
            ..order("3")
        },
        wire::HotlineOrder {
            caller: Some(wire::CaseCaller {
                name: String::new(),
                mobile: "12".to_owned(),
            }),
            call_time: Some(instant(ahead)),
            ..order("4")
        },
        wire::HotlineOrder {
            kind: Some(Kind::Feedback(crate::feedback(1, &"长".repeat(2_001)))),
            ..order("5")
        },
        wire::HotlineOrder {
            kind: Some(Kind::Feedback(crate::feedback(1, "登记有误"))),
            ..order("6")
        },
    ];
    let outcomes = complaint.import(&agent(), orders).await.unwrap();
    let wrong = |errors: &[&str]| {
        (
            Refused,
            false,
            errors.iter().map(|one| (*one).to_owned()).collect(),
        )
    };
    let good: Outcome = (Imported, true, Vec::new());
    assert_eq!(
        shown(&outcomes),
        [
            good.clone(),
            wrong(&["hotline_number MISSING", "kind MISSING"]),
            wrong(&["division DIVISION_OUTSIDE_SHANDONG"]),
            wrong(&["caller.mobile MOBILE_SHAPE", "call_time CALL_AHEAD"]),
            wrong(&["feedback.text TOO_LONG"]),
            good,
        ]
    );
    assert_eq!(lutong_testing::rows(&complaint.1, "complaints").await, 2);
    // An agent of a district enters nothing for another.
    let district = staff("agent-2", Role::HotlineAgent, "370203");
    let outcomes = complaint.import(&district, vec![order("7")]).await.unwrap();
    assert_eq!(shown(&outcomes), [wrong(&["division OUTSIDE_DIVISION"])]);
    // Text that looks like something else is text.
    let markup = wire::HotlineOrder {
        kind: Some(Kind::Place(place("<script>alert(1)</script>=1+1"))),
        ..order("8")
    };
    let outcomes = complaint.import(&agent(), vec![markup]).await.unwrap();
    let case = complaint
        .case(&officer("370202"), &outcomes[0].case)
        .await
        .unwrap();
    let Some(wire::case::Kind::Place(about)) = case.kind else {
        panic!()
    };
    assert_eq!(about.text, "<script>alert(1)</script>=1+1");
}

async fn a_piece_that_is_sent_again_imports_nothing_twice(bed: Bed) {
    let complaint = start(bed).await;
    let orders: Vec<_> = (0..100).map(|n| order(&format!("N{n}"))).collect();
    let first = complaint.import(&agent(), orders.clone()).await.unwrap();
    let again = complaint.import(&agent(), orders.clone()).await.unwrap();
    assert!(first.iter().all(|one| one.result() == Imported));
    assert!(again.iter().all(|one| one.result() == Known));
    let cases =
        |all: &[wire::HotlineOrderOutcome]| all.iter().map(|one| one.case.clone()).collect::<Vec<_>>();
    assert_eq!(cases(&again), cases(&first), "with the cases of the lost answer");
    for (table, rows) in [
        ("complaints", 100),
        ("case_events", 100),
        ("case_clocks", 100),
        ("place_voices", 100),
    ] {
        assert_eq!(lutong_testing::rows(&complaint.1, table).await, rows, "{table}");
    }
    // Another agent learns that they are there, and not as which cases.
    let other = staff("agent-2", Role::HotlineAgent, "370000");
    let theirs = complaint.import(&other, orders).await.unwrap();
    assert!(
        theirs
            .iter()
            .all(|one| one.result() == Known && one.case.is_empty())
    );
}

async fn two_texts_under_one_number_are_refused_and_nothing_is_half_stored(bed: Bed) {
    let complaint = start(bed).await;
    let other = |number: &str| wire::HotlineOrder {
        kind: Some(Kind::Place(place("另一件事"))),
        ..order(number)
    };
    let conflict: Outcome = (
        Refused,
        false,
        vec!["hotline_number HOTLINE_NUMBER_CONFLICT".to_owned()],
    );
    // Within one piece, and against what is there; the single entry holds to the same.
    let outcomes = complaint
        .import(&agent(), vec![order("1"), other("1"), order("1"), order("2")])
        .await
        .unwrap();
    let (good, known): (Outcome, Outcome) = ((Imported, true, Vec::new()), (Known, true, Vec::new()));
    assert_eq!(shown(&outcomes), [good.clone(), conflict.clone(), known, good]);
    assert_eq!(outcomes[2].case, outcomes[0].case);
    let outcomes = complaint.import(&agent(), vec![other("2")]).await.unwrap();
    assert_eq!(shown(&outcomes), [conflict]);
    let refused = complaint.enter(&agent(), "1", "370202", false).await.unwrap_err();
    assert_eq!(&*refused.reason, "HOTLINE_NUMBER_CONFLICT");
    for table in ["complaints", "case_events", "case_clocks", "place_voices"] {
        assert_eq!(lutong_testing::rows(&complaint.1, table).await, 2, "{table}");
    }
}

async fn two_imports_at_once_make_one_case_of_an_order(bed: Bed) {
    let complaint = start(bed).await;
    let orders: Vec<_> = (0..200).map(|n| order(&format!("N{n}"))).collect();
    let backwards: Vec<_> = orders.iter().rev().cloned().collect();
    let (one, other) = (agent(), staff("agent-2", Role::HotlineAgent, "370000"));
    let (first, second) = tokio::join!(
        complaint.import(&one, orders),
        complaint.import(&other, backwards)
    );
    let results = [first, second].map(|outcomes| match outcomes {
        Ok(outcomes) => outcomes.iter().filter(|one| one.result() == Imported).count(),
        // One that met the other too often is sent again; nothing of it is stored.
        Err(refused) => {
            assert_eq!(refused.code, FaultCode::Aborted, "{refused:?}");
            0
        }
    });
    assert_eq!(results.iter().sum::<usize>(), 200, "{results:?}");
    assert_eq!(lutong_testing::rows(&complaint.1, "complaints").await, 200);
    assert_eq!(lutong_testing::rows(&complaint.1, "case_events").await, 200);
}

/// Draws one tracking number again and again while it is to. Nothing else asks for single bytes.
#[derive(Debug)]
struct Repeating {
    letters: AtomicUsize,
    otherwise: SeededRandom,
}

impl Repeating {
    fn repeat(&self, numbers: usize) {
        assert_eq!(self.letters.swap(7 * numbers, Relaxed), 0, "all were drawn");
    }
}

impl Random for Repeating {
    fn fill(&self, bytes: &mut [u8]) {
        let less = |letters: usize| letters.checked_sub(1);
        match bytes {
            [one] if self.letters.fetch_update(Relaxed, Relaxed, less).is_ok() => *one = 0,
            _ => self.otherwise.fill(bytes),
        }
    }
}

async fn a_tracking_number_that_is_taken_is_drawn_anew(mut bed: Bed) {
    let random = Arc::new(Repeating {
        letters: AtomicUsize::new(0),
        otherwise: SeededRandom::new(1),
    });
    bed.foundation.random = random.clone();
    let complaint = start(bed).await;
    // Two of one piece meet.
    random.repeat(2);
    let orders = ["1", "2"].map(order).to_vec();
    let outcomes = complaint.import(&agent(), orders).await.unwrap();
    assert!(
        outcomes.iter().all(|one| one.result() == Imported),
        "{outcomes:?}"
    );
    // The second meets what is there.
    for number in ["3", "4"] {
        random.repeat(1);
        complaint.enter(&agent(), number, "370202", false).await.unwrap();
    }
    random.repeat(1);
    let outcomes = complaint.import(&agent(), vec![order("5")]).await.unwrap();
    assert_eq!(outcomes[0].result(), Imported);
    random.repeat(0);
    assert_eq!(lutong_testing::rows(&complaint.1, "complaints").await, 5);
}

async fn an_imported_order_is_a_case_like_any_other(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    complaint.register(&district, registration(HOTEL)).await.unwrap();
    let called = complaint.0.foundation.now().plus_seconds(-3_600);
    let order = wire::HotlineOrder {
        call_time: Some(instant(called)),
        ..order("1")
    };
    let outcomes = complaint.import(&agent(), vec![order]).await.unwrap();
    let case = complaint.case(&district, &outcomes[0].case).await.unwrap();
    assert_eq!(
        (
            case.hotline_number.as_str(),
            case.city_number.as_str(),
            case.repeat_caller,
            case.intake()
        ),
        ("1", "QD-1", true, wire::CaseIntake::Hotline)
    );
    assert_eq!(
        (case.call_time, case.caller.unwrap().mobile.as_str()),
        (Some(instant(called)), MOBILE)
    );
    assert_eq!(case.clocks.len(), 1);
    let log = complaint.events(&district, &case.name).await.unwrap();
    assert_eq!(
        (log.len(), log[0].event.as_str(), log[0].actor.as_str()),
        (1, "file", "staff:agent-1")
    );
    complaint.act(&district, &case.name, Act::TakeUp).await.unwrap();
    complaint.act(&district, &case.name, Act::Answer).await.unwrap();
    // It is bound to its place: "海景酒店，香港中路1号".
    let bound = "place_voices WHERE place_id IS NOT NULL";
    assert_eq!(lutong_testing::rows(&complaint.1, bound).await, 1);
}

async fn what_became_of_orders_is_sent_back_without_who_called(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let secret = wire::HotlineOrder {
        secret_caller: true,
        ..order("2")
    };
    let outcomes = complaint
        .import(&agent(), vec![order("1"), secret])
        .await
        .unwrap();
    for (outcome, finding) in outcomes
        .iter()
        .zip([wire::PlaceFinding::Confirmed, wire::PlaceFinding::NotConfirmed])
    {
        complaint.find_out(&outcome.case, finding).await;
    }
    complaint
        .act(&supervisor("370202"), &outcomes[0].case, Act::Reopen)
        .await
        .unwrap();
    complaint
        .act(&district, &outcomes[0].case, Act::TakeUp)
        .await
        .unwrap();
    complaint
        .act(&district, &outcomes[0].case, Act::Answer)
        .await
        .unwrap();
    let page = complaint
        .statuses(&agent(), wire::ListHotlineOrdersRequest::default())
        .await
        .unwrap();
    let [first, second] = &page.orders[..] else {
        panic!("{page:?}")
    };
    assert_eq!(
        (
            first.hotline_number.as_str(),
            first.city_number.as_str(),
            first.state(),
            first.answer.as_str()
        ),
        ("1", "QD-1", wire::ComplaintState::Answered, "答复"),
        "the last answer"
    );
    assert_eq!(
        (second.answer.as_str(), second.finding()),
        ("已核查", wire::PlaceFinding::NotConfirmed)
    );
    assert!(second.secret_caller && first.repeat_caller && first.answer_time.is_some());
    let text = format!("{page:?}");
    assert!(!text.contains(NAME) && !text.contains(MOBILE), "{text}");
    let open = wire::ListHotlineOrdersRequest {
        state: wire::ComplaintState::Filed.into(),
        ..Default::default()
    };
    assert!(
        complaint
            .statuses(&agent(), open)
            .await
            .unwrap()
            .orders
            .is_empty()
    );
}

async fn an_agent_gets_back_what_they_entered_and_a_supervisor_their_division(bed: Bed) {
    let complaint = start(bed).await;
    let other = staff("agent-2", Role::HotlineAgent, "370000");
    complaint
        .import(&agent(), (0..5).map(|n| order(&format!("A{n}"))).collect())
        .await
        .unwrap();
    complaint.0.clock.advance(std::time::Duration::from_secs(60));
    let elsewhere = |n: u32| wire::HotlineOrder {
        division: "370203".to_owned(),
        ..order(&format!("B{n}"))
    };
    complaint
        .import(&other, (0..2).map(elsewhere).collect())
        .await
        .unwrap();
    let numbers = |page: &wire::ListHotlineOrdersResponse| {
        page.orders
            .iter()
            .map(|one| one.hotline_number.clone())
            .collect::<Vec<_>>()
    };
    let all = wire::ListHotlineOrdersRequest::default();
    for (who, expected) in [
        (agent(), vec!["A0", "A1", "A2", "A3", "A4"]),
        (other.clone(), vec!["B0", "B1"]),
        (supervisor("370203"), vec!["B0", "B1"]),
        (supervisor("370100"), vec![]),
        (
            supervisor("370000"),
            vec!["A0", "A1", "A2", "A3", "A4", "B0", "B1"],
        ),
    ] {
        let page = complaint.statuses(&who, all.clone()).await.unwrap();
        assert_eq!(numbers(&page), expected, "{}", who.account);
    }
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let page = wire::ListHotlineOrdersRequest {
            page_size: 2,
            page_token: token,
            ..Default::default()
        };
        let page = complaint.statuses(&agent(), page).await.unwrap();
        seen.extend(numbers(&page));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["A0", "A1", "A2", "A3", "A4"]);
    let later = wire::ListHotlineOrdersRequest {
        start_time: Some(instant(complaint.0.foundation.now())),
        ..Default::default()
    };
    let page = complaint.statuses(&supervisor("370000"), later).await.unwrap();
    assert_eq!(numbers(&page), ["B0", "B1"]);
}

async fn what_is_wrong_with_a_piece_is_named(bed: Bed) {
    let complaint = start(bed).await;
    let refused = complaint.import(&agent(), Vec::new()).await.unwrap_err();
    assert_eq!(violations(&refused), ["orders MISSING"]);
    let many = (0..501).map(|n| order(&n.to_string())).collect();
    let refused = complaint.import(&agent(), many).await.unwrap_err();
    assert_eq!(violations(&refused), ["orders TOO_MANY"]);
    let lost = Principal {
        division: None,
        ..agent()
    };
    let refused = complaint.import(&lost, vec![order("1")]).await.unwrap_err();
    assert_eq!(&*refused.reason, "DIVISION_MISSING");
    let refused = complaint
        .statuses(&nobody(), wire::ListHotlineOrdersRequest::default())
        .await
        .unwrap_err();
    assert_eq!(&*refused.reason, "DIVISION_MISSING");
    let wrong = wire::ListHotlineOrdersRequest {
        state: 99,
        ..Default::default()
    };
    assert_eq!(
        violations(&complaint.statuses(&agent(), wrong).await.unwrap_err()),
        ["state UNKNOWN_VALUE"]
    );
    for who in [officer("370202"), lutong_testing::citizen("wx-1", None)] {
        let refused = complaint.import(&who, vec![order("1")]).await.unwrap_err();
        assert_eq!(&*refused.reason, "NOT_PERMITTED");
    }
    assert_eq!(lutong_testing::rows(&complaint.1, "complaints").await, 0);
}
