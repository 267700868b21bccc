//! Interim relief: wanted when a source is late and the policy offers any, told to risk-rules until it has heard, and ended at once when the
//! source answers or the appeal is over.

use std::path::PathBuf;
use std::time::Duration;

use lutong_complaint::{ComplaintConfig, relief_policy};
use lutong_kernel::Clock as _;
use lutong_proto::complaint::v1 as wire;
use lutong_testing::{Bed, on_both_engines};
use tempfile::TempDir;

use crate::appeals::{question, refused, upheld};
use crate::fakes::{CLINIC, ReliefCall, fact, person};
use crate::{Complaint, officer, serve_with, start, start_with_relief};

on_both_engines!(
    without_an_offer_of_the_policy_a_late_source_gives_no_relief,
    a_late_source_gives_relief_once_however_many_workers_there_are,
    the_late_answer_of_a_source_is_taken_while_relief_lasts_and_ends_it_at_once,
    a_source_that_takes_its_fact_back_late_ends_relief,
    an_answer_to_a_second_question_ends_relief_and_there_is_no_second_one,
    an_appeal_that_is_over_has_no_relief,
    relief_is_told_again_until_risk_rules_has_heard,
    relief_that_is_over_by_itself_ends_in_the_log,
    no_relief_from_a_fact_that_was_taken_back,
);

const POLICY: &str = "# test\nred,fever_clinic_visit,yellow,48\n";
const LATE: Duration = Duration::from_secs(4 * 3_600);

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relief.csv");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

impl Complaint {
    async fn happened(&self, name: &str, event: &str) -> usize {
        let log = self.events(&officer("370202"), name).await.unwrap();
        log.iter().filter(|one| one.event == event).count()
    }

    async fn until_happened(&self, name: &str, event: &str) {
        let happened = async {
            while self.happened(name, event).await == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(10), happened).await;
        waited.unwrap_or_else(|_| panic!("no {event}: {:?}", self.2.reliefs()));
    }

    /// A person whose clinic is late, with relief in force. The case, the question, and what risk-rules was told.
    async fn relieved(&self, account: &str) -> (String, String, ReliefCall) {
        let (_, name, review) = self.asked(account).await;
        self.0.clock.advance(LATE);
        self.until_happened(&name, "relief_give").await;
        let told = self.2.reliefs().into_iter().last().unwrap();
        (name, review, told)
    }

    fn ended(&self) -> Vec<ReliefCall> {
        let calls = self.2.reliefs().into_iter();
        calls.filter(|call| call.cut_time.is_some()).collect()
    }
}

async fn without_an_offer_of_the_policy_a_late_source_gives_no_relief(bed: Bed) {
    let complaint = start(bed).await;
    let (_, name, review) = complaint.asked("wx-1").await;
    complaint.0.clock.advance(LATE);
    complaint.until_happened(&name, "source_expire").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(complaint.2.reliefs(), []);
    assert_eq!(complaint.happened(&name, "relief_give").await, 0);
    let late = complaint.confirm(CLINIC, &review).await.unwrap_err();
    assert_eq!(late.reason, "FACT_REVIEW_ENDED");
}

async fn a_late_source_gives_relief_once_however_many_workers_there_are(bed: Bed) {
    let (_folder, path) = file(POLICY);
    let complaint = start_with_relief(bed, &path).await;
    let others: Vec<Bed> = (0..2).map(|_| complaint.0.reopened()).collect();
    for bed in &others {
        let config = ComplaintConfig {
            relief_policy: Some(path.clone()),
        };
        serve_with(bed, &complaint.1, &config).await;
    }
    let (filed, name, review) = complaint.asked("wx-1").await;
    assert_eq!(complaint.2.reliefs(), [], "the source is not late yet");
    complaint.0.clock.advance(LATE);
    complaint.until_happened(&name, "relief_give").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let told = complaint.2.reliefs();
    assert_eq!(told.len(), 1);
    let relief = &told[0].relief;
    assert_eq!(relief.complaint, filed.name);
    assert_eq!(
        (&*relief.subject_id, &*relief.contested_fact),
        (&*person("wx-1").to_string(), &*fact("wx-1", 1))
    );
    assert_eq!(relief.policy, "red,fever_clinic_visit,yellow,48");
    let (start, end) = (
        relief.start_time.unwrap().seconds,
        relief.end_time.unwrap().seconds,
    );
    assert_eq!(end - start, 48 * 3_600);
    assert_eq!(complaint.happened(&name, "relief_give").await, 1);
    let seen = complaint
        .reviews(CLINIC, wire::FactReviewState::Expired)
        .await
        .unwrap();
    assert_eq!(
        (&seen[0].name, seen[0].relief_end_time),
        (&review, relief.end_time)
    );
    drop(others);
}

async fn the_late_answer_of_a_source_is_taken_while_relief_lasts_and_ends_it_at_once(bed: Bed) {
    let (_folder, path) = file(POLICY);
    let complaint = start_with_relief(bed, &path).await;
    let (name, review, told) = complaint.relieved("wx-1").await;
    complaint.0.clock.advance(Duration::from_secs(600));
    let now = lutong_proto::time::instant(complaint.0.clock.now());
    let heard = complaint.confirm(CLINIC, &review).await.unwrap();
    assert_eq!(heard.state(), wire::FactReviewState::Confirmed);
    // Before the answer is acknowledged.
    let expected = ReliefCall {
        cut_time: Some(now),
        ..told
    };
    assert_eq!(complaint.ended(), [expected]);
    assert_eq!(complaint.happened(&name, "relief_end").await, 1);
    complaint
        .decide(&officer("370202"), refused(&name))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(complaint.2.reliefs().len(), 2, "it ends once");
    // What lasted is over, so that a second late answer is refused as before.
    let again = complaint.confirm(CLINIC, &review).await.unwrap_err();
    assert_eq!(again.reason, "FACT_REVIEW_ANSWERED");
}

async fn a_source_that_takes_its_fact_back_late_ends_relief(bed: Bed) {
    let (_folder, path) = file(POLICY);
    let complaint = start_with_relief(bed, &path).await;
    let (name, review, _) = complaint.relieved("wx-1").await;
    complaint.correct(CLINIC, &review).await.unwrap();
    assert_eq!((complaint.2.rows().len(), complaint.ended().len()), (1, 1));
    complaint
        .decide(&officer("370202"), upheld(&name, &[fact("wx-1", 1)]))
        .await
        .unwrap();
}

async fn an_answer_to_a_second_question_ends_relief_and_there_is_no_second_one(bed: Bed) {
    let (_folder, path) = file(POLICY);
    let complaint = start_with_relief(bed, &path).await;
    let district = officer("370202");
    let (name, _, _) = complaint.relieved("wx-1").await;
    let second = question(&name, fact("wx-1", 1));
    let second = complaint.ask(&district, second).await.unwrap();
    let second = second.fact_review.unwrap().name;
    complaint.0.clock.advance(LATE);
    let again = async {
        while complaint.happened(&name, "source_expire").await < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(complaint.2.reliefs().len(), 1, "one for a fact of an appeal");
    let late = complaint.confirm(CLINIC, &second).await.unwrap_err();
    assert_eq!(
        late.reason, "FACT_REVIEW_ENDED",
        "the first question has the relief"
    );
    let third = question(&name, fact("wx-1", 1));
    let third = complaint.ask(&district, third).await.unwrap();
    let third = third.fact_review.unwrap().name;
    complaint.confirm(CLINIC, &third).await.unwrap();
    assert_eq!(complaint.ended().len(), 1);
}

async fn an_appeal_that_is_over_has_no_relief(bed: Bed) {
    let (_folder, path) = file(POLICY);
    let complaint = start_with_relief(bed, &path).await;
    let (name, review, _) = complaint.relieved("wx-1").await;
    // The clinic took its fact back in its own way, and the appeal is upheld without its answer.
    complaint.2.supersede("wx-1", 1);
    complaint
        .decide(&officer("370202"), upheld(&name, &[fact("wx-1", 1)]))
        .await
        .unwrap();
    assert_eq!(complaint.ended().len(), 1, "before the decision is acknowledged");
    assert_eq!(complaint.happened(&name, "relief_end").await, 1);
    let late = complaint.confirm(CLINIC, &review).await.unwrap_err();
    assert_eq!(late.reason, "FACT_REVIEW_ENDED");
}

async fn relief_is_told_again_until_risk_rules_has_heard(bed: Bed) {
    let (_folder, path) = file(POLICY);
    let complaint = start_with_relief(bed, &path).await;
    let (_, name, review) = complaint.asked("wx-1").await;
    complaint.2.set_risk_rules_away(true);
    complaint.0.clock.advance(LATE);
    complaint.until_happened(&name, "source_expire").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(complaint.happened(&name, "relief_give").await, 0);
    // Back, and its answer is lost.
    complaint.2.loses_answer(true);
    complaint.2.set_risk_rules_away(false);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(complaint.happened(&name, "relief_give").await, 0);
    complaint.2.loses_answer(false);
    complaint.until_happened(&name, "relief_give").await;
    complaint.2.set_risk_rules_away(true);
    complaint.confirm(CLINIC, &review).await.unwrap();
    assert_eq!(complaint.ended(), []);
    complaint.2.set_risk_rules_away(false);
    complaint.until_happened(&name, "relief_end").await;
    assert_eq!((complaint.ended().len(), complaint.2.reliefs().len()), (1, 2));
}

async fn relief_that_is_over_by_itself_ends_in_the_log(bed: Bed) {
    let (_folder, path) = file(POLICY);
    let complaint = start_with_relief(bed, &path).await;
    let (name, review, _) = complaint.relieved("wx-1").await;
    complaint.0.clock.advance(Duration::from_secs(48 * 3_600));
    complaint.until_happened(&name, "relief_end").await;
    assert_eq!(complaint.ended(), [], "risk-rules knows its end");
    let late = complaint.confirm(CLINIC, &review).await.unwrap_err();
    assert_eq!(late.reason, "FACT_REVIEW_ENDED");
}

async fn no_relief_from_a_fact_that_was_taken_back(bed: Bed) {
    let (_folder, path) = file(POLICY);
    let complaint = start_with_relief(bed, &path).await;
    let (_, name, review) = complaint.asked("wx-1").await;
    complaint.2.refuse_relief(fact("wx-1", 1));
    complaint.0.clock.advance(LATE);
    complaint.until_happened(&name, "source_expire").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(complaint.happened(&name, "relief_give").await, 0);
    let late = complaint.confirm(CLINIC, &review).await.unwrap_err();
    assert_eq!(late.reason, "FACT_REVIEW_ENDED");
    assert_eq!(complaint.2.reliefs(), []);
}

#[test]
fn a_policy_file_that_cannot_be_read_or_offers_green_stops_the_start_with_its_reason() {
    let (_folder, green) = file("red,stay,yellow,48\nred,stay,green,48\n");
    let of = |path: PathBuf| {
        let config = ComplaintConfig {
            relief_policy: Some(path),
        };
        relief_policy(&config).unwrap_err().to_string()
    };
    let wrong = of(green);
    assert!(
        wrong.contains("complaint.relief_policy") && wrong.contains("line 2"),
        "{wrong}"
    );
    assert!(of(PathBuf::from("/nowhere/relief.csv")).contains("/nowhere/relief.csv"));
}
