//! Questions to the sources of facts: a feed sees its own, answers each once and in time, and what it takes back is retracted.

use std::time::Duration;

use lutong_kernel::{Fault, FaultCode, ServiceName, Violation};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::complaint::v1::fact_review_service_client::FactReviewServiceClient;
use lutong_proto::declaration::v1::fact_row;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1::fact::Kind;
use lutong_proto::types::v1::{ClockState, Fact, FeverClinicVisit};
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::Principal;
use lutong_transport::client::MeshChannel;
use wire::ComplaintState::{TakenUp, Waiting};
use wire::FactReviewState::{Confirmed, Corrected, Expired, Requested, Unspecified};

use crate::appeals::{question, refused, upheld};
use crate::fakes::{CDC, CLINIC, fact};
use crate::{Complaint, fault, next_request_id, officer, staff, start};

on_both_engines!(
    a_feed_sees_its_own_questions_and_nothing_of_the_appeal,
    another_feeds_question_is_answered_like_one_that_is_not_there,
    a_source_answers_once,
    a_question_that_nobody_answers_expires_once_and_the_case_goes_on,
    a_retraction_whose_answer_was_lost_is_noted_when_it_is_sent_again,
    a_fact_that_its_source_took_back_before_is_corrected,
    what_is_so_instead_takes_the_place_of_the_fact,
    what_is_wrong_with_an_answer_is_named_and_nothing_changes,
);

fn feed(source: &str) -> Principal {
    lutong_testing::feed(source, &["fever_clinic_visit", "close_contact"])
}

pub(crate) fn correction(name: &str) -> wire::CorrectFactRequest {
    wire::CorrectFactRequest {
        request_id: next_request_id(),
        name: name.to_owned(),
        etag: String::new(),
        reason: "同名误录".to_owned(),
        fact: None,
    }
}

fn confirmation(name: &str) -> wire::ConfirmFactRequest {
    wire::ConfirmFactRequest {
        request_id: next_request_id(),
        name: name.to_owned(),
        etag: String::new(),
        reason: "已核对就诊登记".to_owned(),
    }
}

impl Complaint {
    fn fact_reviews(&self) -> FactReviewServiceClient<MeshChannel> {
        FactReviewServiceClient::new(self.0.channel(ServiceName::Complaint, Caller::Gateway))
    }

    pub(crate) async fn correct_with(
        &self,
        source: &str,
        request: wire::CorrectFactRequest,
    ) -> Result<wire::CorrectFactResponse, Fault> {
        self.correct_as(&feed(source), request).await
    }

    async fn correct_as(
        &self,
        who: &Principal,
        request: wire::CorrectFactRequest,
    ) -> Result<wire::CorrectFactResponse, Fault> {
        let request = self.0.call_as(who).request(request);
        let answer = self.fact_reviews().correct_fact(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    async fn confirm_as(
        &self,
        who: &Principal,
        request: wire::ConfirmFactRequest,
    ) -> Result<wire::FactReview, Fault> {
        let request = self.0.call_as(who).request(request);
        let answer = self.fact_reviews().confirm_fact(request).await;
        answer
            .map(|answer| answer.into_inner().fact_review.unwrap())
            .map_err(|status| fault(&status))
    }

    pub(crate) async fn correct(&self, source: &str, name: &str) -> Result<wire::CorrectFactResponse, Fault> {
        self.correct_with(source, correction(name)).await
    }

    pub(crate) async fn confirm(&self, source: &str, name: &str) -> Result<wire::FactReview, Fault> {
        self.confirm_as(&feed(source), confirmation(name)).await
    }

    async fn review_as(&self, who: &Principal, name: &str) -> Result<wire::FactReview, Fault> {
        let request = wire::GetFactReviewRequest {
            name: name.to_owned(),
        };
        let request = self.0.call_as(who).request(request);
        let answer = self.fact_reviews().get_fact_review(request).await;
        answer
            .map(|answer| answer.into_inner().fact_review.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn list_as(
        &self,
        who: &Principal,
        request: wire::ListFactReviewsRequest,
    ) -> Result<wire::ListFactReviewsResponse, Fault> {
        let request = self.0.call_as(who).request(request);
        let answer = self.fact_reviews().list_fact_reviews(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    pub(crate) async fn reviews(
        &self,
        source: &str,
        state: wire::FactReviewState,
    ) -> Result<Vec<wire::FactReview>, Fault> {
        let request = wire::ListFactReviewsRequest {
            state: state.into(),
            ..Default::default()
        };
        Ok(self.list_as(&feed(source), request).await?.fact_reviews)
    }
}

async fn a_feed_sees_its_own_questions_and_nothing_of_the_appeal(bed: Bed) {
    let complaint = start(bed).await;
    let mut names = Vec::new();
    for account in ["wx-1", "wx-2", "wx-3"] {
        names.push(complaint.asked(account).await.2);
        complaint.0.clock.advance(Duration::from_secs(60));
    }
    names.reverse();
    let seen = complaint.reviews(CLINIC, Unspecified).await.unwrap();
    assert_eq!(
        seen.iter().map(|one| &one.name).collect::<Vec<_>>(),
        names.iter().collect::<Vec<_>>()
    );
    let one = complaint.review_as(&feed(CLINIC), &names[2]).await.unwrap();
    assert_eq!(one, seen[2]);
    assert_eq!((&*one.key, &*one.fact_id), ("key-1", &*fact("wx-1", 1)));
    assert_eq!((&*one.case, &*one.kind), ("", "fever_clinic_visit"));
    assert!(one.question.contains("请核实"));
    let clock = one.clock.unwrap();
    assert_eq!(
        (clock.state(), &*clock.kind),
        (ClockState::Running, "source-answer")
    );
    assert_eq!(
        clock.due_time.unwrap().seconds - clock.start_time.unwrap().seconds,
        4 * 3_600
    );
    // Pages, and the other feed's own list.
    let (mut paged, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = wire::ListFactReviewsRequest {
            page_size: 2,
            page_token,
            state: Requested.into(),
        };
        let page = complaint.list_as(&feed(CLINIC), request).await.unwrap();
        paged.extend(page.fact_reviews.into_iter().map(|one| one.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, names);
    assert!(complaint.reviews(CDC, Unspecified).await.unwrap().is_empty());
    complaint.confirm(CLINIC, &names[0]).await.unwrap();
    complaint.correct(CLINIC, &names[1]).await.unwrap();
    for (state, name) in [
        (Confirmed, &names[0]),
        (Corrected, &names[1]),
        (Requested, &names[2]),
    ] {
        let found = complaint.reviews(CLINIC, state).await.unwrap();
        let found: Vec<_> = found.iter().map(|one| (one.state(), &one.name)).collect();
        assert_eq!(found, [(state, name)]);
    }
    let texts = lutong_testing::bytes(&complaint.1, "fact_reviews", "source_key").await;
    assert!(!texts.windows(5).any(|part| part == b"key-1"), "kept encrypted");
}

async fn another_feeds_question_is_answered_like_one_that_is_not_there(bed: Bed) {
    let complaint = start(bed).await;
    let (_, _, review) = complaint.asked("wx-1").await;
    let nobodys = "fact-reviews/00000000-0000-7000-8000-000000000001";
    for name in [review.as_str(), nobodys] {
        let seen = complaint.review_as(&feed(CDC), name).await.unwrap_err();
        let confirmed = complaint.confirm(CDC, name).await.unwrap_err();
        let corrected = complaint.correct(CDC, name).await.unwrap_err();
        assert_eq!((&seen, &seen), (&confirmed, &corrected));
        assert_eq!(
            (seen.code, &*seen.reason),
            (FaultCode::NotFound, "FACT_REVIEW_NOT_FOUND")
        );
    }
    assert_eq!(complaint.2.rows(), []);
    let seen = complaint.review_as(&feed(CLINIC), &review).await.unwrap();
    assert_eq!(seen.state(), Requested);
}

async fn a_source_answers_once(bed: Bed) {
    let complaint = start(bed).await;
    let (_, name, confirmed) = complaint.asked("wx-1").await;
    let (_, _, corrected) = complaint.asked("wx-2").await;
    complaint.confirm(CLINIC, &confirmed).await.unwrap();
    complaint.correct(CLINIC, &corrected).await.unwrap();
    for review in [&confirmed, &corrected] {
        let again = complaint.confirm(CLINIC, review).await.unwrap_err();
        assert_eq!(again.reason, "FACT_REVIEW_ANSWERED");
        let again = complaint.correct(CLINIC, review).await.unwrap_err();
        assert_eq!(again.reason, "FACT_REVIEW_ANSWERED");
    }
    assert_eq!(complaint.2.rows().len(), 1, "what was confirmed is not retracted");
    // At once, from two terminals: one of them is heard.
    complaint
        .decide(&officer("370202"), refused(&name))
        .await
        .unwrap();
    let (_, _, review) = complaint.asked("wx-3").await;
    let (one, other) = tokio::join!(
        complaint.confirm(CLINIC, &review),
        complaint.confirm(CLINIC, &review)
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
}

async fn a_question_that_nobody_answers_expires_once_and_the_case_goes_on(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let (_, name, review) = complaint.asked("wx-1").await;
    let others: Vec<Bed> = (0..2).map(|_| complaint.0.reopened()).collect();
    for bed in &others {
        crate::serve(bed, &complaint.1).await;
    }
    complaint.0.clock.advance(Duration::from_secs(4 * 3_600));
    // Its time is over, whether or not anybody has noted it.
    let seen = complaint.review_as(&feed(CLINIC), &review).await.unwrap();
    assert_eq!(
        (seen.state(), seen.clock.unwrap().state()),
        (Expired, ClockState::Overdue)
    );
    let late = complaint.confirm(CLINIC, &review).await.unwrap_err();
    assert_eq!(late.reason, "FACT_REVIEW_ENDED");
    let late = complaint.correct(CLINIC, &review).await.unwrap_err();
    assert_eq!(late.reason, "FACT_REVIEW_ENDED");
    assert_eq!(complaint.2.rows(), []);
    let waiting = async {
        while complaint.case(&district, &name).await.unwrap().state() == Waiting {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let case = complaint.case(&district, &name).await.unwrap();
    assert_eq!(case.state(), TakenUp);
    let log = complaint.events(&district, &name).await.unwrap();
    let expired: Vec<_> = log.iter().filter(|one| one.event == "source_expire").collect();
    assert_eq!(expired.len(), 1, "however many workers there are");
    assert_eq!(expired[0].actor, "clock");
    assert_eq!(complaint.reviews(CLINIC, Expired).await.unwrap().len(), 1);
    // Silence decides nothing; the source is asked again.
    let early = complaint.decide(&district, refused(&name)).await.unwrap_err();
    assert_eq!(early.reason, "SOURCE_NOT_ANSWERED");
    let again = complaint
        .ask(&district, question(&name, fact("wx-1", 1)))
        .await
        .unwrap();
    complaint
        .confirm(CLINIC, &again.fact_review.unwrap().name)
        .await
        .unwrap();
    complaint.decide(&district, refused(&name)).await.unwrap();
    drop(others);
}

async fn a_retraction_whose_answer_was_lost_is_noted_when_it_is_sent_again(bed: Bed) {
    let complaint = start(bed).await;
    let district = officer("370202");
    let (_, name, review) = complaint.asked("wx-1").await;
    complaint.2.loses_answer(true);
    let request = correction(&review);
    let lost = complaint.correct_with(CLINIC, request.clone()).await.unwrap_err();
    assert_eq!(lost.reason, "PART_UNAVAILABLE");
    let seen = complaint.review_as(&feed(CLINIC), &review).await.unwrap();
    assert_eq!(seen.state(), Requested, "nothing is acknowledged");
    complaint.2.loses_answer(false);
    let done = complaint.correct_with(CLINIC, request).await.unwrap();
    assert_eq!(done.fact_review.unwrap().state(), Corrected);
    assert_eq!(complaint.2.rows().len(), 1, "retracted once");
    complaint
        .decide(&district, upheld(&name, &[fact("wx-1", 1)]))
        .await
        .unwrap();
}

async fn a_fact_that_its_source_took_back_before_is_corrected(bed: Bed) {
    let complaint = start(bed).await;
    let (_, name, review) = complaint.asked("wx-1").await;
    complaint.2.supersede("wx-1", 1);
    let superseded = Violation::new(
        "retraction.retracts_key",
        "ALREADY_SUPERSEDED",
        "已撤回",
        "retracted",
    );
    complaint.2.refuses(Some(superseded));
    // Nobody waits for what the source says about it.
    let decision = upheld(&name, &[fact("wx-1", 1)]);
    complaint.decide(&officer("370202"), decision).await.unwrap();
    let done = complaint.correct(CLINIC, &review).await.unwrap();
    assert_eq!(done.fact_review.unwrap().state(), Corrected);
    assert_eq!(done.effect.unwrap().redecided, 0);
}

async fn what_is_so_instead_takes_the_place_of_the_fact(bed: Bed) {
    let complaint = start(bed).await;
    let (_, name, review) = complaint.asked("wx-1").await;
    let visit = |seconds| Fact {
        kind: Some(Kind::FeverClinicVisit(FeverClinicVisit {
            visited_at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            ..FeverClinicVisit::default()
        })),
    };
    let wrong = Violation::new(
        "correction.fact.fever_clinic_visit.visited_at",
        "INSTANT_FAR_FUTURE",
        "过远",
        "far",
    );
    complaint.2.refuses(Some(wrong));
    let request = wire::CorrectFactRequest {
        fact: Some(visit(4_000_000_000)),
        ..correction(&review)
    };
    let refused = complaint.correct_with(CLINIC, request).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        ["fact.fever_clinic_visit.visited_at INSTANT_FAR_FUTURE"]
    );
    complaint.2.refuses(None);
    let request = wire::CorrectFactRequest {
        fact: Some(visit(1_600_000_000)),
        ..correction(&review)
    };
    let done = complaint.correct_with(CLINIC, request).await.unwrap();
    assert_eq!(done.fact_review.unwrap().state(), Corrected);
    let rows = complaint.2.rows();
    let Some(fact_row::Statement::Correction(correction)) = &rows[0].statement else {
        panic!("{rows:?}");
    };
    assert_eq!(
        (&*correction.replaces_key, correction.fact.clone()),
        ("key-1", Some(visit(1_600_000_000)))
    );
    complaint
        .decide(&officer("370202"), upheld(&name, &[fact("wx-1", 1)]))
        .await
        .unwrap();
}

async fn what_is_wrong_with_an_answer_is_named_and_nothing_changes(bed: Bed) {
    let complaint = start(bed).await;
    let (_, name, review) = complaint.asked("wx-1").await;
    let clinic = feed(CLINIC);
    for (wrong, reason) in [
        ("", "name MISSING"),
        ("fact-reviews/1", "name NAME_SHAPE"),
        (name.as_str(), "name NAME_SHAPE"),
    ] {
        let seen = complaint.review_as(&clinic, wrong).await.unwrap_err();
        let confirmed = complaint.confirm(CLINIC, wrong).await.unwrap_err();
        let corrected = complaint.correct(CLINIC, wrong).await.unwrap_err();
        for refused in [seen, confirmed, corrected] {
            assert_eq!(violations(&refused), [reason]);
        }
    }
    let long = "原".repeat(201);
    for (reason, wrong) in [("", "reason MISSING"), (long.as_str(), "reason TOO_LONG")] {
        let confirmed = wire::ConfirmFactRequest {
            reason: reason.to_owned(),
            ..confirmation(&review)
        };
        let corrected = wire::CorrectFactRequest {
            reason: reason.to_owned(),
            ..correction(&review)
        };
        let confirmed = complaint.confirm_as(&clinic, confirmed).await.unwrap_err();
        let corrected = complaint.correct_as(&clinic, corrected).await.unwrap_err();
        assert_eq!(
            [violations(&confirmed), violations(&corrected)],
            [[wrong], [wrong]]
        );
    }
    let foreign = wire::ListFactReviewsRequest {
        page_token: "x".to_owned(),
        ..Default::default()
    };
    let refused = complaint.list_as(&clinic, foreign).await.unwrap_err();
    assert_eq!(refused.reason, "INVALID_FIELDS");
    // A stale view.
    let confirmed = wire::ConfirmFactRequest {
        etag: "old".to_owned(),
        ..confirmation(&review)
    };
    let corrected = wire::CorrectFactRequest {
        etag: "old".to_owned(),
        ..correction(&review)
    };
    assert_eq!(
        complaint.confirm_as(&clinic, confirmed).await.unwrap_err().reason,
        "STALE"
    );
    assert_eq!(
        complaint.correct_as(&clinic, corrected).await.unwrap_err().reason,
        "STALE"
    );
    // An account with the role and no grant.
    let bare = staff("feed-x", Role::AuthorityFeed, "370202");
    for refused in [
        complaint.review_as(&bare, &review).await.unwrap_err(),
        complaint
            .list_as(&bare, wire::ListFactReviewsRequest::default())
            .await
            .unwrap_err(),
        complaint
            .confirm_as(&bare, confirmation(&review))
            .await
            .unwrap_err(),
        complaint
            .correct_as(&bare, correction(&review))
            .await
            .unwrap_err(),
    ] {
        assert_eq!(refused.reason, "FEED_NOT_REGISTERED");
    }
    // Who takes the retraction refuses it, or is away.
    let unknown = Violation::new("retraction.retracts_key", "TARGET_UNKNOWN", "找不到", "unknown");
    complaint.2.refuses(Some(unknown));
    let refused = complaint.correct(CLINIC, &review).await.unwrap_err();
    assert_eq!(
        (&*refused.reason, violations(&refused)),
        (
            "ROWS_REFUSED",
            vec!["rows[0].retraction.retracts_key TARGET_UNKNOWN".to_owned()]
        )
    );
    complaint.2.refuses(None);
    complaint.2.set_declaration_away(true);
    let refused = complaint.correct(CLINIC, &review).await.unwrap_err();
    assert_eq!(refused.reason, "PART_UNAVAILABLE");
    complaint.2.set_declaration_away(false);
    let seen = complaint.review_as(&clinic, &review).await.unwrap();
    assert_eq!(seen.state(), Requested);
    // The same request with another body.
    let request = confirmation(&review);
    complaint.confirm_as(&clinic, request.clone()).await.unwrap();
    let other = wire::ConfirmFactRequest {
        reason: "另一说明".to_owned(),
        ..request
    };
    let reused = complaint.confirm_as(&clinic, other).await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
}
