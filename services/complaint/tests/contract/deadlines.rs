//! Clocks: they warn, raise what is overdue once, and make up for a time in which nothing ran.

use std::time::Duration;

use lutong_kernel::Timestamp;
use lutong_proto::complaint::v1 as wire;
use lutong_proto::types::v1::ClockState;
use lutong_testing::{Bed, on_both_engines};
use wire::FeedbackCategory::Technical;

use crate::{Act, Complaint, all_roles, case_name, officer, serve, start};

on_both_engines!(
    a_case_warns_is_overdue_and_is_raised_to_city_and_province,
    after_a_downtime_everything_due_is_done_at_once_and_says_that_it_is_late,
    several_workers_raise_a_case_once,
    several_workers_that_begin_after_a_downtime_raise_a_case_once_and_say_that_it_is_late,
    a_case_that_cannot_be_read_holds_up_no_other,
    an_answer_after_the_deadline_is_logged_as_overdue_first,
    a_first_answer_is_due_in_two_hours,
    a_complaint_that_was_filed_before_there_were_clocks_gets_them,
);

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// What the clocks of a case did: event, division, late.
async fn fired(complaint: &Complaint, name: &str) -> Vec<(String, String, bool)> {
    let events = complaint
        .events(&all_roles("reader", "370000"), name)
        .await
        .unwrap();
    let fired = events.into_iter().filter(|event| event.actor == "clock");
    fired
        .map(|event| (event.event, event.division, event.late))
        .collect()
}

/// Waits until the worker has done `count` things with a case.
async fn until_fired(complaint: &Complaint, name: &str, count: usize) -> Vec<(String, String, bool)> {
    for _ in 0..400 {
        let done = fired(complaint, name).await;
        if done.len() >= count {
            return done;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the clocks did not fire: {:?}", fired(complaint, name).await)
}

fn events(expected: &[(&str, &str, bool)]) -> Vec<(String, String, bool)> {
    let owned =
        |(event, division, late): &(&str, &str, bool)| ((*event).to_owned(), (*division).to_owned(), *late);
    expected.iter().map(owned).collect()
}

/// Filed on a Saturday: five working days end with Friday 2 December.
async fn a_case_warns_is_overdue_and_is_raised_to_city_and_province(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let (name, district) = (case_name(&filed), officer("370202"));
    complaint.0.clock.set(at("2022-12-01T23:59:59.999999+08:00"));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(fired(&complaint, &name).await, []);
    // The last working day begins: one is left.
    complaint.0.clock.set(at("2022-12-02T00:00:00+08:00"));
    let done = until_fired(&complaint, &name, 1).await;
    assert_eq!(done, events(&[("warn", "", false)]));
    let case = complaint.case(&district, &name).await.unwrap();
    assert_eq!(case.clocks[0].state(), ClockState::Warned);
    // The first day after it.
    complaint.0.clock.set(at("2022-12-03T00:00:00+08:00"));
    let done = until_fired(&complaint, &name, 2).await;
    assert_eq!(done[1..], events(&[("overdue", "370200", false)]));
    let case = complaint.case(&district, &name).await.unwrap();
    assert_eq!(case.clocks[0].state(), ClockState::Overdue);
    assert_eq!(
        (case.division.as_str(), case.escalated_division.as_str()),
        ("370202", "370200")
    );
    // One working day later, Monday, is over.
    complaint.0.clock.set(at("2022-12-06T00:00:00+08:00"));
    let done = until_fired(&complaint, &name, 3).await;
    assert_eq!(done[2..], events(&[("escalate", "370000", false)]));
    complaint.0.clock.set(at("2022-12-30T00:00:00+08:00"));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(fired(&complaint, &name).await.len(), 3, "there is nobody above");
    let seen = complaint.find("wx-1", &filed.name).await.unwrap();
    assert!(seen.messages.is_empty(), "what clocks do is between divisions");
}

async fn after_a_downtime_everything_due_is_done_at_once_and_says_that_it_is_late(bed: Bed) {
    let complaint = start(bed).await;
    let name = case_name(&complaint.file_place("wx-1", "370202").await);
    complaint.0.kill_background_work();
    complaint.0.clock.set(at("2022-12-20T09:00:00+08:00"));
    let reopened = Complaint(complaint.0.reopened(), complaint.1.clone(), complaint.2.clone());
    serve(&reopened.0, &reopened.1).await;
    let done = until_fired(&reopened, &name, 3).await;
    assert_eq!(
        done,
        events(&[
            ("warn", "", true),
            ("overdue", "370200", true),
            ("escalate", "370000", true)
        ])
    );
    let log = reopened.events(&officer("370202"), &name).await.unwrap();
    let planned: Vec<i64> = log
        .iter()
        .filter_map(|one| Some(one.plan_time?.seconds))
        .collect();
    let expected =
        ["2022-12-02", "2022-12-03", "2022-12-06"].map(|day| at(&format!("{day}T00:00:00+08:00")).seconds());
    assert_eq!(planned, expected, "the log says when they were due");
}

async fn several_workers_raise_a_case_once(bed: Bed) {
    const CASES: usize = 30;
    let complaint = start(bed).await;
    let mut names = Vec::new();
    for _ in 0..CASES {
        names.push(case_name(&complaint.file_place("wx-1", "370202").await));
    }
    // Three more processes on the same database.
    let beds: Vec<Bed> = (0..3).map(|_| complaint.0.reopened()).collect();
    for bed in &beds {
        serve(bed, &complaint.1).await;
    }
    complaint.0.clock.set(at("2022-12-06T00:00:00+08:00"));
    for name in &names {
        until_fired(&complaint, name, 3).await;
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    for name in &names {
        let done = fired(&complaint, name).await;
        let what: Vec<&str> = done.iter().map(|(event, ..)| event.as_str()).collect();
        assert_eq!(what, ["warn", "overdue", "escalate"]);
    }
    assert_eq!(lutong_testing::rows(&complaint.1, "case_events").await, 4 * 30);
    drop(beds);
}

async fn several_workers_that_begin_after_a_downtime_raise_a_case_once_and_say_that_it_is_late(bed: Bed) {
    const CASES: i64 = 20;
    let complaint = start(bed).await;
    let mut names = Vec::new();
    for _ in 0..CASES {
        names.push(case_name(&complaint.file_place("wx-1", "370202").await));
    }
    complaint.0.kill_background_work();
    complaint.0.clock.set(at("2022-12-20T09:00:00+08:00"));
    assert_eq!(lutong_testing::rows(&complaint.1, "case_events").await, CASES);
    // Four processes begin at once.
    let beds: Vec<Bed> = (0..4).map(|_| complaint.0.reopened()).collect();
    futures::future::join_all(beds.iter().map(|bed| serve(bed, &complaint.1))).await;
    for name in &names {
        until_fired(&complaint, name, 3).await;
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    for name in &names {
        assert_eq!(
            fired(&complaint, name).await,
            events(&[
                ("warn", "", true),
                ("overdue", "370200", true),
                ("escalate", "370000", true)
            ])
        );
    }
    assert_eq!(lutong_testing::rows(&complaint.1, "case_events").await, 4 * CASES);
    drop(beds);
}

async fn a_case_that_cannot_be_read_holds_up_no_other(bed: Bed) {
    let complaint = start(bed).await;
    // More than are read at once, and due before the other.
    for _ in 0..101 {
        complaint.file_place("wx-1", "370202").await;
    }
    lutong_testing::tamper(&complaint.1, "UPDATE complaints SET state = 'LOST'").await;
    complaint.0.clock.set(at("2022-12-05T09:00:00+08:00"));
    let name = case_name(&complaint.appeal("wx-2", false).await);
    complaint.0.clock.set(at("2022-12-06T00:00:00+08:00"));
    until_fired(&complaint, &name, 3).await;
}

/// Nothing looks at the clocks, and an officer answers.
async fn an_answer_after_the_deadline_is_logged_as_overdue_first(bed: Bed) {
    let complaint = start(bed).await;
    let name = case_name(&complaint.file_place("wx-1", "370202").await);
    let district = officer("370202");
    complaint.act(&district, &name, Act::TakeUp).await.unwrap();
    complaint.0.kill_background_work();
    complaint.0.clock.set(at("2022-12-03T10:00:00+08:00"));
    let answered = complaint.act(&district, &name, Act::Answer).await.unwrap();
    let clock = &answered.clocks[0];
    assert_eq!(
        (clock.state(), clock.late.unwrap().seconds),
        (ClockState::Met, 10 * 3_600)
    );
    let log = complaint.events(&district, &name).await.unwrap();
    let what: Vec<&str> = log.iter().map(|one| one.event.as_str()).collect();
    assert_eq!(what, ["file", "take_up", "warn", "overdue", "answer"]);
    assert!(log[3].late);
}

async fn a_first_answer_is_due_in_two_hours(bed: Bed) {
    let complaint = start(bed).await;
    let (late, met) = (
        complaint.appeal("wx-1", false).await,
        complaint.appeal("wx-2", false).await,
    );
    let district = officer("370202");
    let met = case_name(&met);
    for act in [Act::TakeUp, Act::Ask(wire::WaitingFor::Filer)] {
        complaint.act(&district, &met, act).await.unwrap();
    }
    complaint.0.clock.advance(Duration::from_secs(2 * 3_600));
    let done = until_fired(&complaint, &case_name(&late), 1).await;
    assert_eq!(done, events(&[("overdue", "370200", false)]));
    complaint.0.clock.advance(Duration::from_secs(2 * 3_600));
    let done = until_fired(&complaint, &case_name(&late), 2).await;
    assert_eq!(done[1..], events(&[("escalate", "370000", false)]));
    assert_eq!(fired(&complaint, &met).await, []);
    let case = complaint.case(&district, &met).await.unwrap();
    assert_eq!(case.clocks[0].state(), ClockState::Met);
    assert_eq!(case.clocks[1].state(), ClockState::Running, "asking is no answer");
}

/// As a row of the released schema, to which the second step added its columns.
async fn a_complaint_that_was_filed_before_there_were_clocks_gets_them(bed: Bed) {
    let complaint = start(bed).await;
    complaint.0.kill_background_work();
    let filed = complaint.file("wx-1", 1, Technical, "x").await.unwrap();
    for statement in [
        "DELETE FROM case_events",
        "DELETE FROM case_clocks",
        "UPDATE complaints SET version = 0, due_at = 9223372036854775807, next_firing_at = NULL",
    ] {
        lutong_testing::tamper(&complaint.1, statement).await;
    }
    let bare = complaint.find("wx-1", &filed.name).await.unwrap();
    assert_eq!((bare.state(), bare.due_time), (wire::ComplaintState::Filed, None));
    complaint.0.clock.advance(Duration::from_secs(3 * 3_600));
    let reopened = Complaint(complaint.0.reopened(), complaint.1.clone(), complaint.2.clone());
    serve(&reopened.0, &reopened.1).await;
    let done = until_fired(&reopened, &case_name(&filed), 1).await;
    // Filed for the province's own desk, above which nobody is.
    assert_eq!(done, events(&[("overdue", "", true)]));
    let seen = reopened.find("wx-1", &filed.name).await.unwrap();
    assert_eq!(seen.due_time, filed.due_time, "as of when it was filed");
}
