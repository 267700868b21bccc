//! What is refused of an appeal, and that what is refused changes nothing.

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::policy::Role;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines, violations};
use wire::create_complaint_request::Kind as FiledKind;

use super::{question, refused, upheld};
use crate::fakes::{CDC, CLINIC, fact};
use crate::{Act, Complaint, Own, TEXT, case_name, next_request_id, officer, staff, start};

on_both_engines!(
    an_appeal_is_about_the_filers_decision_in_force,
    an_appeal_is_filed_while_risk_rules_is_away_and_looked_up_later,
    nothing_is_asked_or_decided_while_risk_rules_is_away,
    a_source_is_asked_about_a_fact_that_stands_and_that_it_reported,
    an_appeal_is_not_decided_without_its_sources_or_against_the_facts,
    what_is_wrong_with_an_appeal_is_named_and_nothing_changes,
    only_an_appeal_is_decided_and_an_appeal_only_decided,
    an_appeal_out_of_reach_is_answered_like_one_that_is_not_there,
    a_case_is_reopened_as_often_as_its_kind_may_be,
);

fn appeal(decision: &str) -> wire::CreateComplaintRequest {
    wire::CreateComplaintRequest {
        request_id: next_request_id(),
        kind: Some(FiledKind::Appeal(wire::Appeal {
            decision: decision.to_owned(),
            colour: Colour::Yellow.into(),
            concerns_other_province: false,
            text: TEXT.to_owned(),
        })),
        division: "370202".to_owned(),
    }
}

fn stated<'a>(refused: &'a Fault, key: &str) -> &'a str {
    let found = refused.metadata.iter().find(|(one, _)| *one == key);
    found.map_or("", |(_, value)| value)
}

impl Complaint {
    async fn log_length(&self, name: &str) -> usize {
        self.events(&officer("370202"), name).await.unwrap().len()
    }
}

async fn an_appeal_is_about_the_filers_decision_in_force(bed: Bed) {
    let complaint = start(bed).await;
    // There is none after the seventh, none before the sixth, and none at all about the last person.
    for (account, decision) in [
        ("wx-1", "decisions/8"),
        ("wx-1", "decisions/5"),
        ("wx-99", "decisions/7"),
    ] {
        let refused = complaint.send(account, appeal(decision)).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::NotFound, "DECISION_NOT_FOUND"),
            "{account} {decision}"
        );
    }
    let refused = complaint.send("wx-1", appeal("decisions/6")).await.unwrap_err();
    assert_eq!(
        (&*refused.reason, stated(&refused, "decision")),
        ("DECISION_SUPERSEDED", "decisions/7")
    );
    // An account that is no person's.
    let request = complaint
        .0
        .call_as(&lutong_testing::citizen("wx-5", None))
        .request(appeal("decisions/7"));
    let refused = complaint.client().create_complaint(request).await.unwrap_err();
    assert_eq!(crate::fault(&refused).reason, "DECISION_NOT_FOUND");
    assert_eq!(complaint.stored().await, [0, 0]);
    // One that was filed in time is answered as filed, also when another decision has taken its place since.
    let filed = appeal("decisions/7");
    let first = complaint.send("wx-1", filed.clone()).await.unwrap();
    complaint.2.decide_anew("wx-1");
    assert_eq!(complaint.send("wx-1", filed).await.unwrap(), first);
    let refused = complaint.send("wx-1", appeal("decisions/7")).await.unwrap_err();
    assert_eq!(refused.reason, "DECISION_SUPERSEDED");
}

async fn an_appeal_is_filed_while_risk_rules_is_away_and_looked_up_later(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    complaint.2.set_risk_rules_away(true);
    let filed = complaint.send("wx-1", appeal("decisions/9")).await.unwrap();
    let name = case_name(&filed);
    complaint.2.set_risk_rules_away(false);
    let seen = complaint.inspect(&district, &name).await.unwrap();
    assert!(seen.decision.is_none() && seen.current.is_none() && seen.effect_state.is_none());
    assert!(seen.facts.is_empty());
    complaint.act(&district, &name, Act::TakeUp).await.unwrap();
    let named = complaint
        .decide(&district, upheld(&name, &[fact("wx-1", 1)]))
        .await;
    assert_eq!(named.unwrap_err().reason, "FACT_NOT_CITED");
    complaint.decide(&district, refused(&name)).await.unwrap();
}

async fn nothing_is_asked_or_decided_while_risk_rules_is_away(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let (_, name, review) = complaint.asked("wx-1").await;
    complaint.correct(CLINIC, &review).await.unwrap();
    let lines = complaint.log_length(&name).await;
    complaint.2.set_risk_rules_away(true);
    for refused in [
        complaint.inspect(&district, &name).await.unwrap_err(),
        complaint
            .ask(&district, question(&name, fact("wx-1", 2)))
            .await
            .unwrap_err(),
        complaint
            .decide(&district, upheld(&name, &[fact("wx-1", 1)]))
            .await
            .unwrap_err(),
        complaint
            .decide(&district, super::refused(&name))
            .await
            .unwrap_err(),
    ] {
        assert_eq!(
            (&*refused.reason, stated(&refused, "part")),
            ("PART_UNAVAILABLE", "risk-rules")
        );
    }
    assert_eq!(complaint.log_length(&name).await, lines);
    complaint.2.set_risk_rules_away(false);
    complaint
        .decide(&district, upheld(&name, &[fact("wx-1", 1)]))
        .await
        .unwrap();
}

async fn a_source_is_asked_about_a_fact_that_stands_and_that_it_reported(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let (_, name, _) = complaint.asked("wx-1").await;
    complaint.2.supersede("wx-1", 2);
    for (asked, reason) in [
        // Of another person.
        (fact("wx-2", 1), "FACT_NOT_CITED"),
        (fact("wx-1", 2), "FACT_WITHDRAWN"),
        (fact("wx-1", 3), "SOURCE_NOT_FEED"),
        (fact("wx-1", 4), "SOURCE_NOT_FEED"),
        (fact("wx-1", 1), "FACT_REVIEW_OPEN"),
    ] {
        let refused = complaint
            .ask(&district, question(&name, asked))
            .await
            .unwrap_err();
        assert_eq!(refused.reason, reason);
    }
    assert_eq!(complaint.log_length(&name).await, 3);
    assert_eq!(lutong_testing::rows(&complaint.1, "fact_reviews").await, 1);
}

async fn an_appeal_is_not_decided_without_its_sources_or_against_the_facts(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let decide = async |request, reason: &str| {
        let refused = complaint.decide(&district, request).await.unwrap_err();
        assert_eq!(refused.reason, reason);
    };
    let (_, name) = complaint.taken_up("wx-1").await;
    let wrong = [fact("wx-1", 1)];
    // Nobody was asked.
    decide(upheld(&name, &wrong), "SOURCE_NOT_ANSWERED").await;
    decide(refused(&name), "SOURCE_NOT_ANSWERED").await;
    let asked = complaint
        .ask(&district, question(&name, fact("wx-1", 1)))
        .await
        .unwrap();
    // The clinic has not answered.
    decide(upheld(&name, &wrong), "SOURCE_NOT_ANSWERED").await;
    decide(refused(&name), "SOURCE_NOT_ANSWERED").await;
    complaint
        .confirm(CLINIC, &asked.fact_review.unwrap().name)
        .await
        .unwrap();
    // It says that the fact is so.
    decide(upheld(&name, &wrong), "FACT_STANDS").await;
    // A fact of somebody else, and one of the officers that stands.
    decide(upheld(&name, &[fact("wx-2", 1)]), "FACT_NOT_CITED").await;
    decide(upheld(&name, &[fact("wx-1", 3)]), "FACT_STANDS").await;
    assert_eq!(complaint.log_length(&name).await, 4);
    // Everything that the decision rests on has been taken back.
    let (_, name) = complaint.taken_up("wx-3").await;
    for n in 1..=4 {
        complaint.2.supersede("wx-3", n);
    }
    decide(refused(&name), "FACT_WITHDRAWN").await;
    complaint
        .decide(&district, upheld(&name, &[fact("wx-3", 4)]))
        .await
        .unwrap();
}

async fn what_is_wrong_with_an_appeal_is_named_and_nothing_changes(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let (filed, name) = complaint.taken_up("wx-1").await;
    for (wrong, reason) in [
        ("", "name MISSING"),
        ("cases/", "name NAME_SHAPE"),
        (filed.name.as_str(), "name NAME_SHAPE"),
        ("cases/SD20221126", "name TRACKING_NUMBER"),
    ] {
        for refused in [
            complaint.inspect(&district, wrong).await.unwrap_err(),
            complaint
                .ask(&district, question(wrong, fact("wx-1", 1)))
                .await
                .unwrap_err(),
            complaint.decide(&district, refused(wrong)).await.unwrap_err(),
        ] {
            assert_eq!(violations(&refused), [reason]);
        }
    }
    let ask = |change: &dyn Fn(&mut wire::AskSourceRequest)| {
        let mut request = question(&name, fact("wx-1", 1));
        change(&mut request);
        request
    };
    for (request, reason) in [
        (ask(&|one| one.fact_id.clear()), "fact_id MISSING"),
        (ask(&|one| "F".clone_into(&mut one.fact_id)), "fact_id UUID_SHAPE"),
        (ask(&|one| one.question.clear()), "question MISSING"),
        (
            ask(&|one| "\u{202e}问".clone_into(&mut one.question)),
            "question TEXT_BIDI",
        ),
        (ask(&|one| one.purpose = None), "purpose MISSING"),
    ] {
        let refused = complaint.ask(&district, request).await.unwrap_err();
        assert_eq!(violations(&refused), [reason]);
    }
    let decide = |change: &dyn Fn(&mut wire::DecideAppealRequest)| {
        let mut request = upheld(&name, &[fact("wx-1", 1)]);
        change(&mut request);
        request
    };
    for (request, reason) in [
        (decide(&|one| one.verdict = 0), "verdict MISSING"),
        (decide(&|one| one.basis = 0), "basis MISSING"),
        (decide(&|one| one.reason.clear()), "reason MISSING"),
        (decide(&|one| one.fact_ids.clear()), "fact_ids MISSING"),
        (
            decide(&|one| one.fact_ids.push("F".to_owned())),
            "fact_ids[1] FACT_ID_SHAPE",
        ),
        (
            decide(&|one| one.set_verdict(wire::AppealVerdict::Refused)),
            "fact_ids FACTS_UNEXPECTED",
        ),
    ] {
        let refused = complaint.decide(&district, request).await.unwrap_err();
        assert_eq!(violations(&refused), [reason]);
    }
    let stale = ask(&|one| "old".clone_into(&mut one.etag));
    assert_eq!(complaint.ask(&district, stale).await.unwrap_err().reason, "STALE");
    let stale = decide(&|one| "old".clone_into(&mut one.etag));
    assert_eq!(
        complaint.decide(&district, stale).await.unwrap_err().reason,
        "STALE"
    );
    let foreign = complaint.groups(&district, 0, "x".to_owned()).await.unwrap_err();
    assert_eq!(foreign.reason, "INVALID_FIELDS");
    assert_eq!(complaint.log_length(&name).await, 2);
    assert_eq!(complaint.2.rows(), []);
}

async fn only_an_appeal_is_decided_and_an_appeal_only_decided(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let (_, name) = complaint.taken_up("wx-1").await;
    let answered = complaint.act(&district, &name, Act::Answer).await.unwrap_err();
    assert_eq!(
        (answered.code, &*answered.reason),
        (FaultCode::FailedPrecondition, "APPEAL_TO_DECIDE")
    );
    let case = complaint.case(&district, &name).await.unwrap();
    let actions: Vec<_> = case.allowed_actions().collect();
    assert!(!actions.contains(&wire::CaseAction::Answer));
    assert!(actions.contains(&wire::CaseAction::Decide) && actions.contains(&wire::CaseAction::AskSource));
    assert_eq!(case.desk, "epidemic-control");
    let place = case_name(&complaint.file_place("wx-1", "370202").await);
    complaint.act(&district, &place, Act::TakeUp).await.unwrap();
    for refused in [
        complaint.inspect(&district, &place).await.unwrap_err(),
        complaint
            .ask(&district, question(&place, fact("wx-1", 1)))
            .await
            .unwrap_err(),
        complaint.decide(&district, refused(&place)).await.unwrap_err(),
    ] {
        assert_eq!(refused.reason, "NOT_AN_APPEAL");
    }
    // Nobody has taken it up.
    let early = case_name(&complaint.appeal("wx-2", false).await);
    for refused in [
        complaint
            .ask(&district, question(&early, fact("wx-2", 1)))
            .await
            .unwrap_err(),
        complaint
            .decide(&district, upheld(&early, &[fact("wx-2", 1)]))
            .await
            .unwrap_err(),
    ] {
        assert_eq!(
            (&*refused.reason, stated(&refused, "state")),
            ("WRONG_STATE", "FILED")
        );
    }
}

async fn an_appeal_out_of_reach_is_answered_like_one_that_is_not_there(bed: Bed) {
    let complaint = start(bed).await;
    let (_, name) = complaint.taken_up("wx-1").await;
    let nobodys = format!("cases/{}", complaint.unknown_number());
    let far = officer("370102");
    let known = complaint.2.purposes().len();
    for name in [&name, &nobodys] {
        for refused in [
            complaint.inspect(&far, name).await.unwrap_err(),
            complaint
                .ask(&far, question(name, fact("wx-1", 1)))
                .await
                .unwrap_err(),
            complaint.decide(&far, refused(name)).await.unwrap_err(),
        ] {
            assert_eq!(
                (refused.code, &*refused.reason),
                (FaultCode::NotFound, "CASE_NOT_FOUND")
            );
        }
    }
    assert_eq!(complaint.2.purposes().len(), known, "risk-rules was not asked");
    let nowhere = staff("officer-x", Role::HealthOfficer, "");
    for refused in [
        complaint.inspect(&nowhere, &name).await.unwrap_err(),
        complaint
            .ask(&nowhere, question(&name, fact("wx-1", 1)))
            .await
            .unwrap_err(),
        complaint.decide(&nowhere, refused(&name)).await.unwrap_err(),
        complaint.groups(&nowhere, 0, String::new()).await.unwrap_err(),
    ] {
        assert_eq!(refused.reason, "DIVISION_MISSING");
    }
}

async fn a_case_is_reopened_as_often_as_its_kind_may_be(bed: Bed) {
    let complaint = start(bed).await;
    let (district, boss) = (officer("370202"), crate::all_roles("boss", "370200"));
    let filed = complaint.file_place("wx-1", "370202").await;
    let name = case_name(&filed);
    for count in 1..=3 {
        for act in [Act::TakeUp, Act::Answer] {
            complaint.act(&district, &name, act).await.unwrap();
        }
        complaint.own("wx-1", &filed.name, Own::Reopen).await.unwrap();
        let case = complaint.case(&district, &name).await.unwrap();
        assert_eq!(case.reopened_count, count);
    }
    for act in [Act::TakeUp, Act::Answer] {
        complaint.act(&district, &name, act).await.unwrap();
    }
    for refused in [
        complaint.own("wx-1", &filed.name, Own::Reopen).await.unwrap_err(),
        complaint.act(&boss, &name, Act::Reopen).await.unwrap_err(),
    ] {
        assert_eq!(
            (&*refused.reason, stated(&refused, "most")),
            ("REOPENED_TOO_OFTEN", "3")
        );
    }
    let rated = complaint
        .own("wx-1", &filed.name, Own::Rate(false))
        .await
        .unwrap();
    assert_eq!(rated.state(), wire::ComplaintState::Closed);
    // An appeal that was upheld is reopened where it is.
    let (filed, name, review) = complaint.asked("wx-2").await;
    complaint.correct(CLINIC, &review).await.unwrap();
    complaint
        .decide(&district, upheld(&name, &[fact("wx-2", 1)]))
        .await
        .unwrap();
    complaint.own("wx-2", &filed.name, Own::Reopen).await.unwrap();
    let case = complaint.act(&district, &name, Act::TakeUp).await.unwrap();
    assert_eq!(case.division, "370202");
    let asked = complaint
        .ask(&district, question(&name, fact("wx-2", 2)))
        .await
        .unwrap();
    complaint
        .confirm(CDC, &asked.fact_review.unwrap().name)
        .await
        .unwrap();
    complaint.decide(&district, refused(&name)).await.unwrap();
    let seen = complaint.find("wx-2", &filed.name).await.unwrap();
    assert_eq!(seen.outcome.unwrap().next_division, "370200");
}
