//! Places that are held to account: what opens a case, what waits for a human, and what becomes of it.

use std::time::Duration;

use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Fault, FaultCode, SubjectId};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1::ClockState;
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::Principal;
use lutong_transport::client::MeshChannel;
use wire::AccountabilityState::{Dismissed, Open, Proposed, Published, Queued};
use wire::accountability_case_service_client::AccountabilityCaseServiceClient;

use crate::places::{Filer, HOTEL, matching, merge, meta, nobody, registration, said, sent};
use crate::{Complaint, agent, fault, next_request_id, officer, serve, staff, start, supervisor};

on_both_engines!(
    a_campaign_of_forty_accounts_in_an_hour_opens_nothing_by_itself,
    thirty_people_in_ten_days_open_a_case,
    three_confirmed_complaints_open_a_case_whose_outcome_everybody_reads,
    an_outcome_is_published_by_a_second_person,
    an_overdue_case_is_raised_once_however_many_workers_there_are,
    after_a_downtime_an_overdue_case_is_raised_at_once_and_says_that_it_is_late,
    new_accounts_and_one_network_are_left_to_a_human,
    what_was_dismissed_still_counts_towards_a_case,
    several_workers_open_a_case_once,
    after_a_downtime_what_was_filed_is_weighed,
    what_was_published_counts_no_more,
    nobody_decides_about_places_beyond_their_division,
    only_supervisors_decide_about_what_is_queued,
    a_step_on_an_accountability_case_is_refused_with_the_state_as_it_is,
    a_repeated_step_on_an_accountability_case_is_done_once,
    what_is_wrong_with_a_step_on_an_accountability_case_is_named,
    accountability_cases_are_listed_by_division_kind_and_state_in_pages,
    the_network_of_a_complaint_is_stored_as_a_hash_and_forgotten,
);

type Held = wire::AccountabilityCase;

#[derive(Debug, Clone, Copy)]
enum Step {
    Open,
    Dismiss,
    Take,
    Publish,
    Approve,
    Reject,
}

const STEPS: [Step; 6] = [
    Step::Open,
    Step::Dismiss,
    Step::Take,
    Step::Publish,
    Step::Approve,
    Step::Reject,
];
const SUMMARY: &str = "已责令整改，经复查属实。";

impl Complaint {
    fn held(&self) -> AccountabilityCaseServiceClient<MeshChannel> {
        let channel = self
            .0
            .channel(lutong_kernel::ServiceName::Complaint, Caller::Gateway);
        AccountabilityCaseServiceClient::new(channel)
    }

    async fn held_step(
        &self,
        who: &Principal,
        id: &str,
        (name, etag): (&str, &str),
        step: Step,
    ) -> Result<Held, Fault> {
        let (request_id, name, etag) = (id.to_owned(), name.to_owned(), etag.to_owned());
        match step {
            Step::Open => {
                let request = wire::OpenAccountabilityCaseRequest {
                    request_id,
                    name,
                    etag,
                };
                sent!(self, held, who, open_accountability_case, request, |answer| {
                    answer.accountability_case.unwrap()
                })
            }
            Step::Dismiss => {
                let request = wire::DismissAccountabilityCaseRequest {
                    request_id,
                    name,
                    etag,
                };
                sent!(self, held, who, dismiss_accountability_case, request, |answer| {
                    answer.accountability_case.unwrap()
                })
            }
            Step::Take => {
                let request = wire::TakeAccountabilityCaseRequest {
                    request_id,
                    name,
                    etag,
                };
                sent!(self, held, who, take_accountability_case, request, |answer| {
                    answer.accountability_case.unwrap()
                })
            }
            Step::Approve => {
                let request = wire::ApproveAccountabilityCaseRequest {
                    request_id,
                    name,
                    etag,
                };
                sent!(self, held, who, approve_accountability_case, request, |answer| {
                    answer.accountability_case.unwrap()
                })
            }
            Step::Reject => {
                let request = wire::RejectAccountabilityCaseRequest {
                    request_id,
                    name,
                    etag,
                };
                sent!(self, held, who, reject_accountability_case, request, |answer| {
                    answer.accountability_case.unwrap()
                })
            }
            Step::Publish => {
                let request = wire::PublishAccountabilityCaseRequest {
                    request_id,
                    name,
                    etag,
                    outcome: wire::AccountabilityOutcome::Corrected.into(),
                    summary: SUMMARY.to_owned(),
                };
                sent!(self, held, who, publish_accountability_case, request, |answer| {
                    answer.accountability_case.unwrap()
                })
            }
        }
    }

    async fn step_on(&self, who: &Principal, name: &str, step: Step) -> Result<Held, Fault> {
        let id = next_request_id();
        self.held_step(who, &id, (name, ""), step).await
    }

    async fn read_held(&self, who: &Principal, name: &str) -> Result<Held, Fault> {
        let request = wire::GetAccountabilityCaseRequest {
            name: name.to_owned(),
        };
        sent!(self, held, who, get_accountability_case, request, |answer| answer
            .accountability_case
            .unwrap())
    }

    async fn published_cases(
        &self,
        request: wire::ListAccountabilityCasesRequest,
    ) -> Result<wire::ListAccountabilityCasesResponse, Fault> {
        let who = &Principal::public();
        sent!(self, held, who, list_accountability_cases, request, |answer| {
            answer
        })
    }

    async fn opened_cases(
        &self,
        who: &Principal,
        request: wire::ListOpenedAccountabilityCasesRequest,
    ) -> Result<wire::ListOpenedAccountabilityCasesResponse, Fault> {
        sent!(
            self,
            held,
            who,
            list_opened_accountability_cases,
            request,
            |answer| answer
        )
    }

    async fn cases_of(&self, who: &Principal) -> Vec<Held> {
        let all = self.opened_cases(who, wire::ListOpenedAccountabilityCasesRequest::default());
        all.await.unwrap().accountability_cases
    }

    /// Waits until everything that was filed was weighed.
    async fn weighed(&self) {
        for _ in 0..400 {
            let left = lutong_testing::rows(
                &self.1,
                "place_voices WHERE place_id IS NOT NULL AND NOT is_weighed",
            );
            if left.await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("complaints were not weighed");
    }

    /// The one case of the district, once everything was weighed.
    async fn only_case(&self) -> Held {
        self.weighed().await;
        let mut all = self.cases_of(&supervisor("370202")).await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// Three persons complain of a place, and an officer finds all of it to be so.
    async fn three_confirmed(&self, place: &str) {
        for account in ["wx-1", "wx-2", "wx-3"] {
            let case = self.complain(&Filer::own(account), place).await;
            self.find_out(&case, wire::PlaceFinding::Confirmed).await;
        }
    }

    /// Twenty people complain at once: a case waits for a human.
    async fn burst(&self, place: &str) -> Held {
        for n in 100..120 {
            self.complain(&Filer::own(&format!("wx-{n}")), place).await;
        }
        self.only_case().await
    }
}

fn second() -> Principal {
    staff("supervisor-2", Role::Supervisor, "370202")
}

async fn a_campaign_of_forty_accounts_in_an_hour_opens_nothing_by_itself(bed: Bed) {
    let complaint = start(bed).await;
    let district = supervisor("370202");
    complaint.register(&district, registration(HOTEL)).await.unwrap();
    // Each from a network of its own, and registered long ago: what is left to see is that they come at once.
    for n in 0..2_000_u32 {
        let account = format!("wx-{}", n % 40);
        complaint.complain(&Filer::own(&account), HOTEL).await;
        complaint.0.clock.advance(Duration::from_millis(1_800));
    }
    let queued = complaint.only_case().await;
    assert_eq!(
        (queued.state(), queued.signals().collect::<Vec<_>>()),
        (Queued, vec![wire::CampaignSignal::Burst])
    );
    assert!(
        queued.counted < 20 && queued.open_time.is_none() && queued.clock.is_none(),
        "{queued:?}"
    );
    let all = complaint.published_cases(wire::ListAccountabilityCasesRequest::default());
    assert!(all.await.unwrap().accountability_cases.is_empty());
    // A human looks at it.
    let opened = complaint
        .step_on(&district, &queued.name, Step::Open)
        .await
        .unwrap();
    assert_eq!(opened.state(), Open);
    assert_eq!(opened.clock.unwrap().state(), ClockState::Running);
}

async fn thirty_people_in_ten_days_open_a_case(bed: Bed) {
    let complaint = start(bed).await;
    let district = supervisor("370202");
    let place = complaint.register(&district, registration(HOTEL)).await.unwrap();
    for n in 0..30_u32 {
        complaint.complain(&Filer::own(&format!("wx-{n}")), HOTEL).await;
        complaint.0.clock.advance(Duration::from_secs(8 * 3_600));
        if n == 18 {
            complaint.weighed().await;
            assert!(complaint.cases_of(&district).await.is_empty(), "nineteen do not");
        }
    }
    let case = complaint.only_case().await;
    assert_eq!(
        (
            case.state(),
            case.place.as_str(),
            case.rule.as_str(),
            case.responsible_body.as_str()
        ),
        (Open, place.name.as_str(), "twenty-persons", "culture-and-tourism")
    );
    assert!(case.counted >= 20 && case.signals.is_empty(), "{case:?}");
}

async fn three_confirmed_complaints_open_a_case_whose_outcome_everybody_reads(bed: Bed) {
    let complaint = start(bed).await;
    let (district, public) = (supervisor("370202"), Principal::public());
    complaint.register(&district, registration(HOTEL)).await.unwrap();
    // Twice by one person is one voice.
    for account in ["wx-1", "wx-1", "wx-2"] {
        let case = complaint.complain(&Filer::own(account), HOTEL).await;
        complaint.find_out(&case, wire::PlaceFinding::Confirmed).await;
    }
    complaint.weighed().await;
    assert!(complaint.cases_of(&district).await.is_empty());
    let third = complaint.complain(&Filer::own("wx-3"), HOTEL).await;
    complaint.find_out(&third, wire::PlaceFinding::Confirmed).await;
    let case = complaint.only_case().await;
    assert_eq!(
        (case.state(), case.rule.as_str(), case.counted),
        (Open, "three-confirmed", 3)
    );
    // Saturday 26 November: fifteen working days end with Friday 16 December.
    let due = case.clock.as_ref().unwrap().due_time.unwrap().seconds;
    assert_eq!(
        due,
        lutong_kernel::Timestamp::parse("2022-12-17T00:00:00+08:00")
            .unwrap()
            .seconds()
    );
    assert_eq!(
        said(&complaint.read_held(&public, &case.name).await.unwrap_err()),
        (FaultCode::NotFound, "ACCOUNTABILITY_CASE_NOT_FOUND"),
        "not before its outcome is published"
    );
    let refused = complaint
        .step_on(&district, &case.name, Step::Publish)
        .await
        .unwrap_err();
    assert_eq!(said(&refused), (FaultCode::FailedPrecondition, "NOT_OWNER"));
    let officer = officer("370202");
    let taken = complaint.step_on(&officer, &case.name, Step::Take).await.unwrap();
    assert_eq!(taken.owner, officer.account);
    assert!(
        taken
            .allowed_actions()
            .any(|one| one == wire::AccountabilityAction::Publish)
    );
    let refused = complaint
        .step_on(&district, &case.name, Step::Publish)
        .await
        .unwrap_err();
    assert_eq!(said(&refused), (FaultCode::FailedPrecondition, "NOT_OWNER"));
    complaint.0.clock.advance(Duration::from_secs(30 * 86_400));
    let late = complaint.cases_of(&district).await.remove(0);
    assert_eq!(late.clock.unwrap().state(), ClockState::Overdue);
    let stated = complaint
        .step_on(&officer, &case.name, Step::Publish)
        .await
        .unwrap();
    assert_eq!((stated.state(), stated.publish_time), (Proposed, None));
    assert_eq!(
        said(&complaint.read_held(&public, &case.name).await.unwrap_err()),
        (FaultCode::NotFound, "ACCOUNTABILITY_CASE_NOT_FOUND"),
        "not before a second person has signed it"
    );
    complaint
        .step_on(&district, &case.name, Step::Approve)
        .await
        .unwrap();
    let seen = complaint.read_held(&public, &case.name).await.unwrap();
    assert_eq!(
        (
            seen.state(),
            seen.outcome(),
            seen.summary.as_str(),
            seen.place_name.as_str()
        ),
        (Published, wire::AccountabilityOutcome::Corrected, SUMMARY, HOTEL)
    );
    assert_eq!(seen.clock.as_ref().unwrap().state(), ClockState::Met);
    assert!(seen.clock.as_ref().unwrap().late.is_some() && seen.publish_time.is_some());
    // Nobody's name, and nothing that only staff act on.
    assert_eq!(
        (
            seen.owner.as_str(),
            seen.etag.as_str(),
            seen.allowed_actions.len()
        ),
        ("", "", 0)
    );
    let all = complaint.published_cases(wire::ListAccountabilityCasesRequest::default());
    assert_eq!(all.await.unwrap().accountability_cases, [seen]);
}

async fn an_outcome_is_published_by_a_second_person(bed: Bed) {
    let complaint = start(bed).await;
    let district = supervisor("370202");
    complaint.register(&district, registration(HOTEL)).await.unwrap();
    complaint.three_confirmed(HOTEL).await;
    let case = complaint.only_case().await;
    for step in [Step::Take, Step::Publish] {
        complaint.step_on(&district, &case.name, step).await.unwrap();
    }
    let refused = complaint
        .step_on(&district, &case.name, Step::Approve)
        .await
        .unwrap_err();
    assert_eq!(said(&refused), (FaultCode::FailedPrecondition, "OWN_PROPOSAL"));
    let stated = complaint.only_case().await;
    let approval = stated.approval.clone().unwrap();
    assert_eq!(
        (&*approval.proposer, &*approval.approver),
        (&*district.account, "")
    );
    assert!(
        !stated
            .allowed_actions()
            .any(|one| one == wire::AccountabilityAction::Approve)
    );
    // Sent back and stated again.
    let back = complaint
        .step_on(&second(), &case.name, Step::Reject)
        .await
        .unwrap();
    assert_eq!((back.state(), back.approval, &*back.summary), (Open, None, ""));
    complaint
        .step_on(&district, &case.name, Step::Publish)
        .await
        .unwrap();
    // While it waits for the second person, nothing opens beside it.
    let more = complaint.complain(&Filer::own("wx-9"), HOTEL).await;
    complaint.find_out(&more, wire::PlaceFinding::Confirmed).await;
    assert_eq!(complaint.only_case().await.state(), Proposed);
    let done = complaint
        .step_on(&second(), &case.name, Step::Approve)
        .await
        .unwrap();
    let approval = done.approval.clone().unwrap();
    assert_eq!(
        (done.state(), &*approval.proposer, &*approval.approver),
        (Published, &*district.account, "supervisor-2")
    );
    // Everybody reads the outcome, and nobody's name.
    let seen = complaint
        .read_held(&Principal::public(), &case.name)
        .await
        .unwrap();
    assert_eq!((seen.approval, seen.escalations.len()), (None, 0));
}

impl Complaint {
    /// The case once it was raised so often.
    async fn raised(&self, times: usize) -> Held {
        for _ in 0..400 {
            let case = self.only_case().await;
            if case.escalations.len() >= times {
                return case;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the case was not raised");
    }
}

/// Opened on Saturday 26 November: due with the end of Friday 16 December, and raised again after Monday the 19th.
async fn an_overdue_case_is_raised_once_however_many_workers_there_are(bed: Bed) {
    let complaint = start(bed).await;
    complaint
        .register(&supervisor("370202"), registration(HOTEL))
        .await
        .unwrap();
    complaint.three_confirmed(HOTEL).await;
    let case = complaint.only_case().await;
    assert!(case.escalations.is_empty());
    for _ in 0..3 {
        let other = complaint.0.reopened();
        serve(&other, &complaint.1).await;
    }
    let due = lutong_kernel::Timestamp::parse("2022-12-17T00:00:00+08:00").unwrap();
    let until = |at: lutong_kernel::Timestamp| at.since(complaint.0.foundation.now());
    complaint.0.clock.advance(until(due));
    let once = complaint.raised(1).await;
    let [city] = &once.escalations[..] else {
        panic!("{once:?}");
    };
    assert_eq!(
        (&*city.division, city.plan_time.unwrap().seconds),
        ("370200", due.seconds())
    );
    assert_eq!(once.clock.as_ref().unwrap().state(), ClockState::Overdue);
    let again = lutong_kernel::Timestamp::parse("2022-12-20T00:00:00+08:00").unwrap();
    complaint.0.clock.advance(until(again));
    let twice = complaint.raised(2).await;
    let divisions: Vec<_> = twice
        .escalations
        .iter()
        .map(|one| one.division.as_str())
        .collect();
    assert_eq!(divisions, ["370200", "370000"]);
    assert_eq!(twice.escalations[1].plan_time.unwrap().seconds, again.seconds());
    // There is nobody above the province, and nothing more happens.
    complaint.0.clock.advance(Duration::from_secs(30 * 86_400));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(complaint.only_case().await.escalations, twice.escalations);
    assert_eq!(
        lutong_testing::rows(&complaint.1, "accountability_cases WHERE raise_at IS NOT NULL").await,
        0
    );
}

async fn after_a_downtime_an_overdue_case_is_raised_at_once_and_says_that_it_is_late(bed: Bed) {
    let complaint = start(bed).await;
    let district = supervisor("370202");
    for name in [HOTEL, "山景酒店"] {
        complaint.register(&district, registration(name)).await.unwrap();
    }
    complaint.three_confirmed("山景酒店").await;
    let published = complaint.only_case().await;
    for step in [Step::Take, Step::Publish] {
        complaint.step_on(&district, &published.name, step).await.unwrap();
    }
    complaint
        .step_on(&second(), &published.name, Step::Approve)
        .await
        .unwrap();
    complaint.0.clock.advance(Duration::from_secs(1));
    complaint.three_confirmed(HOTEL).await;
    complaint.weighed().await;
    complaint.0.kill_background_work();
    complaint.0.clock.advance(Duration::from_secs(60 * 86_400));
    let reopened = Complaint(complaint.0.reopened(), complaint.1.clone(), complaint.2.clone());
    serve(&reopened.0, &reopened.1).await;
    for _ in 0..400 {
        let cases = reopened.cases_of(&district).await;
        if cases[0].escalations.len() == 2 {
            assert!(cases[0].escalations.iter().all(|one| one.late));
            // What is published is raised to nobody.
            assert_eq!(cases[1].escalations, []);
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the case was not raised");
}

async fn new_accounts_and_one_network_are_left_to_a_human(bed: Bed) {
    let complaint = start(bed).await;
    let district = supervisor("370202");
    for place in ["新号酒店", "同网酒店", "无人酒店"] {
        complaint.register(&district, registration(place)).await.unwrap();
    }
    let random = SeededRandom::new(7);
    for n in 0..25_u32 {
        let account = format!("wx-{n}");
        let just_now = SubjectId::new(complaint.0.foundation.now(), &random);
        let new = Filer {
            subject: Some(just_now),
            ..Filer::own(&account)
        };
        complaint.complain(&new, "新号酒店").await;
        let one_network = Filer {
            network: "one-network",
            ..Filer::own(&account)
        };
        complaint.complain(&one_network, "同网酒店").await;
        // An account without a person.
        let bare = Filer {
            subject: None,
            ..Filer::own(&account)
        };
        complaint.complain(&bare, "无人酒店").await;
        complaint.0.clock.advance(Duration::from_secs(8 * 3_600));
    }
    complaint.weighed().await;
    let mut found: Vec<(String, wire::AccountabilityState, Vec<wire::CampaignSignal>)> = complaint
        .cases_of(&district)
        .await
        .iter()
        .map(|one| (one.place_name.clone(), one.state(), one.signals().collect()))
        .collect();
    found.sort();
    let new = vec![wire::CampaignSignal::NewPersons];
    assert_eq!(
        found,
        [
            (
                "同网酒店".to_owned(),
                Queued,
                vec![wire::CampaignSignal::OneNetwork]
            ),
            ("新号酒店".to_owned(), Queued, new.clone()),
            ("无人酒店".to_owned(), Queued, new),
        ]
    );
}

async fn what_was_dismissed_still_counts_towards_a_case(bed: Bed) {
    let complaint = start(bed).await;
    let district = supervisor("370202");
    complaint.register(&district, registration(HOTEL)).await.unwrap();
    let queued = complaint.burst(HOTEL).await;
    let dismissed = complaint
        .step_on(&district, &queued.name, Step::Dismiss)
        .await
        .unwrap();
    assert_eq!(
        (dismissed.state(), dismissed.allowed_actions.len()),
        (Dismissed, 0)
    );
    // One more brings up nothing; fifteen honest ones beside the five that count open a case.
    for n in 0..15_u32 {
        complaint.0.clock.advance(Duration::from_secs(8 * 3_600));
        complaint.complain(&Filer::own(&format!("wx-{n}")), HOTEL).await;
        complaint.weighed().await;
        let open = complaint.cases_of(&district).await.len() - 1;
        assert_eq!(open, usize::from(n == 14), "{n}");
    }
    let newest = complaint.cases_of(&district).await.remove(0);
    assert_eq!((newest.state(), newest.rule.as_str()), (Open, "twenty-persons"));
}

async fn several_workers_open_a_case_once(bed: Bed) {
    let complaint = start(bed).await;
    let district = supervisor("370202");
    let names: Vec<String> = (0..8).map(|n| format!("第{n}酒店")).collect();
    for name in &names {
        complaint.register(&district, registration(name)).await.unwrap();
    }
    // Three more processes on the same database.
    let beds: Vec<Bed> = (0..3).map(|_| complaint.0.reopened()).collect();
    for bed in &beds {
        serve(bed, &complaint.1).await;
    }
    for name in &names {
        complaint.three_confirmed(name).await;
    }
    complaint.weighed().await;
    // Everything is weighed again by all of them.
    for _ in 0..3 {
        lutong_testing::tamper(&complaint.1, "UPDATE place_voices SET is_weighed = FALSE").await;
        complaint.weighed().await;
    }
    let mut places: Vec<String> = complaint
        .cases_of(&district)
        .await
        .into_iter()
        .map(|one| one.place_name)
        .collect();
    places.sort();
    assert_eq!(places, names);
    drop(beds);
}

async fn after_a_downtime_what_was_filed_is_weighed(bed: Bed) {
    let complaint = start(bed).await;
    complaint
        .register(&supervisor("370202"), registration(HOTEL))
        .await
        .unwrap();
    complaint.0.kill_background_work();
    complaint.three_confirmed(HOTEL).await;
    // Long after the days of every rule are over.
    complaint.0.clock.advance(Duration::from_secs(90 * 86_400));
    let reopened = Complaint(complaint.0.reopened(), complaint.1.clone(), complaint.2.clone());
    serve(&reopened.0, &reopened.1).await;
    assert_eq!(reopened.only_case().await.state(), Open);
}

async fn what_was_published_counts_no_more(bed: Bed) {
    let complaint = start(bed).await;
    let district = supervisor("370202");
    let place = complaint.register(&district, registration(HOTEL)).await.unwrap();
    let double = complaint
        .register(&district, registration("海景大酒店"))
        .await
        .unwrap();
    let settled = complaint.complain(&Filer::own("wx-4"), HOTEL).await;
    complaint.three_confirmed(HOTEL).await;
    let case = complaint.only_case().await;
    let refused = complaint
        .merge_places(&district, merge(&place.name, &double.name))
        .await
        .unwrap_err();
    assert_eq!(
        said(&refused),
        (FaultCode::FailedPrecondition, "PLACE_UNDER_ACCOUNT")
    );
    for step in [Step::Take, Step::Publish] {
        complaint.step_on(&district, &case.name, step).await.unwrap();
    }
    complaint
        .step_on(&second(), &case.name, Step::Approve)
        .await
        .unwrap();
    let refused = complaint
        .match_case(&district, matching(&settled, &double.name))
        .await
        .unwrap_err();
    assert_eq!(said(&refused), (FaultCode::FailedPrecondition, "CASE_SETTLED"));
    complaint.0.clock.advance(Duration::from_secs(86_400));
    let one = complaint.complain(&Filer::own("wx-5"), HOTEL).await;
    complaint.find_out(&one, wire::PlaceFinding::Confirmed).await;
    assert_eq!(complaint.only_case().await.state(), Published, "one is not three");
    for account in ["wx-6", "wx-7"] {
        let case = complaint.complain(&Filer::own(account), HOTEL).await;
        complaint.find_out(&case, wire::PlaceFinding::Confirmed).await;
    }
    complaint.weighed().await;
    let states: Vec<_> = complaint
        .cases_of(&district)
        .await
        .iter()
        .map(Held::state)
        .collect();
    assert_eq!(states, [Open, Published]);
}

async fn nobody_decides_about_places_beyond_their_division(bed: Bed) {
    let complaint = start(bed).await;
    complaint
        .register(&supervisor("370202"), registration(HOTEL))
        .await
        .unwrap();
    let queued = complaint.burst(HOTEL).await;
    let nobodys = "accountability-cases/00000000-0000-7000-8000-000000000001";
    let theirs = wire::ListOpenedAccountabilityCasesRequest {
        division: "370202".to_owned(),
        ..Default::default()
    };
    for who in [supervisor("370203"), supervisor("370100")] {
        for step in STEPS {
            let refused = complaint.step_on(&who, &queued.name, step).await.unwrap_err();
            assert_eq!(
                said(&refused),
                (FaultCode::NotFound, "ACCOUNTABILITY_CASE_NOT_FOUND")
            );
            assert_eq!(refused, complaint.step_on(&who, nobodys, step).await.unwrap_err());
        }
        assert!(complaint.cases_of(&who).await.is_empty());
        let refused = complaint.opened_cases(&who, theirs.clone()).await.unwrap_err();
        assert_eq!(said(&refused), (FaultCode::PermissionDenied, "OUTSIDE_DIVISION"));
    }
    for step in STEPS {
        let refused = complaint
            .step_on(&nobody(), &queued.name, step)
            .await
            .unwrap_err();
        assert_eq!(&*refused.reason, "DIVISION_MISSING");
    }
    let refused = complaint.opened_cases(&nobody(), theirs).await.unwrap_err();
    assert_eq!(&*refused.reason, "DIVISION_MISSING");
    // The city acts in its district.
    complaint
        .step_on(&supervisor("370200"), &queued.name, Step::Open)
        .await
        .unwrap();
}

async fn only_supervisors_decide_about_what_is_queued(bed: Bed) {
    let complaint = start(bed).await;
    complaint
        .register(&supervisor("370202"), registration(HOTEL))
        .await
        .unwrap();
    let queued = complaint.burst(HOTEL).await;
    let officer = officer("370202");
    for step in [Step::Open, Step::Dismiss, Step::Approve, Step::Reject] {
        let refused = complaint.step_on(&officer, &queued.name, step).await.unwrap_err();
        assert_eq!(&*refused.reason, "NOT_PERMITTED");
    }
    assert!(complaint.cases_of(&officer).await[0].allowed_actions.is_empty());
    let shown: Vec<_> = complaint.cases_of(&second()).await[0].allowed_actions().collect();
    assert_eq!(
        shown,
        [
            wire::AccountabilityAction::Open,
            wire::AccountabilityAction::Dismiss
        ]
    );
    for who in [agent(), lutong_testing::citizen("wx-1", None)] {
        for step in STEPS {
            let refused = complaint.step_on(&who, &queued.name, step).await.unwrap_err();
            assert_eq!(&*refused.reason, "NOT_PERMITTED");
        }
    }
}

async fn a_step_on_an_accountability_case_is_refused_with_the_state_as_it_is(bed: Bed) {
    let complaint = start(bed).await;
    let district = supervisor("370202");
    complaint.register(&district, registration(HOTEL)).await.unwrap();
    let mut case = complaint.burst(HOTEL).await;
    let unsigned = [Step::Open, Step::Dismiss, Step::Approve, Step::Reject];
    let signed = [Step::Open, Step::Dismiss, Step::Take, Step::Publish];
    let queued = [Step::Take, Step::Publish, Step::Approve, Step::Reject];
    let walk: [(&str, &[Step], (&Principal, Step)); 6] = [
        ("QUEUED", &queued, (&district, Step::Open)),
        ("OPEN", &unsigned, (&district, Step::Take)),
        ("OPEN", &unsigned, (&district, Step::Publish)),
        ("PROPOSED", &signed, (&second(), Step::Reject)),
        ("OPEN", &unsigned, (&district, Step::Publish)),
        ("PROPOSED", &signed, (&second(), Step::Approve)),
    ];
    for (state, wrong, right) in walk {
        for step in wrong {
            let refused = complaint.step_on(&district, &case.name, *step).await.unwrap_err();
            assert_eq!(
                said(&refused),
                (FaultCode::FailedPrecondition, "WRONG_STATE"),
                "{step:?}"
            );
            assert_eq!(meta(&refused, "state"), state);
        }
        for step in STEPS {
            let id = next_request_id();
            let stale = complaint
                .held_step(&district, &id, (&case.name, "x"), step)
                .await
                .unwrap_err();
            assert_eq!(said(&stale), (FaultCode::Aborted, "STALE"));
        }
        let (who, step) = right;
        let id = next_request_id();
        let (name, etag) = (case.name.clone(), case.etag.clone());
        case = complaint.held_step(who, &id, (&name, &etag), step).await.unwrap();
    }
    for step in STEPS {
        let refused = complaint.step_on(&district, &case.name, step).await.unwrap_err();
        assert_eq!(meta(&refused, "state"), "PUBLISHED");
    }
}

async fn a_repeated_step_on_an_accountability_case_is_done_once(bed: Bed) {
    let complaint = start(bed).await;
    let district = supervisor("370202");
    for name in [HOTEL, "山景酒店"] {
        complaint.register(&district, registration(name)).await.unwrap();
    }
    let case = complaint.burst(HOTEL).await;
    let (first, second) = (&district, &second());
    for (who, step) in [
        (first, Step::Open),
        (first, Step::Take),
        (first, Step::Publish),
        (second, Step::Reject),
        (first, Step::Publish),
        (second, Step::Approve),
    ] {
        let id = next_request_id();
        let done = complaint
            .held_step(who, &id, (&case.name, ""), step)
            .await
            .unwrap();
        let again = complaint
            .held_step(who, &id, (&case.name, ""), step)
            .await
            .unwrap();
        assert_eq!(again, done, "{step:?}");
        let reused = complaint
            .held_step(who, &id, (&case.name, "x"), step)
            .await
            .unwrap_err();
        assert_eq!(&*reused.reason, "REQUEST_ID_REUSED");
    }
    complaint.0.clock.advance(Duration::from_secs(1));
    for n in 200..220 {
        complaint
            .complain(&Filer::own(&format!("wx-{n}")), "山景酒店")
            .await;
    }
    complaint.weighed().await;
    let queued = complaint.cases_of(&district).await.remove(0);
    let id = next_request_id();
    let done = complaint
        .held_step(&district, &id, (&queued.name, ""), Step::Dismiss)
        .await
        .unwrap();
    let again = complaint
        .held_step(&district, &id, (&queued.name, ""), Step::Dismiss)
        .await
        .unwrap();
    assert_eq!(again, done);
    let reused = complaint
        .held_step(&district, &id, (&queued.name, "x"), Step::Dismiss)
        .await
        .unwrap_err();
    assert_eq!(&*reused.reason, "REQUEST_ID_REUSED");
}

async fn what_is_wrong_with_a_step_on_an_accountability_case_is_named(bed: Bed) {
    let complaint = start(bed).await;
    let district = supervisor("370202");
    for step in STEPS {
        for (name, reason) in [
            ("", "name MISSING"),
            ("accountability-cases/1", "name NAME_SHAPE"),
            ("cases/1", "name NAME_SHAPE"),
        ] {
            let refused = complaint.step_on(&district, name, step).await.unwrap_err();
            assert_eq!(violations(&refused), [reason], "{step:?}");
        }
    }
    let name = "accountability-cases/00000000-0000-7000-8000-000000000001".to_owned();
    for (outcome, summary, named) in [
        (0, "", &["outcome MISSING", "summary MISSING"][..]),
        (99, "x", &["outcome UNKNOWN_VALUE"]),
        (1, "\u{7}", &["summary TEXT_CONTROL"]),
        (1, &"长".repeat(2_001), &["summary TOO_LONG"]),
    ] {
        let request = wire::PublishAccountabilityCaseRequest {
            request_id: next_request_id(),
            name: name.clone(),
            etag: String::new(),
            outcome,
            summary: summary.to_owned(),
        };
        let who = &district;
        let refused: Result<Held, Fault> = sent!(
            complaint,
            held,
            who,
            publish_accountability_case,
            request,
            |answer| answer.accountability_case.unwrap()
        );
        assert_eq!(violations(&refused.unwrap_err()), named);
    }
    let refused = complaint.read_held(&Principal::public(), "x").await.unwrap_err();
    assert_eq!(violations(&refused), ["name NAME_SHAPE"]);
}

async fn accountability_cases_are_listed_by_division_kind_and_state_in_pages(bed: Bed) {
    let complaint = start(bed).await;
    let district = supervisor("370202");
    for n in 0..3 {
        let name = format!("第{n}酒店");
        complaint.register(&district, registration(&name)).await.unwrap();
        complaint.three_confirmed(&name).await;
        complaint.weighed().await;
        complaint.0.clock.advance(Duration::from_secs(1));
    }
    let all = complaint.cases_of(&district).await;
    let names: Vec<&str> = all.iter().map(|one| one.place_name.as_str()).collect();
    assert_eq!(names, ["第2酒店", "第1酒店", "第0酒店"]);
    for case in &all[..2] {
        for step in [Step::Take, Step::Publish] {
            complaint.step_on(&district, &case.name, step).await.unwrap();
        }
        complaint
            .step_on(&second(), &case.name, Step::Approve)
            .await
            .unwrap();
    }
    let open = wire::ListOpenedAccountabilityCasesRequest {
        state: Open.into(),
        division: "370202".to_owned(),
        ..Default::default()
    };
    let open = complaint
        .opened_cases(&supervisor("370000"), open)
        .await
        .unwrap()
        .accountability_cases;
    assert_eq!(open.len(), 1);
    let first = wire::ListAccountabilityCasesRequest {
        page_size: 1,
        place_kind: wire::PlaceKind::Hotel.into(),
        division: "370200".to_owned(),
        ..Default::default()
    };
    let page = complaint.published_cases(first.clone()).await.unwrap();
    let next = wire::ListAccountabilityCasesRequest {
        page_token: page.next_page_token.clone(),
        ..first
    };
    let next = complaint.published_cases(next).await.unwrap();
    let seen: Vec<&str> = page
        .accountability_cases
        .iter()
        .chain(&next.accountability_cases)
        .map(|one| one.place_name.as_str())
        .collect();
    assert_eq!(
        (seen, next.next_page_token.as_str()),
        (vec!["第2酒店", "第1酒店"], "")
    );
    for none in [
        wire::ListAccountabilityCasesRequest {
            place_kind: wire::PlaceKind::Mall.into(),
            ..Default::default()
        },
        wire::ListAccountabilityCasesRequest {
            division: "370100".to_owned(),
            ..Default::default()
        },
    ] {
        assert!(
            complaint
                .published_cases(none)
                .await
                .unwrap()
                .accountability_cases
                .is_empty()
        );
    }
    let wrong = wire::ListAccountabilityCasesRequest {
        place_kind: 99,
        ..Default::default()
    };
    assert_eq!(
        violations(&complaint.published_cases(wrong).await.unwrap_err()),
        ["place_kind UNKNOWN_VALUE"]
    );
    let wrong = wire::ListOpenedAccountabilityCasesRequest {
        state: 99,
        ..Default::default()
    };
    assert_eq!(
        violations(&complaint.opened_cases(&district, wrong).await.unwrap_err()),
        ["state UNKNOWN_VALUE"]
    );
}

async fn the_network_of_a_complaint_is_stored_as_a_hash_and_forgotten(bed: Bed) {
    let complaint = start(bed).await;
    complaint.complain(&Filer::own("wx-1"), HOTEL).await;
    let with_network = "place_voices WHERE network IS NOT NULL";
    let stated = "place_voices WHERE LENGTH(network) = 32";
    assert_eq!(lutong_testing::rows(&complaint.1, with_network).await, 1);
    assert_eq!(lutong_testing::rows(&complaint.1, stated).await, 1);
    complaint.0.clock.advance(Duration::from_secs(31 * 86_400));
    for _ in 0..400 {
        if lutong_testing::rows(&complaint.1, with_network).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the network was not forgotten");
}
