//! What every action refuses, and that what is refused changes nothing.

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::complaint::v1 as wire;
use lutong_testing::{Bed, on_both_engines, violations};
use wire::ComplaintState::{Answered, Assigned, Closed, TakenUp, Waiting};
use wire::WaitingFor::{Authority, Filer};

use crate::{
    Act, Complaint, EVERY_OWN, Own, all_roles, case_name, every_act, next_request_id, officer, request_id,
    start, supervisor,
};

on_both_engines!(
    what_is_wrong_with_an_action_is_named_and_nothing_changes,
    an_action_is_refused_in_a_state_where_it_is_not_possible,
    a_stale_action_is_refused_with_the_state_as_it_is,
    a_repeated_action_is_done_once_and_another_body_is_a_conflict,
    a_case_is_returned_within_two_working_days,
    a_case_is_extended_by_ten_working_days_at_the_most_before_it_is_due,
    cases_of_one_kind_are_merged_and_their_filers_read_the_answer,
    an_appeal_is_merged_only_with_one_of_the_same_person,
    a_filer_replies_when_asked_and_reopens_what_is_not_solved,
    two_officers_who_act_at_once_are_told_apart,
);

/// What a refusal says beside its reason.
fn stated<'a>(refused: &'a Fault, key: &str) -> &'a str {
    let found = refused.metadata.iter().find(|(one, _)| *one == key);
    found.map_or("", |(_, value)| value)
}

async fn log_length(complaint: &Complaint, name: &str) -> usize {
    let events = complaint.events(&all_roles("reader", "370000"), name).await;
    events.unwrap().len()
}

async fn what_is_wrong_with_an_action_is_named_and_nothing_changes(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let (name, city) = (case_name(&filed), supervisor("370200"));
    let everybody = all_roles("boss", "370200");
    for act in every_act(&name) {
        for (wrong, reason) in [
            ("cases/SD20221126", "name TRACKING_NUMBER"),
            ("cases/", "name NAME_SHAPE"),
            (filed.name.as_str(), "name NAME_SHAPE"),
            ("", "name MISSING"),
        ] {
            let refused = complaint.act(&everybody, wrong, act.clone()).await.unwrap_err();
            assert_eq!(
                (refused.code, violations(&refused)),
                (FaultCode::InvalidArgument, vec![reason.to_owned()]),
                "{act:?}"
            );
        }
    }
    for (act, reason) in [
        (Act::Assign("", ""), "division MISSING"),
        (Act::Assign("37020", ""), "division DIVISION_SHAPE"),
        (Act::Extend(0), "working_days OUT_OF_RANGE"),
        (Act::Extend(11), "working_days OUT_OF_RANGE"),
        (Act::Extend(-1), "working_days OUT_OF_RANGE"),
        (Act::Ask(wire::WaitingFor::Unspecified), "waiting_for MISSING"),
        (Act::Merge("cases/SD20221126".to_owned()), "into TRACKING_NUMBER"),
    ] {
        let refused = complaint.act(&city, &name, act.clone()).await.unwrap_err();
        assert_eq!(violations(&refused), [reason], "{act:?}");
    }
    let outside = complaint
        .act(&city, &name, Act::Assign("370102", ""))
        .await
        .unwrap_err();
    assert_eq!(
        (outside.code, &*outside.reason),
        (FaultCode::PermissionDenied, "OUTSIDE_DIVISION")
    );
    for own in EVERY_OWN {
        let refused = complaint
            .own("wx-1", "complaints/SD20221126", own)
            .await
            .unwrap_err();
        assert_eq!(violations(&refused), ["name TRACKING_NUMBER"], "{own:?}");
    }
    assert_eq!(log_length(&complaint, &name).await, 1);
    assert_eq!(complaint.find("wx-1", &filed.name).await.unwrap(), filed);
}

async fn an_action_is_refused_in_a_state_where_it_is_not_possible(bed: Bed) {
    let complaint = start(bed).await;
    let (one, other) = (
        complaint.file_place("wx-1", "370202").await,
        complaint.file_place("wx-2", "370202").await,
    );
    let (name, into) = (case_name(&one), case_name(&other));
    let boss = all_roles("boss", "370200");
    for act in [
        Act::Ask(Filer),
        Act::Answer,
        Act::Return,
        Act::Extend(1),
        Act::Reopen,
        Act::Revisit(true),
        Act::Close,
    ] {
        let refused = complaint.act(&boss, &name, act.clone()).await.unwrap_err();
        assert_eq!(&*refused.reason, "WRONG_STATE", "{act:?}");
        assert_eq!(stated(&refused, "state"), "FILED", "{act:?}");
    }
    for own in EVERY_OWN {
        let refused = complaint.own("wx-1", &one.name, own).await.unwrap_err();
        assert_eq!(&*refused.reason, "WRONG_STATE", "{own:?}");
    }
    for act in [Act::TakeUp, Act::Answer, Act::Close] {
        complaint.act(&boss, &name, act).await.unwrap();
    }
    // Closed: only to be done again.
    for act in every_act(&into) {
        if !matches!(act, Act::Reopen) {
            let refused = complaint.act(&boss, &name, act.clone()).await.unwrap_err();
            let said = (refused.code, &*refused.reason, stated(&refused, "state"));
            assert_eq!(
                said,
                (FaultCode::FailedPrecondition, "WRONG_STATE", "CLOSED"),
                "{act:?}"
            );
        }
    }
    assert_eq!(log_length(&complaint, &name).await, 4);
    assert_eq!(log_length(&complaint, &into).await, 1);
}

async fn a_stale_action_is_refused_with_the_state_as_it_is(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let other = case_name(&complaint.file_place("wx-2", "370202").await);
    let (name, boss) = (case_name(&filed), all_roles("boss", "370200"));
    let seen = complaint.case(&boss, &name).await.unwrap();
    complaint.act(&boss, &name, Act::TakeUp).await.unwrap();
    for act in every_act(&other) {
        let id = next_request_id();
        let stale = complaint
            .act_with(&boss, &id, (&name, &seen.etag), act.clone())
            .await;
        let stale = stale.unwrap_err();
        assert_eq!(
            (stale.code, &*stale.reason),
            (FaultCode::Aborted, "STALE"),
            "{act:?}"
        );
        let now = complaint.case(&boss, &name).await.unwrap();
        assert_eq!(
            [stated(&stale, "state"), stated(&stale, "etag")],
            ["TAKEN_UP", now.etag.as_str()]
        );
    }
    for own in EVERY_OWN {
        let id = next_request_id();
        let stale = complaint
            .own_with("wx-1", &id, (&filed.name, &filed.etag), own)
            .await;
        assert_eq!(&*stale.unwrap_err().reason, "STALE", "{own:?}");
    }
    let now = complaint.case(&boss, &name).await.unwrap();
    let id = next_request_id();
    let done = complaint
        .act_with(&boss, &id, (&name, &now.etag), Act::Answer)
        .await
        .unwrap();
    assert_eq!(done.state(), Answered);
    assert_ne!(done.etag, now.etag);
}

/// Each action twice under one id: the second is answered with the case as it stands; and the id is refused with another body.
async fn a_repeated_action_is_done_once_and_another_body_is_a_conflict(bed: Bed) {
    let complaint = start(bed).await;
    let boss = all_roles("boss", "370200");
    let filed = complaint.file_place("wx-1", "370202").await;
    let name = case_name(&filed);
    let into = complaint.file_place("wx-2", "370202").await;
    let into = case_name(&into);
    let mut n = 0;
    for act in [
        Act::Assign("370202", ""),
        Act::TakeUp,
        Act::Extend(2),
        Act::Ask(Filer),
        Act::Answer,
        Act::Revisit(true),
        Act::Reopen,
        Act::Assign("370202", ""),
        Act::Return,
        Act::Assign("370202", ""),
        Act::TakeUp,
        Act::Answer,
        Act::Close,
        Act::Reopen,
        Act::Merge(into.clone()),
    ] {
        n += 1;
        let id = request_id(100 + n);
        let done = complaint
            .act_with(&boss, &id, (&name, ""), act.clone())
            .await
            .unwrap();
        let again = complaint
            .act_with(&boss, &id, (&name, ""), act.clone())
            .await
            .unwrap();
        assert_eq!(done, again, "{act:?}");
        let other = complaint
            .act_with(&boss, &id, (&into, ""), act.clone())
            .await
            .unwrap_err();
        assert_eq!(
            (other.code, &*other.reason),
            (FaultCode::AlreadyExists, "REQUEST_ID_REUSED"),
            "{act:?}"
        );
    }
    assert_eq!(log_length(&complaint, &name).await, 1 + n as usize);
    assert_eq!(log_length(&complaint, &into).await, 1);
    let filed = complaint.file_place("wx-1", "370202").await;
    let name = case_name(&filed);
    for act in [Act::TakeUp, Act::Ask(Filer)] {
        complaint.act(&boss, &name, act).await.unwrap();
    }
    for (n, own) in [(201, Own::Reply), (202, Own::Rate(false)), (203, Own::Reopen)] {
        if n > 201 {
            let case = complaint.case(&boss, &name).await.unwrap();
            if case.state() != TakenUp {
                complaint.act(&boss, &name, Act::TakeUp).await.unwrap();
            }
            complaint.act(&boss, &name, Act::Answer).await.unwrap();
        }
        let id = request_id(n);
        let done = complaint
            .own_with("wx-1", &id, (&filed.name, ""), own)
            .await
            .unwrap();
        let again = complaint
            .own_with("wx-1", &id, (&filed.name, ""), own)
            .await
            .unwrap();
        assert_eq!(done, again, "{own:?}");
        let other = complaint
            .own_with("wx-1", &id, (&filed.name, "x"), own)
            .await
            .unwrap_err();
        assert_eq!(&*other.reason, "REQUEST_ID_REUSED", "{own:?}");
    }
}

async fn a_case_is_returned_within_two_working_days(bed: Bed) {
    let complaint = start(bed).await;
    let (city, district) = (supervisor("370200"), officer("370202"));
    let name = case_name(&complaint.file_place("wx-1", "370202").await);
    // Saturday noon: the second working day is Tuesday.
    complaint
        .act(&city, &name, Act::Assign("370202", ""))
        .await
        .unwrap();
    let until = lutong_kernel::Timestamp::parse("2022-11-30T00:00:00+08:00").unwrap();
    let case = complaint.case(&district, &name).await.unwrap();
    assert_eq!(case.return_due_time.unwrap().seconds, until.seconds());
    complaint.0.clock.set(until);
    let refused = complaint.act(&district, &name, Act::Return).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason, stated(&refused, "until")),
        (
            FaultCode::FailedPrecondition,
            "RETURN_TOO_LATE",
            "2022-11-30T00:00:00+08:00"
        )
    );
    complaint.0.clock.set(until.plus_micros(-1));
    let returned = complaint.act(&district, &name, Act::Return).await.unwrap();
    assert_eq!(
        (returned.division.as_str(), returned.assignee.as_str()),
        ("370200", "")
    );
    assert_eq!(returned.return_due_time, None);
    assert!(returned.kind.is_none(), "they have given it away");
    let city_sees = complaint.case(&city, &name).await.unwrap();
    assert!(city_sees.kind.is_some());
    let gone = complaint.case(&district, &name).await.unwrap_err();
    assert_eq!(&*gone.reason, "CASE_NOT_FOUND", "it is the city's now");
}

async fn a_case_is_extended_by_ten_working_days_at_the_most_before_it_is_due(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let name = case_name(&complaint.file_place("wx-1", "370202").await);
    complaint.act(&district, &name, Act::TakeUp).await.unwrap();
    let due = |case: &wire::Case| case.clocks.last().unwrap().due_time.unwrap().seconds;
    let at = |text: &str| lutong_kernel::Timestamp::parse(text).unwrap();
    let extended = complaint.act(&district, &name, Act::Extend(4)).await.unwrap();
    // From Friday 2 December by four working days.
    assert_eq!(due(&extended), at("2022-12-09T00:00:00+08:00").seconds());
    let refused = complaint.act(&district, &name, Act::Extend(7)).await.unwrap_err();
    assert_eq!(
        (&*refused.reason, stated(&refused, "left")),
        ("EXTENSION_REFUSED", "6")
    );
    let extended = complaint.act(&district, &name, Act::Extend(6)).await.unwrap();
    assert_eq!(
        (due(&extended), extended.extended_days),
        (at("2022-12-17T00:00:00+08:00").seconds(), 10)
    );
    let other = case_name(&complaint.file_place("wx-1", "370202").await);
    complaint.act(&district, &other, Act::TakeUp).await.unwrap();
    complaint.0.clock.set(at("2022-12-03T00:00:00+08:00"));
    let refused = complaint
        .act(&district, &other, Act::Extend(1))
        .await
        .unwrap_err();
    assert_eq!(
        (&*refused.reason, stated(&refused, "left")),
        ("EXTENSION_REFUSED", "0"),
        "what is overdue stays overdue"
    );
}

async fn cases_of_one_kind_are_merged_and_their_filers_read_the_answer(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let (one, other) = (
        complaint.file_place("wx-1", "370202").await,
        complaint.file_place("wx-2", "370202").await,
    );
    let (name, into) = (case_name(&one), case_name(&other));
    let feedback = complaint
        .file("wx-3", 1, wire::FeedbackCategory::Technical, "x")
        .await
        .unwrap();
    let elsewhere = case_name(&complaint.file_place("wx-1", "370203").await);
    let province = all_roles("boss", "370000");
    for into in [name.clone(), case_name(&feedback)] {
        let refused = complaint
            .act(&province, &name, Act::Merge(into))
            .await
            .unwrap_err();
        assert_eq!(&*refused.reason, "MERGE_REFUSED");
    }
    let hidden = complaint
        .act(&district, &name, Act::Merge(elsewhere))
        .await
        .unwrap_err();
    assert_eq!(&*hidden.reason, "CASE_NOT_FOUND");
    let merged = complaint
        .act(&district, &name, Act::Merge(into.clone()))
        .await
        .unwrap();
    assert_eq!(
        (merged.state(), &merged.merged_into),
        (wire::ComplaintState::Merged, &into)
    );
    let back = complaint
        .act(&district, &into, Act::Merge(name.clone()))
        .await
        .unwrap_err();
    assert_eq!(&*back.reason, "MERGE_REFUSED", "no circles");
    for act in [Act::TakeUp, Act::Ask(Filer), Act::Answer] {
        complaint.act(&district, &into, act).await.unwrap();
    }
    let seen = complaint.find("wx-1", &one.name).await.unwrap();
    assert_eq!(seen.messages.len(), 1, "not what another filer was asked");
    assert_eq!(seen.messages[0].author(), wire::MessageAuthor::Answer);
    assert_eq!(
        (seen.state(), seen.due_time),
        (wire::ComplaintState::Merged, None)
    );
}

async fn an_appeal_is_merged_only_with_one_of_the_same_person(bed: Bed) {
    let complaint = start(bed).await;
    let (first, second, theirs) = (
        complaint.appeal("wx-1", false).await,
        complaint.appeal("wx-1", false).await,
        complaint.appeal("wx-2", false).await,
    );
    let district = officer("370202");
    let name = case_name(&first);
    let refused = complaint
        .act(&district, &name, Act::Merge(case_name(&theirs)))
        .await
        .unwrap_err();
    assert_eq!(&*refused.reason, "MERGE_REFUSED");
    let merged = complaint
        .act(&district, &name, Act::Merge(case_name(&second)))
        .await
        .unwrap();
    assert_eq!(merged.state(), wire::ComplaintState::Merged);
}

async fn a_filer_replies_when_asked_and_reopens_what_is_not_solved(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let filed = complaint.file_place("wx-1", "370202").await;
    let name = case_name(&filed);
    for act in [Act::TakeUp, Act::Ask(Authority)] {
        complaint.act(&district, &name, act).await.unwrap();
    }
    let seen = complaint.find("wx-1", &filed.name).await.unwrap();
    assert_eq!(
        (seen.state(), seen.messages.len()),
        (Waiting, 0),
        "the question was for an authority"
    );
    assert!(seen.allowed_actions.is_empty());
    let refused = complaint.own("wx-1", &filed.name, Own::Reply).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::FailedPrecondition, "NOT_ASKED")
    );
    for act in [Act::TakeUp, Act::Ask(Filer)] {
        complaint.act(&district, &name, act).await.unwrap();
    }
    let seen = complaint.find("wx-1", &filed.name).await.unwrap();
    assert_eq!(seen.allowed_actions, [i32::from(wire::CaseAction::Reply)]);
    let replied = complaint.own("wx-1", &filed.name, Own::Reply).await.unwrap();
    assert_eq!((replied.state(), replied.messages.len()), (TakenUp, 2));
    complaint.act(&district, &name, Act::Answer).await.unwrap();
    let due = filed.due_time.unwrap().seconds;
    complaint
        .0
        .clock
        .advance(std::time::Duration::from_secs(86_400 * 30));
    let reopened = complaint
        .own("wx-1", &filed.name, Own::Rate(false))
        .await
        .unwrap();
    assert_eq!(reopened.state(), wire::ComplaintState::Reopened);
    assert!(!reopened.revisit.unwrap().solved && reopened.due_time.unwrap().seconds > due);
    for act in [Act::TakeUp, Act::Answer] {
        complaint.act(&district, &name, act).await.unwrap();
    }
    let closed = complaint.own("wx-1", &filed.name, Own::Rate(true)).await.unwrap();
    assert_eq!((closed.state(), closed.due_time), (Closed, None));
    let again = complaint.own("wx-1", &filed.name, Own::Reopen).await.unwrap();
    assert_eq!(again.state(), wire::ComplaintState::Reopened);
}

async fn two_officers_who_act_at_once_are_told_apart(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let name = case_name(&filed);
    let (one, other) = (all_roles("one", "370202"), all_roles("other", "370202"));
    complaint
        .act(&one, &name, Act::Assign("370202", ""))
        .await
        .unwrap();
    let etag = complaint.case(&one, &name).await.unwrap().etag;
    let (first, second) = (request_id(1), request_id(2));
    let (mine, theirs) = tokio::join!(
        complaint.act_with(&one, &first, (&name, &etag), Act::TakeUp),
        complaint.act_with(&other, &second, (&name, &etag), Act::TakeUp),
    );
    let (won, lost) = if mine.is_ok() {
        (mine, theirs)
    } else {
        (theirs, mine)
    };
    assert_eq!(&*lost.unwrap_err().reason, "STALE");
    let case = complaint.case(&one, &name).await.unwrap();
    assert_eq!((won.unwrap(), case.state()), (case.clone(), TakenUp));
    assert_ne!(case.state(), Assigned);
    assert_eq!(log_length(&complaint, &name).await, 3);
}
