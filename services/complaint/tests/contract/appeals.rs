//! Appeals: what an officer sees, asks and decides, and what the filer hears of it.

mod refusals;

use std::time::Duration;

use lutong_kernel::Fault;
use lutong_proto::complaint::v1 as wire;
use lutong_proto::complaint::v1::appeal_service_client::AppealServiceClient;
use lutong_proto::policy::{Caller, DataClass};
use lutong_proto::types::v1::{Colour, EffectState};
use lutong_testing::{Bed, on_both_engines};
use lutong_transport::access::Principal;
use lutong_transport::client::MeshChannel;
use wire::ComplaintState::{Answered, Closed, Reopened, TakenUp, Waiting};

use crate::fakes::{CDC, CLINIC, fact, person};
use crate::{Act, Complaint, Own, case_name, fault, next_request_id, officer, purpose, start, supervisor};

on_both_engines!(
    an_upheld_appeal_ends_with_its_fact_retracted_and_the_filer_told,
    an_officer_sees_what_a_colour_rests_on_and_the_person_is_told_who_looked,
    a_refused_appeal_is_taken_to_the_next_instance_once,
    a_case_waits_until_every_source_has_answered,
    a_case_that_waits_for_its_filer_goes_on_doing_so,
    an_upheld_appeal_whose_colour_follows_says_so,
    a_repeated_act_is_done_once,
    appeals_of_one_source_and_hour_are_a_group_for_those_who_reach_them,
);

/// The name of a case as an appeal.
fn as_appeal(name: &str) -> String {
    name.replace("cases/", "appeals/")
}

/// A question about a fact, whose request has an id of its own.
pub(crate) fn question(name: &str, fact_id: String) -> wire::AskSourceRequest {
    wire::AskSourceRequest {
        request_id: next_request_id(),
        name: as_appeal(name),
        etag: String::new(),
        fact_id,
        question: "申诉人称当日未就诊，\n请核实".to_owned(),
        purpose: purpose(),
    }
}

pub(crate) fn upheld(name: &str, facts: &[String]) -> wire::DecideAppealRequest {
    wire::DecideAppealRequest {
        request_id: next_request_id(),
        name: as_appeal(name),
        etag: String::new(),
        verdict: wire::AppealVerdict::Upheld.into(),
        fact_ids: facts.to_vec(),
        reason: "就诊记录有误，已由医院撤回".to_owned(),
        basis: wire::AppealBasis::DataCorrection.into(),
        purpose: purpose(),
    }
}

pub(crate) fn refused(name: &str) -> wire::DecideAppealRequest {
    wire::DecideAppealRequest {
        verdict: wire::AppealVerdict::Refused.into(),
        fact_ids: Vec::new(),
        reason: "医院已核实就诊记录".to_owned(),
        basis: wire::AppealBasis::DiseaseControl.into(),
        ..upheld(name, &[])
    }
}

impl Complaint {
    pub(crate) fn appeals(&self) -> AppealServiceClient<MeshChannel> {
        AppealServiceClient::new(
            self.0
                .channel(lutong_kernel::ServiceName::Complaint, Caller::Gateway),
        )
    }

    pub(crate) async fn inspect(
        &self,
        who: &Principal,
        name: &str,
    ) -> Result<wire::InspectAppealResponse, Fault> {
        let request = wire::InspectAppealRequest {
            name: as_appeal(name),
            purpose: purpose(),
        };
        let request = self.0.call_as(who).request(request);
        let answer = self.appeals().inspect_appeal(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    pub(crate) async fn ask(
        &self,
        who: &Principal,
        question: wire::AskSourceRequest,
    ) -> Result<wire::AskSourceResponse, Fault> {
        let request = self.0.call_as(who).request(question);
        let answer = self.appeals().ask_source(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    pub(crate) async fn decide(
        &self,
        who: &Principal,
        decision: wire::DecideAppealRequest,
    ) -> Result<wire::DecideAppealResponse, Fault> {
        let request = self.0.call_as(who).request(decision);
        let answer = self.appeals().decide_appeal(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    pub(crate) async fn groups(
        &self,
        who: &Principal,
        page_size: i32,
        page_token: String,
    ) -> Result<wire::ListAppealGroupsResponse, Fault> {
        let request = wire::ListAppealGroupsRequest {
            page_size,
            page_token,
            purpose: purpose(),
        };
        let request = self.0.call_as(who).request(request);
        let answer = self.appeals().list_appeal_groups(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    /// An appeal of an account in district 370202, taken up by its officer: its complaint, and its name as a case.
    pub(crate) async fn taken_up(&self, account: &str) -> (wire::Complaint, String) {
        let filed = self.appeal(account, false).await;
        let name = case_name(&filed);
        self.act(&officer("370202"), &name, Act::TakeUp).await.unwrap();
        (filed, name)
    }

    /// The same, and its clinic has been asked: also the name of the question.
    pub(crate) async fn asked(&self, account: &str) -> (wire::Complaint, String, String) {
        let (filed, name) = self.taken_up(account).await;
        let asked = self
            .ask(&officer("370202"), question(&name, fact(account, 1)))
            .await
            .unwrap();
        (filed, name, asked.fact_review.unwrap().name)
    }
}

async fn an_upheld_appeal_ends_with_its_fact_retracted_and_the_filer_told(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let (filed, name) = complaint.taken_up("wx-1").await;
    let asked = complaint
        .ask(&district, question(&name, fact("wx-1", 1)))
        .await
        .unwrap();
    let (case, review) = (asked.case.unwrap(), asked.fact_review.unwrap());
    assert_eq!(
        (case.state(), case.waiting_for()),
        (Waiting, wire::WaitingFor::Authority)
    );
    assert_eq!(review.state(), wire::FactReviewState::Requested);
    let corrected = complaint.correct(CLINIC, &review.name).await.unwrap();
    assert_eq!(
        corrected.fact_review.unwrap().state(),
        wire::FactReviewState::Corrected
    );
    let effect = corrected.effect.unwrap();
    assert_eq!((effect.redecided, effect.state()), (1, EffectState::InForce));
    let rows = complaint.2.rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].key, format!("appeal-{}", review.fact_review_id));
    let case = complaint.case(&district, &name).await.unwrap();
    assert_eq!(case.state(), TakenUp, "the case goes on");
    let decided = complaint
        .decide(&district, upheld(&name, &[fact("wx-1", 1)]))
        .await
        .unwrap();
    let effect = decided.effect.unwrap();
    assert_eq!((effect.redecided, effect.state()), (1, EffectState::InForce));
    let case = decided.case.unwrap();
    assert_eq!(case.state(), Answered);
    assert_eq!(case.outcome.as_ref().unwrap().effect, Some(effect));
    // The filer hears of it.
    let seen = complaint.find("wx-1", &filed.name).await.unwrap();
    assert_eq!(seen.state(), Answered);
    let outcome = seen.outcome.unwrap();
    assert_eq!(
        (outcome.verdict(), outcome.basis(), outcome.fact_ids.as_slice()),
        (
            wire::AppealVerdict::Upheld,
            wire::AppealBasis::DataCorrection,
            &[fact("wx-1", 1)][..]
        )
    );
    assert_eq!(outcome.next_division, "");
    let said: Vec<_> = seen
        .messages
        .iter()
        .map(|one| (one.author(), &*one.text))
        .collect();
    assert_eq!(
        said,
        [(wire::MessageAuthor::Answer, "就诊记录有误，已由医院撤回")],
        "what the source was asked is not for the filer"
    );
    let log = complaint.events(&district, &name).await.unwrap();
    let what: Vec<_> = log.iter().map(|one| (&*one.event, &*one.actor)).collect();
    assert_eq!(
        what,
        [
            ("file", "filer"),
            ("take_up", "staff:officer-370202"),
            ("ask_source", "staff:officer-370202"),
            ("source_correct", "source:hospital-370202"),
            ("decide", "staff:officer-370202"),
        ]
    );
    complaint.own("wx-1", &filed.name, Own::Rate(true)).await.unwrap();
}

async fn an_officer_sees_what_a_colour_rests_on_and_the_person_is_told_who_looked(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let (_, name, review) = complaint.asked("wx-1").await;
    let seen = complaint.inspect(&district, &name).await.unwrap();
    let subject = person("wx-1").to_string();
    assert_eq!(seen.subject_id, subject);
    let decision = seen.decision.unwrap();
    assert_eq!(decision.decision, format!("subjects/{subject}/decisions/7"));
    assert_eq!(
        (decision.colour(), seen.identical, seen.replayed.as_ref()),
        (Colour::Yellow, true, Some(&decision))
    );
    assert_eq!(decision.rules[0].fact_ids.len(), 4);
    let facts: Vec<_> = seen
        .facts
        .iter()
        .map(|one| (&*one.source, one.has_feed))
        .collect();
    assert_eq!(
        facts,
        [
            (CLINIC, true),
            (CDC, true),
            ("officer-370202", false),
            ("self", false)
        ]
    );
    assert!(seen.facts.iter().all(|one| one.supersede_time.is_none()));
    assert_eq!(seen.fact_reviews.len(), 1);
    let asked = &seen.fact_reviews[0];
    assert_eq!((&asked.name, &asked.case), (&review, &name));
    assert_eq!(
        asked.key, "",
        "the id of a record at the clinic is not the officer's to know"
    );
    let purposes = complaint.2.purposes();
    assert!(purposes.iter().all(|one| Some(one) == purpose().as_ref()));
    // A fact that is taken back shows.
    complaint.correct(CLINIC, &review).await.unwrap();
    let seen = complaint.inspect(&district, &name).await.unwrap();
    assert!(seen.facts[0].supersede_time.is_some() && seen.facts[1].supersede_time.is_none());
    assert_eq!(seen.current.unwrap().colour(), Colour::Green);
    // Two looks at the appeal, and one each at the case and its log.
    complaint.case(&district, &name).await.unwrap();
    complaint.events(&district, &name).await.unwrap();
    let ledger = complaint.2.lookups.clone();
    let waiting = async {
        while ledger.told().len() < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap();
    let rpcs: Vec<_> = ledger.told();
    let expected = ["InspectAppeal", "InspectAppeal", "GetCase", "ListCaseEvents"];
    assert_eq!(rpcs, expected.map(|rpc| (subject.clone(), rpc.to_owned())));
    let shown = ledger.all().remove(0).lookup.unwrap();
    assert_eq!(
        shown.classes().collect::<Vec<_>>(),
        [DataClass::Appeals, DataClass::Decisions]
    );
    // What is about no person is told to nobody.
    let place = case_name(&complaint.file_place("wx-1", "370202").await);
    complaint.case(&district, &place).await.unwrap();
    assert_eq!(ledger.told().len(), 4);
}

async fn a_refused_appeal_is_taken_to_the_next_instance_once(bed: Bed) {
    let complaint = start(bed).await;
    let (district, city) = (officer("370202"), supervisor("370200"));
    let (filed, name, review) = complaint.asked("wx-1").await;
    complaint.confirm(CLINIC, &review).await.unwrap();
    let decided = complaint.decide(&district, refused(&name)).await.unwrap();
    assert_eq!(decided.effect.unwrap().redecided, 0);
    let seen = complaint.find("wx-1", &filed.name).await.unwrap();
    let outcome = seen.outcome.unwrap();
    assert_eq!(
        (outcome.verdict(), &*outcome.next_division, outcome.effect),
        (wire::AppealVerdict::Refused, "370200", None)
    );
    let reopened = complaint.own("wx-1", &filed.name, Own::Reopen).await.unwrap();
    assert_eq!(reopened.state(), Reopened);
    assert!(
        complaint.case(&district, &name).await.is_err(),
        "it is the city's now"
    );
    let case = complaint.act(&city, &name, Act::TakeUp).await.unwrap();
    assert_eq!((&*case.division, case.reopened_count), ("370200", 1));
    complaint.decide(&city, refused(&name)).await.unwrap();
    let seen = complaint.find("wx-1", &filed.name).await.unwrap();
    assert_eq!(seen.outcome.unwrap().next_division, "");
    assert_eq!(seen.allowed_actions, [i32::from(wire::CaseAction::Revisit)]);
    let again = complaint.own("wx-1", &filed.name, Own::Reopen).await.unwrap_err();
    assert_eq!(again.reason, "NO_NEXT_INSTANCE");
    let again = complaint.act(&city, &name, Act::Reopen).await.unwrap_err();
    assert_eq!(again.reason, "NO_NEXT_INSTANCE");
    // What cannot be reopened is closed as not solved.
    let rated = complaint
        .own("wx-1", &filed.name, Own::Rate(false))
        .await
        .unwrap();
    assert_eq!(rated.state(), Closed);
    assert!(!rated.revisit.unwrap().solved);
}

async fn a_case_waits_until_every_source_has_answered(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let (_, name, clinic) = complaint.asked("wx-1").await;
    let cdc = complaint.ask(&district, question(&name, fact("wx-1", 2))).await;
    let cdc = cdc.unwrap().fact_review.unwrap();
    assert_eq!(cdc.source, CDC);
    complaint.correct(CLINIC, &clinic).await.unwrap();
    let case = complaint.case(&district, &name).await.unwrap();
    assert_eq!(case.state(), Waiting, "the CDC has not answered");
    let early = complaint
        .decide(&district, upheld(&name, &[fact("wx-1", 1)]))
        .await;
    assert_eq!(early.unwrap_err().reason, "SOURCE_NOT_ANSWERED");
    complaint.confirm(CDC, &cdc.name).await.unwrap();
    let case = complaint.case(&district, &name).await.unwrap();
    assert_eq!(
        (case.state(), case.waiting_for()),
        (TakenUp, wire::WaitingFor::Unspecified)
    );
    complaint
        .decide(&district, upheld(&name, &[fact("wx-1", 1)]))
        .await
        .unwrap();
}

async fn a_case_that_waits_for_its_filer_goes_on_doing_so(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let (filed, name) = complaint.taken_up("wx-1").await;
    complaint
        .act(&district, &name, Act::Ask(wire::WaitingFor::Filer))
        .await
        .unwrap();
    let asked = complaint
        .ask(&district, question(&name, fact("wx-1", 1)))
        .await
        .unwrap();
    assert_eq!(asked.case.unwrap().waiting_for(), wire::WaitingFor::Filer);
    complaint
        .confirm(CLINIC, &asked.fact_review.unwrap().name)
        .await
        .unwrap();
    let case = complaint.case(&district, &name).await.unwrap();
    assert_eq!(
        (case.state(), case.waiting_for()),
        (Waiting, wire::WaitingFor::Filer)
    );
    complaint.own("wx-1", &filed.name, Own::Reply).await.unwrap();
}

async fn an_upheld_appeal_whose_colour_follows_says_so(bed: Bed) {
    let complaint = start(bed).await;
    let (filed, name, review) = complaint.asked("wx-1").await;
    complaint.2.set_pending(true);
    let corrected = complaint.correct(CLINIC, &review).await.unwrap();
    let effect = corrected.effect.unwrap();
    assert_eq!(effect.state(), EffectState::Pending);
    let decision = upheld(&name, &[fact("wx-1", 1)]);
    let decided = complaint
        .decide(&officer("370202"), decision.clone())
        .await
        .unwrap();
    let said = decided.effect.unwrap();
    assert_eq!(said.state(), EffectState::Pending);
    assert_eq!(said.operation, effect.operation);
    assert!(!said.operation.is_empty());
    let seen = complaint.find("wx-1", &filed.name).await.unwrap();
    assert_eq!(seen.outcome.unwrap().effect, Some(said.clone()));
    // Also when it is sent again.
    let again = complaint.decide(&officer("370202"), decision).await.unwrap();
    assert_eq!(again.effect, Some(said));
}

async fn a_repeated_act_is_done_once(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let (_, name) = complaint.taken_up("wx-1").await;
    let asking = question(&name, fact("wx-1", 1));
    let first = complaint.ask(&district, asking.clone()).await.unwrap();
    assert_eq!(complaint.ask(&district, asking.clone()).await.unwrap(), first);
    let review = first.fact_review.unwrap().name;
    let other = wire::AskSourceRequest {
        question: "另一问题".to_owned(),
        ..asking.clone()
    };
    let reused = complaint.ask(&district, other).await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    let correction = crate::fact_reviews::correction(&review);
    let first = complaint.correct_with(CLINIC, correction.clone()).await.unwrap();
    // While nobody could take another retraction.
    complaint.2.set_declaration_away(true);
    let again = complaint.correct_with(CLINIC, correction.clone()).await.unwrap();
    assert_eq!(again, first);
    let other = wire::CorrectFactRequest {
        reason: "另一原因".to_owned(),
        ..correction
    };
    let reused = complaint.correct_with(CLINIC, other).await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    let decision = upheld(&name, &[fact("wx-1", 1)]);
    let first = complaint.decide(&district, decision.clone()).await.unwrap();
    // The question and the verdict are answered as they stand, also while risk-rules is away.
    complaint.2.set_risk_rules_away(true);
    assert_eq!(
        complaint.decide(&district, decision.clone()).await.unwrap(),
        first
    );
    let asked = complaint
        .ask(&district, asking)
        .await
        .unwrap()
        .fact_review
        .unwrap();
    assert_eq!(asked.state(), wire::FactReviewState::Corrected);
    let other = wire::DecideAppealRequest {
        reason: "另一理由".to_owned(),
        ..decision
    };
    let reused = complaint.decide(&district, other).await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    let log = complaint.events(&district, &name).await.unwrap();
    assert_eq!(log.len(), 5);
    assert_eq!(lutong_testing::rows(&complaint.1, "fact_reviews").await, 1);
}

async fn appeals_of_one_source_and_hour_are_a_group_for_those_who_reach_them(bed: Bed) {
    let complaint = start(bed).await;
    let (district, city) = (officer("370202"), supervisor("370200"));
    let mut asked = Vec::new();
    for account in ["wx-1", "wx-2", "wx-3"] {
        let (_, name, review) = complaint.asked(account).await;
        asked.push((name, account, review));
    }
    asked.sort();
    let names: Vec<&String> = asked.iter().map(|(name, ..)| name).collect();
    // One that asked another source too is no group of it.
    let (first, account, _) = &asked[0];
    let cdc = complaint
        .ask(&district, question(first, fact(account, 2)))
        .await
        .unwrap();
    let page = complaint.groups(&city, 0, String::new()).await.unwrap();
    assert_eq!(page.appeal_groups.len(), 1);
    let group = &page.appeal_groups[0];
    assert_eq!((&*group.source, group.count), (CLINIC, 3));
    assert_eq!(group.cases.iter().collect::<Vec<_>>(), names);
    let (start, end) = (group.start_time.unwrap(), group.end_time.unwrap());
    assert_eq!((start.seconds, start.nanos + 1_000), (end.seconds, end.nanos));
    for who in [officer("370203"), officer("370102")] {
        let page = complaint.groups(&who, 0, String::new()).await.unwrap();
        assert!(page.appeal_groups.is_empty(), "{}", who.account);
    }
    // Two are: pages by source and hour.
    let (second, account, _) = &asked[1];
    complaint
        .ask(&district, question(second, fact(account, 2)))
        .await
        .unwrap();
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = complaint.groups(&city, 1, token).await.unwrap();
        seen.extend(page.appeal_groups.into_iter().map(|one| (one.source, one.count)));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, [(CDC.to_owned(), 2), (CLINIC.to_owned(), 3)]);
    // What is decided is no longer open.
    complaint.confirm(CLINIC, &asked[0].2).await.unwrap();
    complaint
        .confirm(CDC, &cdc.fact_review.unwrap().name)
        .await
        .unwrap();
    complaint.decide(&district, refused(first)).await.unwrap();
    let page = complaint.groups(&city, 0, String::new()).await.unwrap();
    assert_eq!(page.appeal_groups.len(), 1);
    let group = &page.appeal_groups[0];
    assert_eq!((&*group.source, group.count), (CLINIC, 2));
    assert_eq!(group.cases.iter().collect::<Vec<_>>(), names[1..]);
}
