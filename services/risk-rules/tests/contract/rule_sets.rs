//! Rule sets: announcing, previewing, approving and activating versions.

use std::time::Duration;

use lutong_kernel::{Clock as _, FaultCode};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1::{self as wire, RuleSetState};
use lutong_proto::types::v1::{Colour, OperationKind, OperationState};
use lutong_risk_engine::rule_set::RuleSet;
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::Principal;
use lutong_transport::access::Roles;
use tonic::{Response, Status};

use crate::mesh::{Mesh, fault, fever, staff};
use crate::people::placed;

on_both_engines!(
    an_approved_rule_set_changes_people_at_its_instant_and_not_before,
    a_preview_counts_by_where_people_live,
    its_author_never_approves_it_and_nobody_without_a_preview,
    more_changes_than_said_pause_it_until_an_approver_resumes,
    a_later_version_never_gives_way_to_an_earlier_one,
    what_is_withdrawn_or_rejected_changes_nobody,
    whoever_acts_on_an_older_state_is_told,
    a_preview_is_an_operation_that_succeeds_or_is_cancelled,
    what_is_wrong_with_an_announcement_is_named_with_its_path,
    an_announcement_is_made_once,
    versions_are_listed_newest_first,
);

/// How far ahead these tests announce versions.
const AHEAD: Duration = Duration::from_secs(7_200);

fn author() -> Principal {
    staff("author-1", Role::RuleAuthor)
}

fn approver() -> Principal {
    staff("approver-1", Role::RuleApprover)
}

/// The province's rules, except that a visit to a fever clinic makes red.
fn document(mesh: &Mesh, version: &str) -> String {
    let from = mesh.bed.clock.now().plus(AHEAD).to_rfc3339();
    RuleSet::SD_2020
        .replace("version = \"1\"", &format!("version = \"{version}\""))
        .replace("2020-02-22T00:00:00+08:00", &from)
        .replace(
            "\"yellow.fever-clinic\"\ncolour = \"yellow\"",
            "\"red.fever-clinic\"\ncolour = \"red\"",
        )
}

fn cases(colour: &str) -> String {
    let fact = serde_json::json!({"id": "f1", "kind": "fever_clinic_visit", "source": "h", "recorded_at": "2022-11-20T09:00:00+08:00",
        "attributes": {"visited_at": "2022-11-20T08:00:00+08:00"}});
    let case = serde_json::json!({"name": "fever", "facts": [fact], "expect": [{"at": "2022-11-21T08:00:00+08:00", "colour": colour}]});
    serde_json::json!({"format": "lutong-decision-cases/1", "rule_set": "sd-2020", "cases": [case]})
        .to_string()
}

fn request_id(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

fn announcement(mesh: &Mesh, n: u32, version: &str, expected_changes: i64) -> wire::AnnounceRuleSetRequest {
    wire::AnnounceRuleSetRequest {
        request_id: request_id(n),
        document: document(mesh, version),
        cases: cases("red"),
        expected_changes,
    }
}

async fn announce(
    mesh: &Mesh,
    who: &Principal,
    sent: wire::AnnounceRuleSetRequest,
) -> Result<wire::RuleSet, Status> {
    let request = mesh.asking(who, sent);
    let answer = mesh.rule_sets().announce_rule_set(request).await?;
    Ok(answer.into_inner().rule_set.unwrap())
}

fn name(version: &str) -> String {
    format!("rule-sets/sd-2020.{version}")
}

/// A step of a version.
macro_rules! step {
    ($mesh:ident, $who:expr, $call:ident, $message:ident, $n:expr, $version:expr) => {
        step!($mesh, $who, $call, $message, $n, $version,)
    };
    ($mesh:ident, $who:expr, $call:ident, $message:ident, $n:expr, $version:expr, $($field:ident: $value:expr)?) => {{
        #[allow(clippy::needless_update)] // some messages have no field besides
        let message = wire::$message {
            request_id: request_id($n),
            name: name($version),
            $($field: $value,)?
            ..Default::default()
        };
        let request = $mesh.asking($who, message);
        let answer = $mesh.rule_sets().$call(request).await;
        answer.map(Response::into_inner).map(|answer| answer.rule_set.unwrap())
    }};
}

fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    fault(&answer.unwrap_err()).reason.into_owned()
}

async fn get(mesh: &Mesh, version: &str) -> wire::RuleSet {
    let message = wire::GetRuleSetRequest { name: name(version) };
    let request = mesh.asking(&author(), message);
    let answer = mesh.rule_sets().get_rule_set(request).await.unwrap();
    answer.into_inner().rule_set.unwrap()
}

async fn state(mesh: &Mesh, version: &str) -> RuleSetState {
    get(mesh, version).await.state()
}

/// Ten people, the first `at_the_clinic` of whom visited a fever clinic.
async fn people(bed: Bed, at_the_clinic: u32) -> Mesh {
    let mesh = Mesh::start(bed).await;
    let everybody: Vec<u32> = (1..=10).collect();
    let facts = (1..=at_the_clinic).map(|n| fever(n, &format!("f{n}"))).collect();
    mesh.stored(facts, &everybody).await;
    mesh
}

async fn preview(mesh: &Mesh, n: u32) -> wire::ShadowRun {
    step!(mesh, &approver(), preview_rule_set, PreviewRuleSetRequest, n, "2").unwrap();
    let finished = async || {
        let run = get(mesh, "2").await.preview;
        run.is_some_and(|run| run.finish_time.is_some())
    };
    mesh.until("the preview", finished).await;
    get(mesh, "2").await.preview.unwrap()
}

/// Announces, previews and approves a version.
async fn approved(mesh: &Mesh, expected_changes: i64) {
    announce(mesh, &author(), announcement(mesh, 1, "2", expected_changes))
        .await
        .unwrap();
    preview(mesh, 2).await;
    let stands = step!(mesh, &approver(), approve_rule_set, ApproveRuleSetRequest, 3, "2").unwrap();
    assert_eq!(stands.state(), RuleSetState::Approved);
}

fn shown(mesh: &Mesh, from: u32, until: u32) -> Vec<Colour> {
    (from..=until).map(|n| mesh.shown(n).unwrap()).collect()
}

fn assert_counts(run: &wire::ShadowRun, people: i64) {
    assert_eq!((run.seen, run.changed), (10, people));
    let [change] = &run.changes[..] else {
        panic!("{run:?}");
    };
    assert_eq!((change.before(), change.after()), (Colour::Yellow, Colour::Red));
    let why: Vec<_> = change
        .rules
        .iter()
        .map(|one| (one.rule_id.as_str(), one.count))
        .collect();
    assert_eq!(why, [("red.fever-clinic", people)]);
}

async fn a_preview_counts_by_where_people_live(bed: Bed) {
    let mesh = people(bed, 4).await;
    let homes = [(1, "370202"), (2, "370203"), (3, "370202"), (9, "370203")];
    mesh.after_identity_events(homes.map(|(n, division)| placed(n, division)))
        .await;
    announce(&mesh, &author(), announcement(&mesh, 1, "2", 4))
        .await
        .unwrap();
    let run = preview(&mesh, 2).await;
    let counted: Vec<_> = run
        .divisions
        .iter()
        .map(|one| (one.division.as_str(), one.before(), one.after(), one.count))
        .collect();
    let expected = [("370202", 2), ("", 1), ("370203", 1)];
    assert_eq!(
        counted,
        expected.map(|(division, count)| (division, Colour::Yellow, Colour::Red, count))
    );
}

async fn an_approved_rule_set_changes_people_at_its_instant_and_not_before(bed: Bed) {
    let mesh = people(bed, 3).await;
    announce(&mesh, &author(), announcement(&mesh, 1, "2", 4))
        .await
        .unwrap();
    assert_counts(&preview(&mesh, 2).await, 3);
    let before = lutong_testing::rows(&mesh.storage, "decisions").await;
    let stands = step!(mesh, &approver(), approve_rule_set, ApproveRuleSetRequest, 3, "2").unwrap();
    let approval = stands.approval.unwrap();
    assert_eq!(
        (approval.proposer.as_str(), approval.approver.as_str()),
        ("author-1", "approver-1")
    );
    assert_eq!(
        lutong_testing::rows(&mesh.storage, "decisions").await,
        before,
        "nobody was decided about"
    );
    // One more person, decided by the current rules a second before the instant.
    mesh.bed
        .clock
        .advance(AHEAD.saturating_sub(Duration::from_secs(1)));
    mesh.stored(vec![fever(4, "f4")], &[]).await;
    assert_eq!(shown(&mesh, 1, 4), [Colour::Yellow; 4]);
    assert_eq!(state(&mesh, "2").await, RuleSetState::Approved);
    mesh.bed.clock.advance(Duration::from_secs(1));
    let red = async || shown(&mesh, 1, 4) == [Colour::Red; 4];
    mesh.until("the new colours", red).await;
    assert_eq!(shown(&mesh, 5, 10), [Colour::Green; 6]);
    let stands = get(&mesh, "2").await;
    assert_eq!(stands.state(), RuleSetState::Active);
    assert!(stands.active_time.is_some());
    assert_counts(&stands.guard.unwrap(), 4);
    // Every decision is of the new version, even if its colour did not change.
    let anew = async || mesh.decision(10).await.unwrap().rule_set_version == "2";
    mesh.until("everybody decided anew", anew).await;
    assert_eq!(
        mesh.decision(1).await.unwrap().citations[0].rule_id,
        "red.fever-clinic"
    );
}

async fn its_author_never_approves_it_and_nobody_without_a_preview(bed: Bed) {
    let mesh = people(bed, 1).await;
    let both = Principal {
        roles: Roles::of(&[Role::RuleAuthor, Role::RuleApprover]),
        ..author()
    };
    announce(&mesh, &both, announcement(&mesh, 1, "2", 9))
        .await
        .unwrap();
    let early = step!(mesh, &approver(), approve_rule_set, ApproveRuleSetRequest, 2, "2");
    assert_eq!(reason(early), "PREVIEW_MISSING");
    preview(&mesh, 3).await;
    let own = step!(mesh, &both, approve_rule_set, ApproveRuleSetRequest, 4, "2");
    assert_eq!(reason(own), "OWN_PROPOSAL");
    let other = step!(mesh, &approver(), approve_rule_set, ApproveRuleSetRequest, 4, "3");
    assert_eq!(reason(other), "RULE_SET_NOT_FOUND");
    let unnamed = wire::ApproveRuleSetRequest::default();
    let unnamed = mesh
        .rule_sets()
        .approve_rule_set(mesh.asking(&approver(), unnamed))
        .await;
    assert_eq!(reason(unnamed), "INVALID_FIELDS");
    assert_eq!(state(&mesh, "2").await, RuleSetState::Announced);
    // The repeated request gets the same answer; another request is too late.
    for _ in 0..2 {
        let stands = step!(mesh, &approver(), approve_rule_set, ApproveRuleSetRequest, 5, "2").unwrap();
        assert_eq!(stands.state(), RuleSetState::Approved);
    }
    let reused = step!(mesh, &approver(), approve_rule_set, ApproveRuleSetRequest, 5, "3");
    assert_eq!(reason(reused), "REQUEST_ID_REUSED");
    let again = step!(mesh, &approver(), approve_rule_set, ApproveRuleSetRequest, 6, "2");
    assert_eq!(reason(again), "WRONG_STATE");
    // A version that was not approved before its instant.
    announce(&mesh, &author(), announcement(&mesh, 7, "2b", 9))
        .await
        .unwrap();
    step!(mesh, &author(), preview_rule_set, PreviewRuleSetRequest, 8, "2b").unwrap();
    let finished = async || {
        get(&mesh, "2b")
            .await
            .preview
            .is_some_and(|run| run.finish_time.is_some())
    };
    mesh.until("the preview", finished).await;
    mesh.bed.clock.advance(AHEAD);
    let late = step!(
        mesh,
        &approver(),
        approve_rule_set,
        ApproveRuleSetRequest,
        9,
        "2b"
    );
    assert_eq!(reason(late), "EFFECTIVE_TIME_PASSED");
}

async fn more_changes_than_said_pause_it_until_an_approver_resumes(bed: Bed) {
    let mesh = people(bed, 3).await;
    approved(&mesh, 2).await;
    let resume = |n, who: Principal, expected| {
        let mesh = &mesh;
        async move { step!(mesh, &who, resume_rule_set, ResumeRuleSetRequest, n, "2", expected_changes: expected) }
    };
    assert_eq!(reason(resume(10, approver(), 3).await), "WRONG_STATE");
    let before = lutong_testing::rows(&mesh.storage, "decisions").await;
    mesh.bed.clock.advance(AHEAD);
    let paused = async || state(&mesh, "2").await == RuleSetState::Paused;
    mesh.until("the pause", paused).await;
    let stands = get(&mesh, "2").await;
    assert_counts(&stands.guard.unwrap(), 3);
    assert_eq!(stands.active_time, None);
    // Nobody was re-evaluated, and new decisions use the current rules.
    assert_eq!(lutong_testing::rows(&mesh.storage, "decisions").await, before);
    mesh.stored(vec![fever(4, "f4")], &[]).await;
    assert_eq!(shown(&mesh, 1, 4), [Colour::Yellow; 4]);
    let both = Principal {
        roles: Roles::of(&[Role::RuleApprover]),
        ..author()
    };
    assert_eq!(reason(resume(11, both, 9).await), "OWN_PROPOSAL");
    assert_eq!(reason(resume(12, approver(), -1).await), "INVALID_FIELDS");
    let missing =
        step!(mesh, &approver(), resume_rule_set, ResumeRuleSetRequest, 13, "3", expected_changes: 9);
    assert_eq!(reason(missing), "RULE_SET_NOT_FOUND");
    // The limit is too low again: four people would change by now.
    resume(14, approver(), 3).await.unwrap();
    assert_eq!(reason(resume(14, approver(), 4).await), "REQUEST_ID_REUSED");
    let recounted = async || {
        let stands = get(&mesh, "2").await;
        stands.state() == RuleSetState::Paused && stands.guard.is_some_and(|run| run.changed == 4)
    };
    mesh.until("the second pause", recounted).await;
    resume(15, approver(), 4).await.unwrap();
    mesh.until("the new colours", async || shown(&mesh, 1, 4) == [Colour::Red; 4])
        .await;
    assert_eq!(state(&mesh, "2").await, RuleSetState::Active);
}

async fn a_later_version_never_gives_way_to_an_earlier_one(bed: Bed) {
    let mesh = people(bed, 3).await;
    approved(&mesh, 0).await;
    mesh.bed.clock.advance(Duration::from_secs(3_600));
    // An hour later than version 2, allowing three changes.
    announce(&mesh, &author(), announcement(&mesh, 10, "3", 3))
        .await
        .unwrap();
    step!(mesh, &author(), preview_rule_set, PreviewRuleSetRequest, 11, "3").unwrap();
    let finished = async || {
        let run = get(&mesh, "3").await.preview;
        run.is_some_and(|run| run.finish_time.is_some())
    };
    mesh.until("the preview", finished).await;
    step!(
        mesh,
        &approver(),
        approve_rule_set,
        ApproveRuleSetRequest,
        12,
        "3"
    )
    .unwrap();
    // Both are due at once: the earlier version is guarded first.
    mesh.bed.clock.advance(AHEAD);
    let active = async || state(&mesh, "3").await == RuleSetState::Active;
    mesh.until("version 3", active).await;
    assert_eq!(state(&mesh, "2").await, RuleSetState::Paused);
    let late = step!(mesh, &approver(), resume_rule_set, ResumeRuleSetRequest, 13, "2", expected_changes: 9);
    assert_eq!(reason(late), "RULE_SET_OVERTAKEN");
}

async fn what_is_withdrawn_or_rejected_changes_nobody(bed: Bed) {
    let mesh = people(bed, 3).await;
    approved(&mesh, 9).await;
    announce(&mesh, &author(), announcement(&mesh, 9, "2b", 9))
        .await
        .unwrap();
    // An author withdraws, another account rejects.
    let another = staff("author-2", Role::RuleAuthor);
    let refused = step!(mesh, &another, withdraw_rule_set, WithdrawRuleSetRequest, 10, "2");
    assert_eq!(reason(refused), "NOT_YOUR_PROPOSAL");
    let both = Principal {
        roles: Roles::of(&[Role::RuleAuthor, Role::RuleApprover]),
        ..author()
    };
    let refused = step!(mesh, &both, reject_rule_set, RejectRuleSetRequest, 10, "2b");
    assert_eq!(reason(refused), "OWN_PROPOSAL");
    let withdrawn = step!(
        mesh,
        &author(),
        withdraw_rule_set,
        WithdrawRuleSetRequest,
        10,
        "2"
    )
    .unwrap();
    assert_eq!(withdrawn.state(), RuleSetState::Withdrawn);
    assert_eq!(withdrawn.approval.unwrap().closer, "author-1");
    assert!(withdrawn.allowed_actions.is_empty());
    let rejected = step!(mesh, &approver(), reject_rule_set, RejectRuleSetRequest, 10, "2b").unwrap();
    assert_eq!(rejected.state(), RuleSetState::Rejected);
    assert_eq!(rejected.approval.unwrap().closer, "approver-1");
    let before = lutong_testing::rows(&mesh.storage, "decisions").await;
    mesh.bed.clock.advance(AHEAD + Duration::from_secs(60));
    // Two polls of the guard.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(lutong_testing::rows(&mesh.storage, "decisions").await, before);
    assert_eq!(shown(&mesh, 1, 3), [Colour::Yellow; 3]);
    for (n, version, expected) in [
        (11, "2", "WRONG_STATE"),
        (12, "1", "WRONG_STATE"),
        (13, "3", "RULE_SET_NOT_FOUND"),
    ] {
        let reject = step!(
            mesh,
            &approver(),
            reject_rule_set,
            RejectRuleSetRequest,
            n,
            version
        );
        assert_eq!(reason(reject), expected);
        let withdraw = step!(
            mesh,
            &author(),
            withdraw_rule_set,
            WithdrawRuleSetRequest,
            n,
            version
        );
        assert_eq!(reason(withdraw), expected);
        let preview = step!(
            mesh,
            &approver(),
            preview_rule_set,
            PreviewRuleSetRequest,
            n,
            version
        );
        assert_eq!(reason(preview), expected);
    }
    let other = step!(
        mesh,
        &author(),
        withdraw_rule_set,
        WithdrawRuleSetRequest,
        10,
        "3"
    );
    assert_eq!(reason(other), "REQUEST_ID_REUSED");
    let other = step!(mesh, &approver(), reject_rule_set, RejectRuleSetRequest, 10, "3");
    assert_eq!(reason(other), "REQUEST_ID_REUSED");
    let mut client = mesh.rule_sets();
    let unnamed = mesh.asking(&author(), wire::WithdrawRuleSetRequest::default());
    assert_eq!(reason(client.withdraw_rule_set(unnamed).await), "INVALID_FIELDS");
    let unnamed = mesh.asking(&approver(), wire::RejectRuleSetRequest::default());
    assert_eq!(reason(client.reject_rule_set(unnamed).await), "INVALID_FIELDS");
    let unnamed = mesh.asking(&author(), wire::PreviewRuleSetRequest::default());
    assert_eq!(reason(client.preview_rule_set(unnamed).await), "INVALID_FIELDS");
    let reused = step!(mesh, &approver(), preview_rule_set, PreviewRuleSetRequest, 2, "3");
    assert_eq!(reason(reused), "REQUEST_ID_REUSED");
}

async fn whoever_acts_on_an_older_state_is_told(bed: Bed) {
    let mesh = people(bed, 3).await;
    let announced = announce(&mesh, &author(), announcement(&mesh, 1, "2", 2))
        .await
        .unwrap();
    let allowed: Vec<_> = announced.allowed_actions().collect();
    assert_eq!(allowed, [wire::Action::Preview, wire::Action::Withdraw]);
    preview(&mesh, 2).await;
    let old = announced.etag;
    // The approver must have seen the latest preview.
    let stale = step!(mesh, &approver(), approve_rule_set, ApproveRuleSetRequest, 3, "2", etag: old.clone());
    let stale = fault(&stale.unwrap_err());
    assert_eq!((stale.code, stale.reason.as_ref()), (FaultCode::Aborted, "STALE"));
    let now = get(&mesh, "2").await.etag;
    assert!(stale.metadata.contains(&("etag".into(), now.clone())));
    let stands = step!(mesh, &approver(), approve_rule_set, ApproveRuleSetRequest, 3, "2", etag: now);
    assert_eq!(stands.unwrap().state(), RuleSetState::Approved);
    let (o, who) = (old, approver());
    let stale = step!(mesh, &who, preview_rule_set, PreviewRuleSetRequest, 4, "2", etag: o.clone());
    assert_eq!(reason(stale), "STALE");
    let stale = step!(mesh, &who, reject_rule_set, RejectRuleSetRequest, 4, "2", etag: o.clone());
    assert_eq!(reason(stale), "STALE");
    let stale = step!(mesh, &author(), withdraw_rule_set, WithdrawRuleSetRequest, 4, "2", etag: o.clone());
    assert_eq!(reason(stale), "STALE");
    mesh.bed.clock.advance(AHEAD);
    let paused = async || state(&mesh, "2").await == RuleSetState::Paused;
    mesh.until("the pause", paused).await;
    let stale = step!(mesh, &who, resume_rule_set, ResumeRuleSetRequest, 4, "2", etag: o);
    assert_eq!(reason(stale), "STALE");
}

async fn what_is_wrong_with_an_announcement_is_named_with_its_path(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let good = announcement(&mesh, 1, "2", 0);
    let refused = |sent| async { fault(&announce(&mesh, &author(), sent).await.unwrap_err()) };
    let document = |document: String| wire::AnnounceRuleSetRequest {
        document,
        ..good.clone()
    };
    for (sent, reason, expected) in [
        (
            wire::AnnounceRuleSetRequest {
                request_id: String::new(),
                expected_changes: -1,
                ..good.clone()
            },
            "INVALID_FIELDS",
            vec!["request_id MISSING", "expected_changes OUT_OF_RANGE"],
        ),
        (
            document(RuleSet::SD_2020.replace("version = \"1\"", "version = \"2\"")),
            "CASES_FAILED",
            vec!["cases[\"fever\"] CASE_FAILED"],
        ),
        (
            document(good.document.replace("en = \"Close contact\"", "en = \"\"")),
            "RULE_SET_REFUSED",
            vec!["document.rule[5].reason.en TEXT_MISSING"],
        ),
        (
            document("#".repeat(256 * 1024 + 1)),
            "INVALID_FIELDS",
            vec!["document TOO_LONG"],
        ),
        (
            document("id = [".to_owned()),
            "RULE_SET_REFUSED",
            vec!["document.line 1, column 7 RULE_SET_UNREADABLE"],
        ),
        (
            wire::AnnounceRuleSetRequest {
                cases: "{}".to_owned(),
                ..good.clone()
            },
            "CASES_FAILED",
            vec!["cases CASES_UNREADABLE"],
        ),
    ] {
        let fault = refused(sent).await;
        assert_eq!(fault.reason, reason);
        assert_eq!(violations(&fault), expected);
    }
    let past = wire::AnnounceRuleSetRequest {
        document: RuleSet::SD_2020.to_owned(),
        cases: cases("yellow"),
        ..good.clone()
    };
    let ahead = "document.effective_from NOT_AHEAD".to_owned();
    let fault = refused(past).await;
    assert_eq!(fault.reason, "INVALID_FIELDS");
    assert_eq!(violations(&fault), [ahead]);
    assert_eq!(lutong_testing::rows(&mesh.storage, "rule_sets").await, 1);
}

async fn an_announcement_is_made_once(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let sent = announcement(&mesh, 1, "2", 5);
    let first = announce(&mesh, &author(), sent.clone()).await.unwrap();
    assert_eq!(
        (first.state(), first.expected_changes),
        (RuleSetState::Announced, 5)
    );
    assert_eq!(announce(&mesh, &author(), sent.clone()).await.unwrap(), first);
    let other = wire::AnnounceRuleSetRequest {
        expected_changes: 6,
        ..sent.clone()
    };
    assert_eq!(
        reason(announce(&mesh, &author(), other.clone()).await),
        "REQUEST_ID_REUSED"
    );
    let again = wire::AnnounceRuleSetRequest {
        request_id: request_id(2),
        ..other
    };
    assert_eq!(reason(announce(&mesh, &author(), again).await), "RULE_SET_EXISTS");
    assert_eq!(lutong_testing::rows(&mesh.storage, "rule_changes").await, 1);
}

async fn versions_are_listed_newest_first(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    for (n, version) in [(1, "2"), (2, "3")] {
        announce(&mesh, &author(), announcement(&mesh, n, version, 0))
            .await
            .unwrap();
    }
    let list = |page_size, page_token: &str| {
        let message = wire::ListRuleSetsRequest {
            page_size,
            page_token: page_token.to_owned(),
            ..Default::default()
        };
        let request = mesh.asking(&staff("audit-1", Role::Auditor), message);
        let mut client = mesh.rule_sets();
        async move { client.list_rule_sets(request).await.map(Response::into_inner) }
    };
    let first = list(2, "").await.unwrap();
    let rest = list(2, &first.next_page_token).await.unwrap();
    let all: Vec<_> = first.rule_sets.iter().chain(&rest.rule_sets).collect();
    let named: Vec<_> = all
        .iter()
        .map(|one| (one.version.as_str(), one.state()))
        .collect();
    assert_eq!(
        named,
        [
            ("3", RuleSetState::Announced),
            ("2", RuleSetState::Announced),
            ("1", RuleSetState::Active)
        ]
    );
    assert_eq!(rest.next_page_token, "");
    assert_eq!(reason(list(1, "x").await), "INVALID_FIELDS");
    let active = wire::ListRuleSetsRequest {
        state: RuleSetState::Active.into(),
        ..Default::default()
    };
    let request = mesh.asking(&author(), active);
    let listed = mesh
        .rule_sets()
        .list_rule_sets(request)
        .await
        .unwrap()
        .into_inner();
    let listed: Vec<_> = listed.rule_sets.into_iter().map(|one| one.name).collect();
    assert_eq!(listed, [name("1")]);
    for (asked, expected) in [
        ("", "INVALID_FIELDS"),
        ("rule-sets/sd-2020", "RULE_SET_NOT_FOUND"),
        ("rule-sets/sd-2020.9", "RULE_SET_NOT_FOUND"),
    ] {
        let message = wire::GetRuleSetRequest {
            name: asked.to_owned(),
        };
        let request = mesh.asking(&author(), message);
        assert_eq!(reason(mesh.rule_sets().get_rule_set(request).await), expected);
    }
}

async fn a_preview_is_an_operation_that_succeeds_or_is_cancelled(bed: Bed) {
    let mesh = people(bed, 3).await;
    announce(&mesh, &author(), announcement(&mesh, 1, "2", 9))
        .await
        .unwrap();
    let begin = async |n| {
        let message = wire::PreviewRuleSetRequest {
            request_id: request_id(n),
            name: name("2"),
            etag: String::new(),
        };
        let request = mesh.asking(&approver(), message);
        let answer = mesh.rule_sets().preview_rule_set(request).await;
        answer.unwrap().into_inner().operation
    };
    let operation = async |asked: &str| {
        let message = wire::GetOperationRequest {
            name: asked.to_owned(),
        };
        let answer = mesh
            .operations()
            .get_operation(mesh.asking(&approver(), message))
            .await;
        answer.unwrap().into_inner().operation.unwrap()
    };
    let first = begin(2).await;
    assert_eq!(begin(2).await, first, "the same request");
    let succeeded = async || operation(&first).await.state() == OperationState::Succeeded;
    mesh.until("the preview", succeeded).await;
    let done = operation(&first).await;
    assert_eq!(
        (done.kind(), done.target.as_str()),
        (OperationKind::PreviewRuleSet, &*name("2"))
    );
    assert!(
        get(&mesh, "2")
            .await
            .preview
            .is_some_and(|run| run.finish_time.is_some())
    );
    // A withdrawn version is no longer previewed.
    let second = begin(3).await;
    assert_ne!(second, first);
    step!(mesh, &author(), withdraw_rule_set, WithdrawRuleSetRequest, 4, "2").unwrap();
    let ended = async || {
        let state = operation(&second).await.state();
        state == OperationState::Cancelled || state == OperationState::Succeeded
    };
    mesh.until("the end of the preview", ended).await;
}
