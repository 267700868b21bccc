//! Pulling a database on a schedule: page by page, exactly once, and visible to operators.

mod answers;
mod database;

use std::time::Duration;

use futures::StreamExt as _;
use lutong_kernel::{Fault, FaultCode, ServiceName};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::declaration::v1::operation_service_client::OperationServiceClient;
use lutong_proto::declaration::v1::pull_service_client::PullServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1::{ClockState, Operation, OperationKind, OperationState};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::Principal;
use lutong_transport::access::Roles;
use serde_json::json;
use tonic::Response;

use self::database::{Answer, Database, SOURCE, correction, record, with};
use crate::fakes::BAD_NUMBER;
use crate::{Declaration, alone_with, build, fault, request_id, start_with};

on_both_engines!(
    pages_are_fetched_in_turn_and_the_cursor_follows_what_was_acknowledged,
    a_bad_row_is_counted_and_listed_by_its_place_and_the_others_are_stored,
    a_kill_between_rows_and_cursor_costs_nothing,
    one_worker_of_many_asks_and_the_next_takes_over_what_a_dead_one_held,
    a_correction_that_comes_a_page_before_its_original_waits_for_it,
    a_case_that_is_not_in_force_is_asked_for_again,
    somebody_with_too_many_facts_spoils_nobody_elses_row,
    without_identity_or_risk_rules_the_cursor_stays,
    a_source_without_success_for_three_intervals_is_overdue_until_it_recovers,
    an_operator_and_nobody_else_asks_a_source_at_once,
    a_pull_that_was_asked_for_is_an_operation_that_ends_with_the_attempt,
    a_pull_that_runs_is_not_cancelled_and_one_that_waits_for_it_is,
    nothing_is_pulled_where_nothing_is_configured,
);

const NOBODYS: &str = "operations/00000000-0000-7000-8000-000000000099";

pub fn operator() -> Principal {
    Principal {
        account: "operator-1".to_owned(),
        roles: Roles::of(&[Role::Operator]),
        subject: None,
        division: None,
        feed: None,
        desks: Vec::new(),
    }
}

impl Declaration {
    fn pulls(&self) -> PullServiceClient<lutong_transport::client::MeshChannel> {
        PullServiceClient::new(self.bed.channel(ServiceName::Declaration, Caller::Gateway))
    }

    pub async fn pull(&self) -> wire::Pull {
        let all = wire::ListPullsRequest::default();
        let request = self.bed.call_as(&operator()).request(all);
        let answer = self.pulls().list_pulls(request).await.unwrap();
        answer.into_inner().pulls.remove(0)
    }

    async fn start_pull(&self, who: &Principal, n: u32, source: &str) -> Result<wire::Pull, Fault> {
        let started = self.start_pull_as_operation(who, n, source).await?;
        Ok(started.pull.unwrap())
    }

    async fn start_pull_as_operation(
        &self,
        who: &Principal,
        n: u32,
        source: &str,
    ) -> Result<wire::StartPullResponse, Fault> {
        let request = wire::StartPullRequest {
            request_id: request_id(n),
            name: format!("pulls/{source}"),
        };
        let answer = self
            .pulls()
            .start_pull(self.bed.call_as(who).request(request))
            .await;
        answer.map(Response::into_inner).map_err(|status| fault(&status))
    }

    fn operations(&self) -> OperationServiceClient<lutong_transport::client::MeshChannel> {
        OperationServiceClient::new(self.bed.channel(ServiceName::Declaration, Caller::Gateway))
    }

    async fn operation(&self, who: &Principal, name: &str) -> Result<Operation, Fault> {
        let request = wire::GetOperationRequest {
            name: name.to_owned(),
        };
        let answer = self
            .operations()
            .get_operation(self.bed.call_as(who).request(request))
            .await;
        answer
            .map(|answer| answer.into_inner().operation.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn cancel(&self, n: u32, name: &str) -> Result<Operation, Fault> {
        let request = self
            .bed
            .call_as(&operator())
            .request(wire::CancelOperationRequest {
                request_id: request_id(n),
                name: name.to_owned(),
            });
        let answer = self.operations().cancel_operation(request).await;
        answer
            .map(|answer| answer.into_inner().operation.unwrap())
            .map_err(|status| fault(&status))
    }

    /// Watches an operation until it ends; returns every answer.
    async fn watched(&self, name: &str) -> Vec<Operation> {
        let request = self
            .bed
            .call_as(&operator())
            .request(wire::WatchOperationRequest {
                name: name.to_owned(),
            });
        let heard = self
            .operations()
            .watch_operation(request)
            .await
            .unwrap()
            .into_inner();
        let heard = heard.map(|answer| answer.unwrap().operation.unwrap()).collect();
        tokio::time::timeout(Duration::from_secs(20), heard)
            .await
            .unwrap()
    }

    /// Waits until the source is in the wanted state.
    pub async fn pull_until(&self, what: &str, is_so: impl Fn(&wire::Pull) -> bool) -> wire::Pull {
        let waiting = async {
            loop {
                let pull = self.pull().await;
                if is_so(&pull) {
                    return pull;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        if let Ok(pull) = waited {
            return pull;
        }
        panic!("not {what}: {:?}", self.pull().await)
    }

    /// Waits for the end of the next attempt.
    pub async fn attempt(&self) -> wire::Pull {
        // An attempt under way took its lease before the clock was advanced.
        let idle = |pull: &wire::Pull| pull.last_attempt_time.is_some() && !running(pull);
        let before = self.pull_until("idle", idle).await.last_attempt_time;
        self.bed.clock.advance(Duration::from_secs(301));
        self.pull_until("tried again", |pull| {
            pull.last_attempt_time != before && !running(pull)
        })
        .await
    }

    fn keys(&self) -> Vec<String> {
        self.risk_rules.stored().into_iter().map(|one| one.key).collect()
    }
}

pub fn counts(rows: Option<wire::PullRows>) -> (i64, i64, i64) {
    let rows = rows.unwrap_or_default();
    (rows.accepted, rows.unchanged, rows.refused)
}

fn running(pull: &wire::Pull) -> bool {
    pull.state() == wire::PullState::Running
}

fn overdue(pull: &wire::Pull) -> bool {
    let clock = pull.clock.as_ref();
    clock.is_some_and(|clock| clock.state() == ClockState::Overdue)
}

fn seconds(at: Option<prost_types::Timestamp>) -> i64 {
    at.map_or(0, |at| at.seconds)
}

fn reason(pull: &wire::Pull) -> &str {
    pull.last_error.as_ref().map_or("", |error| &error.reason)
}

async fn pages_are_fetched_in_turn_and_the_cursor_follows_what_was_acknowledged(bed: Bed) {
    let database = Database::start().await;
    database.holds("", &[record("1"), record("2")], "c 1&?", true);
    database.holds("c%201%26%3F", &[record("3")], "c2", false);
    database.holds("c2", &[], "c2", false);
    let declaration = start_with(bed, &database.config()).await;
    let now = declaration.bed.foundation.now();
    let pull = declaration
        .pull_until("done", |pull| pull.last_success_time.is_some())
        .await;
    let instant = |at: lutong_kernel::Timestamp| Some(lutong_proto::time::from_micros(at.micros()));
    assert_eq!((pull.pull_id.as_str(), pull.cursor.as_str()), (SOURCE, "c2"));
    assert_eq!(
        (pull.cursor_time, pull.last_attempt_time),
        (instant(now), instant(now))
    );
    assert_eq!(pull.next_due_time, instant(now.plus_seconds(300)));
    assert_eq!(pull.interval.unwrap().seconds, 300);
    assert_eq!((pull.kinds.len(), pull.divisions.len()), (2, 1));
    assert!(!running(&pull) && !overdue(&pull) && pull.last_error.is_none());
    assert_eq!(
        (counts(pull.total_rows), counts(pull.last_page_rows)),
        ((3, 0, 0), (1, 0, 0))
    );
    assert_eq!(declaration.keys(), ["1", "2", "3"]);
    assert_eq!(database.asked(), ["", "c%201%26%3F"]);
    let head = &database.heads()[0];
    assert!(
        head.starts_with("GET /changes?province=37&after=&limit=2 HTTP/1.1\r\n"),
        "{head}"
    );
    // No new rows: the last success is newer, the cursor unchanged.
    let again = declaration.attempt().await;
    assert_eq!(database.asked().last().unwrap(), "c2");
    assert_eq!(
        (again.cursor_time, again.total_rows),
        (pull.cursor_time, pull.total_rows)
    );
    assert!(again.last_success_time.unwrap().seconds > pull.last_success_time.unwrap().seconds);
    assert_eq!(declaration.stored().await, [0, 0, 0]);
}

async fn a_bad_row_is_counted_and_listed_by_its_place_and_the_others_are_stored(bed: Bed) {
    let database = Database::start().await;
    let stay = |key: &str, division: &str| {
        with(
            record(key),
            "fact",
            json!({"stay": {"division": division, "arrived_at": "2022-11-26T08:00:00+08:00"}}),
        )
    };
    let bad_number = json!({"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": BAD_NUMBER});
    database.holds(
        "",
        &[record("1"), with(record("2"), "source", json!("cdc-370200"))],
        "a",
        true,
    );
    database.holds(
        "a",
        &[with(record("3"), "fact", json!({"case": {"stage": "CASE_STAGE_CONFIRMED", "diagnosed_at": "2022-11-26T08:00:00+08:00"}})), stay("4", "370102")],
        "b",
        true,
    );
    database.holds(
        "b",
        &[stay("5", "370202"), with(record("6"), "document", bad_number)],
        "c",
        true,
    );
    let unknown = json!({"database_anomaly": {"王小明": "王小明"}});
    let unreadable = with(record("8"), "full_name", json!("王小明"));
    database.holds("c", &[with(record("7"), "fact", unknown), unreadable], "d", false);
    let declaration = start_with(bed, &database.config()).await;
    let pull = declaration
        .pull_until("done", |pull| pull.last_success_time.is_some())
        .await;
    assert_eq!(
        (counts(pull.total_rows), counts(pull.last_page_rows)),
        ((2, 0, 6), (0, 0, 2))
    );
    assert_eq!(declaration.keys(), ["1", "5"]);
    let mut listed: Vec<_> = pull
        .refusals
        .iter()
        .map(|one| format!("{}/{} {} {}", one.after, one.row, one.field, one.reason))
        .collect();
    listed.sort();
    assert_eq!(
        listed,
        [
            "/2 source SOURCE_NOT_OWN",
            "a/1 fact.case KIND_NOT_GRANTED",
            "a/2 fact.stay.division DIVISION_NOT_GRANTED",
            "b/2 document.number RESIDENT_ID_CHECK_CHARACTER",
            "c/1 fact.database_anomaly UNKNOWN_FIELD",
            "c/2  UNKNOWN_FIELD",
        ]
    );
    assert!(pull.refusals.iter().all(|one| one.create_time.is_some()));
    assert_eq!(pull.refusals[0].after, "c", "the newest is first");
    for column in ["after", "field", "reason"] {
        let kept = lutong_testing::texts(&declaration.storage, "pull_refusals", column, "number").await;
        assert!(
            !kept
                .iter()
                .any(|text| text.contains("王") || text.contains(BAD_NUMBER))
        );
    }
}

async fn a_kill_between_rows_and_cursor_costs_nothing(bed: Bed) {
    let database = Database::start().await;
    database.holds("", &[record("1"), record("2")], "a", true);
    database.holds("a", &[record("3")], "b", false);
    let declaration = alone_with(bed, &database.config()).await;
    declaration.bind_identity();
    declaration.bind_risk_rules();
    // The rows are stored, but the worker gets no answer.
    declaration.risk_rules.is_stuck(true);
    declaration.pull_until("asking", running).await;
    let stored = async {
        while declaration.risk_rules.stored().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), stored)
        .await
        .unwrap();
    let stuck = declaration.pull().await;
    assert_eq!((stuck.cursor.as_str(), counts(stuck.total_rows)), ("", (0, 0, 0)));
    // Another process on the same store, after the first crashed while holding the lease.
    let after = declaration.restarted(&database).await;
    after.risk_rules.is_stuck(false);
    after.bed.clock.advance(Duration::from_secs(121));
    let pull = after
        .pull_until("done", |pull| pull.last_success_time.is_some())
        .await;
    assert_eq!(database.asked(), ["", "", "a"]);
    assert_eq!((pull.cursor.as_str(), counts(pull.total_rows)), ("b", (1, 2, 0)));
    assert_eq!(after.keys(), ["1", "2", "3"]);
}

impl Declaration {
    /// A restart after a crash: only the store and the peers remain.
    async fn restarted(self, database: &Database) -> Self {
        let bed = self.bed.reopened();
        let (identity, risk_rules) = (self.identity.clone(), self.risk_rules.clone());
        let storage = self.storage.clone();
        // The tasks of the old process cannot be killed; the test blocks what they wait for.
        std::mem::forget(self);
        bed.bind(build(&bed, &storage, &database.config()).await);
        let restarted = Self {
            bed,
            storage,
            identity,
            risk_rules,
            federation: crate::fakes::Federation::default(),
            lookups: crate::RecordedLookups::default(),
        };
        restarted.bind_identity();
        restarted.bind_risk_rules();
        restarted
    }
}

async fn one_worker_of_many_asks_and_the_next_takes_over_what_a_dead_one_held(bed: Bed) {
    let database = Database::start().await;
    database.holds("", &[record("1")], "a", false);
    let storage = bed
        .storage::<lutong_declaration::Migrations>(ServiceName::Declaration)
        .await;
    let config = database.config();
    let workers = futures::future::join_all((0..4).map(|_| build(&bed, &storage, &config))).await;
    let declaration = Declaration {
        bed,
        storage,
        identity: crate::fakes::Identity::default(),
        risk_rules: crate::fakes::RiskRules::default(),
        federation: crate::fakes::Federation::default(),
        lookups: crate::RecordedLookups::default(),
    };
    declaration.bind_identity();
    declaration.bind_risk_rules();
    let mut workers = workers.into_iter();
    declaration.bed.bind(workers.next().unwrap());
    for task in workers.flat_map(|component| component.tasks) {
        tokio::spawn(task);
    }
    let pull = declaration
        .pull_until("done", |pull| pull.last_success_time.is_some())
        .await;
    database.holds("a", &[record("2")], "b", false);
    assert_eq!(counts(pull.total_rows), (1, 0, 0));
    let pull = declaration.attempt().await;
    assert_eq!(counts(pull.total_rows), (2, 0, 0));
    assert_eq!(database.asked(), ["", "a"], "each page is asked for once");
    // A held lease excludes other workers until it expires.
    let held = declaration.bed.foundation.now().plus_seconds(1_000).micros();
    let lease = format!("UPDATE pulls SET lease_owner = 'dead', lease_until = {held}");
    lutong_testing::tamper(&declaration.storage, &lease).await;
    declaration.bed.clock.advance(Duration::from_secs(400));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(database.asked().len(), 2);
    database.holds("b", &[], "b", false);
    declaration.bed.clock.advance(Duration::from_secs(601));
    declaration
        .pull_until("taken over", |pull| {
            seconds(pull.last_success_time) > seconds(pull.cursor_time) && !running(pull)
        })
        .await;
    assert_eq!(database.asked(), ["", "a", "b"]);
}

async fn a_correction_that_comes_a_page_before_its_original_waits_for_it(bed: Bed) {
    let database = Database::start().await;
    let early = correction("2", "4");
    let lost = correction("3", "nowhere");
    database.holds("", &[record("1"), early], "a", true);
    database.holds("a", &[lost], "b", true);
    database.holds("b", &[record("4")], "c", false);
    let declaration = start_with(bed, &database.config()).await;
    let pull = declaration
        .pull_until("done", |pull| pull.last_success_time.is_some())
        .await;
    assert_eq!((pull.cursor.as_str(), counts(pull.total_rows)), ("c", (3, 0, 1)));
    assert_eq!(declaration.keys(), ["1", "2", "4"]);
    let [refusal] = &pull.refusals[..] else {
        panic!("{:?}", pull.refusals)
    };
    assert_eq!(
        (refusal.after.as_str(), refusal.row, &*refusal.reason),
        ("a", 1, "TARGET_UNKNOWN")
    );
    // The cursor does not pass a waiting row: if the round were interrupted, its page would be pulled again.
    database.holds("c", &[correction("5", "6")], "d", true);
    let pull = declaration.attempt().await;
    assert_eq!((pull.cursor.as_str(), reason(&pull)), ("c", "HTTP_STATUS"));
    database.holds("d", &[record("6")], "e", false);
    let pull = declaration.attempt().await;
    assert_eq!((pull.cursor.as_str(), reason(&pull)), ("e", ""));
    assert_eq!(declaration.keys(), ["1", "2", "4", "5", "6"]);
}

async fn a_case_that_is_not_in_force_is_asked_for_again(bed: Bed) {
    let database = Database::start().await;
    database.holds("", &[record("1")], "a", false);
    let declaration = alone_with(bed, &database.config()).await;
    declaration.risk_rules.cases_are_pending(true);
    declaration.bind_identity();
    declaration.bind_risk_rules();
    let pull = declaration
        .pull_until("refused", |pull| reason(pull) == "CASE_NOT_IN_FORCE")
        .await;
    assert_eq!((pull.cursor.as_str(), pull.last_success_time), ("", None));
    declaration.risk_rules.cases_are_pending(false);
    let pull = declaration.attempt().await;
    assert_eq!((pull.cursor.as_str(), counts(pull.total_rows)), ("a", (0, 1, 0)));
}

async fn somebody_with_too_many_facts_spoils_nobody_elses_row(bed: Bed) {
    let database = Database::start().await;
    let full = json!({"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": "440524188001010014"});
    database.holds(
        "",
        &[with(record("1"), "document", full), record("2")],
        "a",
        false,
    );
    let declaration = alone_with(bed, &database.config()).await;
    declaration
        .risk_rules
        .is_full(declaration.identity.subject("440524188001010014"));
    declaration.bind_identity();
    declaration.bind_risk_rules();
    let pull = declaration
        .pull_until("done", |pull| pull.last_success_time.is_some())
        .await;
    assert_eq!((counts(pull.total_rows), pull.cursor.as_str()), ((1, 0, 1), "a"));
    assert_eq!(pull.refusals[0].reason, "TOO_MANY_FACTS");
    assert_eq!(declaration.keys(), ["2"]);
}

async fn without_identity_or_risk_rules_the_cursor_stays(bed: Bed) {
    let database = Database::start().await;
    database.holds("", &[record("1")], "a", false);
    let declaration = alone_with(bed, &database.config()).await;
    declaration
        .pull_until("refused", |pull| reason(pull) == "PART_UNAVAILABLE")
        .await;
    declaration.bind_identity();
    let pull = declaration.attempt().await;
    assert_eq!((reason(&pull), pull.cursor.as_str()), ("PART_UNAVAILABLE", ""));
    declaration.bind_risk_rules();
    let pull = declaration.attempt().await;
    assert_eq!((reason(&pull), pull.cursor.as_str()), ("", "a"));
}

async fn a_source_without_success_for_three_intervals_is_overdue_until_it_recovers(bed: Bed) {
    let database = Database::start().await;
    let declaration = start_with(bed, &database.config()).await;
    let noted = "pulls WHERE overdue_at IS NOT NULL";
    for _ in 0..2 {
        let pull = declaration.attempt().await;
        assert_eq!((reason(&pull), overdue(&pull)), ("HTTP_STATUS", false));
    }
    assert_eq!(lutong_testing::rows(&declaration.storage, noted).await, 0);
    let pull = declaration.attempt().await;
    assert!(overdue(&pull) && pull.last_success_time.is_none());
    let said = async {
        while lutong_testing::rows(&declaration.storage, noted).await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), said).await.unwrap();
    database.holds("", &[], "", false);
    let pull = declaration.attempt().await;
    assert!(!overdue(&pull) && pull.last_success_time.is_some() && pull.cursor_time.is_none());
    assert_eq!(lutong_testing::rows(&declaration.storage, noted).await, 0);
}

async fn an_operator_and_nobody_else_asks_a_source_at_once(bed: Bed) {
    let database = Database::start().await;
    database.holds("", &[], "", false);
    let mut config = database.config();
    let mut other = Database::start().await.config().pull.remove(0);
    "hospital-370202".clone_into(&mut other.source);
    config.pull.push(other);
    let declaration = start_with(bed, &config).await;
    declaration
        .pull_until("done", |pull| pull.last_success_time.is_some())
        .await;
    declaration.bed.clock.advance(Duration::from_secs(1));
    let before = declaration.start_pull(&operator(), 1, SOURCE).await.unwrap();
    let after = declaration
        .pull_until("asked", |pull| {
            pull.last_attempt_time != before.last_attempt_time && !running(pull)
        })
        .await;
    assert!(seconds(after.last_success_time) > seconds(before.last_success_time));
    assert_eq!(database.asked().len(), 2);
    // The same request again has no effect.
    declaration.bed.clock.advance(Duration::from_secs(1));
    let again = declaration.start_pull(&operator(), 1, SOURCE).await.unwrap();
    assert!(seconds(again.next_due_time) > seconds(again.last_attempt_time));
    for (source, expected) in [
        ("hospital-370202", "REQUEST_ID_REUSED"),
        ("epidemic-data", "PULL_NOT_FOUND"),
    ] {
        let refused = declaration.start_pull(&operator(), 1, source).await.unwrap_err();
        assert_eq!(refused.reason, expected);
    }
    let other = wire::StartPullRequest {
        request_id: "1".to_owned(),
        name: format!("pulls/{SOURCE}"),
    };
    let request = declaration.bed.call_as(&operator()).request(other);
    let refused = fault(&declaration.pulls().start_pull(request).await.unwrap_err());
    assert_eq!(violations(&refused), ["request_id UUID_SHAPE"]);
    let feed = lutong_testing::feed(SOURCE, &["database_anomaly"]);
    let refused = declaration.start_pull(&feed, 2, SOURCE).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::PermissionDenied, "NOT_PERMITTED")
    );
    let request = declaration
        .bed
        .call_as(&feed)
        .request(wire::ListPullsRequest::default());
    let refused = declaration.pulls().list_pulls(request).await.unwrap_err();
    assert_eq!(fault(&refused).reason, "NOT_PERMITTED");
}

async fn a_pull_that_was_asked_for_is_an_operation_that_ends_with_the_attempt(bed: Bed) {
    let database = Database::start().await;
    database.holds("", &[], "", false);
    let declaration = start_with(bed, &database.config()).await;
    declaration
        .pull_until("done", |pull| pull.last_success_time.is_some() && !running(pull))
        .await;
    let started = async |n| {
        let started = declaration.start_pull_as_operation(&operator(), n, SOURCE).await;
        started.unwrap().operation
    };
    database.holds("", &[record("r1"), record("r2")], "1", false);
    let name = started(1).await;
    let ended = declaration.watched(&name).await.pop().unwrap();
    assert_eq!(
        (ended.state(), ended.kind(), &*ended.target),
        (
            OperationState::Succeeded,
            OperationKind::Pull,
            "pulls/epidemic-database"
        )
    );
    assert_eq!(ended.progress.unwrap().done, 2, "rows");
    // The same request again gets the same answer.
    assert_eq!(started(1).await, name);
    let refused = declaration.cancel(2, &name).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::FailedPrecondition, "WRONG_STATE")
    );

    database.answers("1", Answer::Status(500));
    let failed = declaration.watched(&started(3).await).await.pop().unwrap();
    let error = failed.error.unwrap();
    assert_eq!(
        (OperationState::try_from(failed.state), &*error.reason),
        (Ok(OperationState::Failed), "HTTP_STATUS")
    );

    let list = |state: OperationState| wire::ListOperationsRequest {
        state: state.into(),
        ..wire::ListOperationsRequest::default()
    };
    let listed = async |request| {
        let request = declaration.bed.call_as(&operator()).request(request);
        let answer = declaration.operations().list_operations(request).await;
        let answer = answer.map_err(|status| fault(&status))?.into_inner();
        Ok::<_, Fault>(
            answer
                .operations
                .into_iter()
                .map(|one| one.name)
                .collect::<Vec<_>>(),
        )
    };
    let succeeded = listed(list(OperationState::Succeeded)).await.unwrap();
    assert_eq!(succeeded, std::slice::from_ref(&name));
    let foreign = wire::ListOperationsRequest {
        page_token: "x".to_owned(),
        ..wire::ListOperationsRequest::default()
    };
    assert_eq!(
        violations(&listed(foreign).await.unwrap_err()),
        ["page_token PAGE_TOKEN_FOREIGN"]
    );
    for (shape, expected) in [
        ("operations/7", "INVALID_FIELDS"),
        (NOBODYS, "OPERATION_NOT_FOUND"),
    ] {
        assert_eq!(
            declaration
                .operation(&operator(), shape)
                .await
                .unwrap_err()
                .reason,
            expected
        );
        assert_eq!(declaration.cancel(9, shape).await.unwrap_err().reason, expected);
        let request = wire::WatchOperationRequest {
            name: shape.to_owned(),
        };
        let request = declaration.bed.call_as(&operator()).request(request);
        let refused = declaration
            .operations()
            .watch_operation(request)
            .await
            .map(|_| ());
        assert_eq!(fault(&refused.unwrap_err()).reason, expected);
    }
    let feed = lutong_testing::feed(SOURCE, &["database_anomaly"]);
    let refused = declaration.operation(&feed, &name).await.unwrap_err();
    assert_eq!(refused.reason, "NOT_PERMITTED");
}

async fn a_pull_that_runs_is_not_cancelled_and_one_that_waits_for_it_is(bed: Bed) {
    let database = Database::start().await;
    database.holds("", &[], "", false);
    let declaration = start_with(bed, &database.config()).await;
    declaration
        .pull_until("done", |pull| pull.last_success_time.is_some() && !running(pull))
        .await;
    database.answers("", Answer::Silence);
    let started = async |n| {
        let started = declaration.start_pull_as_operation(&operator(), n, SOURCE).await;
        started.unwrap().operation
    };
    let runs = started(1).await;
    declaration.pull_until("running", running).await;
    let refused = declaration.cancel(2, &runs).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::FailedPrecondition, "NOT_CANCELLABLE")
    );
    let waits = started(3).await;
    assert_eq!(started(4).await, waits, "nobody has begun it: it is the same");
    let cancelled = declaration.cancel(5, &waits).await.unwrap();
    assert_eq!(cancelled.state(), OperationState::Cancelled);
    assert_eq!(declaration.cancel(5, &waits).await, Ok(cancelled));
    assert_eq!(
        declaration.cancel(5, &runs).await.unwrap_err().reason,
        "REQUEST_ID_REUSED"
    );
    let waits = started(6).await;
    database.holds("", &[], "", false);
    let ended = declaration.watched(&runs).await.pop().unwrap();
    assert_eq!(
        ended.state(),
        OperationState::Failed,
        "the database said nothing in time"
    );
    // It starts right after the running one, not when the source is due.
    let ended = declaration.watched(&waits).await.pop().unwrap();
    assert_eq!(ended.state(), OperationState::Succeeded);
}

async fn nothing_is_pulled_where_nothing_is_configured(bed: Bed) {
    let declaration = crate::start(bed).await;
    let request = declaration
        .bed
        .call_as(&operator())
        .request(wire::ListPullsRequest::default());
    let answer = declaration.pulls().list_pulls(request).await.unwrap();
    assert!(answer.into_inner().pulls.is_empty());
    let refused = declaration.start_pull(&operator(), 1, SOURCE).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::NotFound, "PULL_NOT_FOUND")
    );
    let get = declaration
        .bed
        .call_as(&operator())
        .request(wire::GetPullRequest {
            name: format!("pulls/{SOURCE}"),
        });
    let refused = fault(&declaration.pulls().get_pull(get).await.unwrap_err());
    assert_eq!(refused.reason, "PULL_NOT_FOUND");
    let get = declaration
        .bed
        .call_as(&operator())
        .request(wire::GetPullRequest {
            name: SOURCE.to_owned(),
        });
    let refused = fault(&declaration.pulls().get_pull(get).await.unwrap_err());
    assert_eq!(violations(&refused), ["name NAME_SHAPE"]);
    let list = declaration
        .bed
        .call_as(&operator())
        .request(wire::ListPullsRequest {
            page_size: 1,
            page_token: "x".to_owned(),
        });
    let refused = fault(&declaration.pulls().list_pulls(list).await.unwrap_err());
    assert_eq!(violations(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
    assert_eq!(lutong_testing::rows(&declaration.storage, "pulls").await, 0);
}
