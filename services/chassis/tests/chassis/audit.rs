//! The audit log: what is recorded of calls and refused calls, and that changes of the log are detected.

use std::sync::Arc;
use std::time::Duration;

use lutong_chassis::audit::{self, AuditLog, Break, Filter, Record};
use lutong_kernel::{DivisionCode, ServiceName};
use lutong_proto::identity::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1 as types;
use lutong_storage::{Engine, Schema, Step, StorageConfig, steps};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, rows, tamper};
use lutong_transport::access::Principal;
use lutong_transport::access::Roles;
use tokio::sync::Notify;
use tonic::{Code, Request, Response, Status};
use wire::merge_service_client::MergeServiceClient;
use wire::merge_service_server::{MergeService, MergeServiceServer};

on_both_engines!(
    a_call_is_recorded_with_who_what_whom_what_for_and_how_it_ended,
    a_refused_call_is_recorded_within_bounds,
    a_caller_who_goes_away_leaves_no_effect_without_its_record,
    what_cannot_be_recorded_is_not_answered,
    what_was_changed_deleted_inserted_or_moved_is_found_and_named,
    a_cut_off_end_and_a_changed_seal_are_found,
    a_log_that_was_put_back_is_found_by_a_head_kept_elsewhere,
    records_from_before_the_chain_stay_and_are_told_apart,
    processes_that_write_at_once_make_one_chain,
    records_are_listed_by_what_is_asked_for,
);

struct Migrations;

impl Schema for Migrations {
    const STEPS: &'static [Step] = &[steps::DATA_KEYS, audit::STEP, OLD_RECORDS];
}

/// Two records from before the log was chained.
const OLD_RECORDS: Step = Step {
    name: "old_records",
    sqlite: OLD,
    postgres: OLD,
};
const OLD: &str = "INSERT INTO audit_records (recorded_at, rpc, caller, principal, outcome) VALUES
    (1669435100000000, 'x/Old', 'c', 'p', 'OK'), (1669435100000000, 'x/Old', 'c', 'p', 'OK');";

const SUBJECT: &str = "01930000-0000-7000-8000-000000000001";
const OTHER: &str = "01930000-0000-7000-8000-000000000002";
const MERGE: &str = "merges/01930000-0000-7000-8000-000000000001.1";

/// Accepts every merge; one with the reason `wait` waits for the test.
#[derive(Clone, Default)]
struct Merges {
    go_on: Arc<Notify>,
    merged: Arc<std::sync::atomic::AtomicU32>,
}

#[tonic::async_trait]
impl MergeService for Merges {
    async fn create_merge(
        &self,
        request: Request<wire::CreateMergeRequest>,
    ) -> Result<Response<wire::CreateMergeResponse>, Status> {
        if request.get_ref().purpose.is_none() {
            let missing = lutong_kernel::Violation::new("purpose", "MISSING", "必填", "is required");
            return Err(lutong_transport::status::from_fault(
                lutong_kernel::Fault::invalid(vec![missing]),
            ));
        }
        if request.get_ref().reason == "wait" {
            self.go_on.notified().await;
        }
        self.merged.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(Response::new(wire::CreateMergeResponse {
            merge: Some(wire::Merge {
                name: MERGE.to_owned(),
                subject_id: SUBJECT.to_owned(),
                into_subject_id: OTHER.to_owned(),
                ..wire::Merge::default()
            }),
        }))
    }

    async fn undo_merge(
        &self,
        _: Request<wire::UndoMergeRequest>,
    ) -> Result<Response<wire::UndoMergeResponse>, Status> {
        Err(lutong_transport::status::from_fault(lutong_kernel::Fault::new(
            lutong_kernel::FaultCode::FailedPrecondition,
            "MERGE_UNDONE",
            "已撤销",
            "was undone",
        )))
    }

    async fn get_merge(
        &self,
        _: Request<wire::GetMergeRequest>,
    ) -> Result<Response<wire::GetMergeResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_merges(
        &self,
        _: Request<wire::ListMergesRequest>,
    ) -> Result<Response<wire::ListMergesResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}

struct Desk {
    bed: Bed,
    log: AuditLog,
    storage: StorageConfig,
    merges: Merges,
}

async fn desk(bed: Bed) -> Desk {
    let storage = bed.storage::<Migrations>(ServiceName::Identity).await;
    let log = another_log(&bed, &storage).await;
    let merges = Merges::default();
    let routes = tonic::service::Routes::new(MergeServiceServer::new(merges.clone()));
    let router = bed
        .foundation
        .guard(ServiceName::Identity, routes, Some(log.clone()));
    bed.mesh.bind(ServiceName::Identity, router);
    Desk {
        bed,
        log,
        storage,
        merges,
    }
}

/// The log as another process opens it.
async fn another_log(bed: &Bed, storage: &StorageConfig) -> AuditLog {
    let opened = bed
        .foundation
        .open_store::<Migrations>(ServiceName::Identity, storage, &[]);
    opened.await.unwrap().audit_log(&bed.foundation).await.unwrap()
}

fn supervisor() -> Principal {
    Principal {
        account: "supervisor-1".to_owned(),
        roles: Roles::of(&[Role::Supervisor, Role::HealthOfficer]),
        subject: None,
        division: Some(DivisionCode::parse("370202").unwrap()),
        feed: None,
        desks: Vec::new(),
    }
}

fn reference(subject: &str) -> wire::SubjectReference {
    wire::SubjectReference {
        reference: Some(wire::subject_reference::Reference::SubjectId(subject.to_owned())),
    }
}

fn by_document() -> wire::SubjectReference {
    let document = types::Document {
        number: "370202199003077777".to_owned(),
        ..types::Document::default()
    };
    wire::SubjectReference {
        reference: Some(wire::subject_reference::Reference::Document(document)),
    }
}

impl Desk {
    fn client(&self) -> MergeServiceClient<lutong_transport::client::MeshChannel> {
        MergeServiceClient::new(self.bed.channel(ServiceName::Identity, Caller::Gateway))
    }

    /// `case` is the reference of the purpose.
    async fn merge(&self, principal: &Principal, case: Option<&str>, reason: &str) -> Result<(), Status> {
        let message = wire::CreateMergeRequest {
            request_id: SUBJECT.to_owned(),
            subject: Some(by_document()),
            into: Some(reference(OTHER)),
            reason: reason.to_owned(),
            purpose: case.map(|case| types::Purpose {
                code: types::PurposeCode::DataCorrection.into(),
                reference: case.to_owned(),
            }),
        };
        let request = self.bed.call_as(principal).request(message);
        self.client().create_merge(request).await.map(drop)
    }

    async fn merges(&self, times: usize) {
        for _ in 0..times {
            self.merge(&supervisor(), Some("duplicates"), "r").await.unwrap();
        }
    }

    /// All records, newest first.
    async fn records(&self) -> Vec<Record> {
        self.log.list(&Filter::default(), i64::MAX, 1_000).await.unwrap()
    }

    async fn breaks(&self) -> Vec<(i64, Break)> {
        let mut breaks = self.log.check(0, 1_000).await.unwrap().breaks;
        breaks.extend(self.log.check_end(None).await.unwrap().breaks);
        breaks
    }
}

async fn a_call_is_recorded_with_who_what_whom_what_for_and_how_it_ended(bed: Bed) {
    let desk = desk(bed).await;
    desk.merge(&supervisor(), Some("asked by 13800138000"), "张三")
        .await
        .unwrap();
    let request = desk.bed.call_as(&supervisor()).request(wire::UndoMergeRequest {
        request_id: SUBJECT.to_owned(),
        name: MERGE.to_owned(),
        reason: "r".to_owned(),
        etag: String::new(),
        purpose: Some(types::Purpose {
            code: types::PurposeCode::DataCorrection.into(),
            reference: String::new(),
        }),
    });
    desk.client().undo_merge(request).await.unwrap_err();
    let records = desk.records().await;
    let [unmerged, merged, ..] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!(
        (
            merged.rpc.as_str(),
            merged.caller.as_str(),
            merged.account.as_str()
        ),
        (
            "lutong.identity.v1.MergeService/CreateMerge",
            "CALLER_GATEWAY",
            "supervisor-1"
        )
    );
    assert_eq!(merged.roles, "ROLE_HEALTH_OFFICER,ROLE_SUPERVISOR");
    assert_eq!(
        (merged.division.as_str(), merged.purpose.as_deref()),
        ("370202", Some("DATA_CORRECTION asked by ***"))
    );
    assert_eq!((merged.outcome.as_str(), merged.reason.as_str()), ("OK", ""));
    assert_eq!(
        merged.objects,
        format!(
            r#"[["into.subject_id","{OTHER}"],["merge.name","{MERGE}"],["merge.subject_id","{SUBJECT}"],["merge.into_subject_id","{OTHER}"]]"#
        )
    );
    assert_eq!(
        (unmerged.outcome.as_str(), unmerged.reason.as_str()),
        ("FAILED_PRECONDITION", "MERGE_UNDONE")
    );
    assert_eq!(unmerged.objects, format!(r#"[["name","{MERGE}"]]"#));
    assert_eq!(unmerged.purpose.as_deref(), Some("DATA_CORRECTION"));
    let whole = format!("{records:?}");
    assert!(
        !whole.contains("37020219900307") && !whole.contains("张三"),
        "{whole}"
    );
    assert_eq!(desk.breaks().await, []);
}

async fn a_refused_call_is_recorded_within_bounds(bed: Bed) {
    let desk = desk(bed).await;
    let citizen = lutong_testing::citizen("citizen-1", None);
    // Wrong role, no purpose, nobody.
    assert_eq!(
        desk.merge(&citizen, Some("look"), "r").await.unwrap_err().code(),
        Code::PermissionDenied
    );
    desk.merge(&supervisor(), None, "r").await.unwrap_err();
    let client = &mut desk.client();
    let mut forged = Request::new(wire::CreateMergeRequest::default());
    forged
        .metadata_mut()
        .insert("lutong-principal", "Zm9yZ2Vk".parse().unwrap());
    client.create_merge(forged).await.unwrap_err();
    let refused: Vec<_> = desk
        .records()
        .await
        .into_iter()
        .take(3)
        .map(|record| (record.account, record.reason, record.objects.contains(OTHER)))
        .collect();
    let expected = [
        ("public", "NOT_SIGNED_IN", false),
        ("supervisor-1", "INVALID_FIELDS", true),
        ("citizen-1", "NOT_PERMITTED", true),
    ];
    assert_eq!(
        refused,
        expected.map(|(who, why, whom)| (who.to_owned(), why.to_owned(), whom))
    );
    let before = rows(&desk.storage, "audit_records").await;
    for _ in 0..100 {
        desk.merge(&citizen, Some("look"), "r").await.unwrap_err();
    }
    let added = rows(&desk.storage, "audit_records").await - before;
    assert!(added < 25, "{added}");
    desk.bed.clock.advance(Duration::from_secs(61));
    desk.merge(&citizen, Some("look"), "r").await.unwrap_err();
    assert_eq!(desk.records().await[0].unrecorded, 100 - added);
    assert_eq!(desk.merges.merged.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert_eq!(desk.breaks().await, []);
}

async fn a_caller_who_goes_away_leaves_no_effect_without_its_record(bed: Bed) {
    let desk = desk(bed).await;
    let before = rows(&desk.storage, "audit_records").await;
    let supervisor = supervisor();
    let cut = tokio::time::timeout(
        Duration::from_millis(200),
        desk.merge(&supervisor, Some("duplicates"), "wait"),
    );
    assert!(cut.await.is_err(), "the caller has gone");
    desk.merges.go_on.notify_one();
    for _ in 0..200 {
        if rows(&desk.storage, "audit_records").await > before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let done = desk.merges.merged.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(
        (done, rows(&desk.storage, "audit_records").await),
        (1, before + 1)
    );
}

async fn what_cannot_be_recorded_is_not_answered(bed: Bed) {
    let desk = desk(bed).await;
    desk.merges(1).await;
    tamper(&desk.storage, "ALTER TABLE audit_records RENAME TO hidden").await;
    desk.merge(&supervisor(), Some("duplicates"), "r")
        .await
        .unwrap_err();
    tamper(&desk.storage, "ALTER TABLE hidden RENAME TO audit_records").await;
    desk.merges(1).await;
    assert_eq!(desk.breaks().await, []);
}

async fn what_was_changed_deleted_inserted_or_moved_is_found_and_named(bed: Bed) {
    let desk = desk(bed).await;
    desk.merges(8).await;
    // Two records are older than the chain, so the first chained one is 3.
    assert_eq!(desk.breaks().await, []);
    let columns = "recorded_at, rpc, caller, principal, purpose, outcome, roles, division, reason, objects, unrecorded, entry";
    for column in [
        "principal",
        "purpose",
        "outcome",
        "roles",
        "division",
        "reason",
        "objects",
        "rpc",
        "caller",
    ] {
        let kept = format!("UPDATE audit_records SET {column} = {column} || 'x' WHERE id = 4");
        tamper(&desk.storage, &kept).await;
        assert_eq!(desk.breaks().await, [(4, Break::Changed)], "{column}");
        let back = format!(
            "UPDATE audit_records SET {column} = substr({column}, 1, length({column}) - 1) WHERE id = 4"
        );
        tamper(&desk.storage, &back).await;
    }
    tamper(
        &desk.storage,
        "UPDATE audit_records SET recorded_at = recorded_at + 1 WHERE id = 4",
    )
    .await;
    assert_eq!(desk.breaks().await, [(4, Break::Changed)]);
    tamper(
        &desk.storage,
        "UPDATE audit_records SET recorded_at = recorded_at - 1 WHERE id = 4",
    )
    .await;
    assert_eq!(desk.breaks().await, []);
    // Two records swapped.
    tamper(&desk.storage, "UPDATE audit_records SET id = -5 WHERE id = 5").await;
    tamper(&desk.storage, "UPDATE audit_records SET id = 5 WHERE id = 6").await;
    tamper(&desk.storage, "UPDATE audit_records SET id = 6 WHERE id = -5").await;
    assert_eq!(desk.breaks().await.first(), Some(&(5, Break::Changed)));
    tamper(&desk.storage, "UPDATE audit_records SET id = -5 WHERE id = 5").await;
    tamper(&desk.storage, "UPDATE audit_records SET id = 5 WHERE id = 6").await;
    tamper(&desk.storage, "UPDATE audit_records SET id = 6 WHERE id = -5").await;
    assert_eq!(desk.breaks().await, []);
    // An inserted record: a copy of the last one after the end.
    let copy = format!(
        "INSERT INTO audit_records (id, {columns}) SELECT 11, {columns} FROM audit_records WHERE id = 10"
    );
    tamper(&desk.storage, &copy).await;
    assert_eq!(desk.breaks().await, [(11, Break::Changed), (10, Break::Head)]);
    tamper(&desk.storage, "DELETE FROM audit_records WHERE id = 11").await;
    assert_eq!(desk.breaks().await, []);
    tamper(&desk.storage, "DELETE FROM audit_records WHERE id = 7").await;
    assert_eq!(desk.breaks().await, [(8, Break::Gap)]);
}

async fn a_cut_off_end_and_a_changed_seal_are_found(bed: Bed) {
    let desk = desk(bed).await;
    let sealing = tokio::spawn(desk.log.clone().seal_days(desk.bed.foundation.stop.clone()));
    desk.merges(3).await;
    desk.bed.clock.advance(Duration::from_secs(86_400));
    let sealed = async {
        while desk.log.check_end(None).await.unwrap().sealed_days == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), sealed)
        .await
        .unwrap();
    sealing.abort();
    desk.merges(2).await;
    assert_eq!(desk.breaks().await, []);
    let day = lutong_kernel::LocalDay::parse("2022-11-26").unwrap();
    tamper(&desk.storage, "UPDATE audit_seals SET records = records + 1").await;
    assert_eq!(desk.breaks().await, [(3, Break::Seal(day))]);
    tamper(&desk.storage, "UPDATE audit_seals SET records = records - 1").await;
    tamper(&desk.storage, "CREATE TABLE kept AS SELECT * FROM audit_seals").await;
    tamper(&desk.storage, "DELETE FROM audit_seals").await;
    assert_eq!(desk.breaks().await, [(3, Break::Seal(day))]);
    tamper(&desk.storage, "INSERT INTO audit_seals SELECT * FROM kept").await;
    assert_eq!(desk.breaks().await, []);
    // Truncated after the seal, with the head moved back.
    tamper(&desk.storage, "DELETE FROM audit_records WHERE id = 7").await;
    assert_eq!(desk.breaks().await, [(7, Break::Head)]);
    let back = "UPDATE audit_head SET sequence = 6, entry = (SELECT entry FROM audit_records WHERE id = 6)";
    tamper(&desk.storage, back).await;
    assert_eq!(desk.breaks().await, [(6, Break::Head)]);
    // Everything deleted, including the head: neither a record nor a start recreates it.
    tamper(&desk.storage, "DELETE FROM audit_head").await;
    assert_eq!(desk.breaks().await.last(), Some(&(6, Break::Head)));
    desk.merge(&supervisor(), Some("duplicates"), "r")
        .await
        .unwrap_err();
    drop(another_log(&desk.bed, &desk.storage).await);
    assert_eq!(desk.breaks().await.last(), Some(&(6, Break::Head)));
    tamper(&desk.storage, "DELETE FROM audit_records").await;
    assert_eq!(desk.breaks().await, [(0, Break::Head)]);
}

async fn a_log_that_was_put_back_is_found_by_a_head_kept_elsewhere(bed: Bed) {
    let desk = desk(bed).await;
    desk.merges(2).await;
    for table in ["audit_records", "audit_head"] {
        tamper(
            &desk.storage,
            &format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}"),
        )
        .await;
    }
    desk.merges(2).await;
    let head = desk.log.check_end(None).await.unwrap().head.unwrap();
    let known = Some((head.sequence, head.entry));
    desk.merges(1).await;
    assert_eq!(desk.log.check_end(known).await.unwrap().breaks, []);
    for table in ["audit_records", "audit_head"] {
        tamper(&desk.storage, &format!("DELETE FROM {table}")).await;
        tamper(
            &desk.storage,
            &format!("INSERT INTO {table} SELECT * FROM kept_{table}"),
        )
        .await;
    }
    assert_eq!(desk.breaks().await, [], "in itself it is whole");
    let found = desk.log.check_end(known).await.unwrap().breaks;
    assert_eq!(found, [(head.sequence, Break::Head)]);
}

async fn records_from_before_the_chain_stay_and_are_told_apart(bed: Bed) {
    let desk = desk(bed).await;
    assert_eq!(desk.breaks().await, []);
    desk.merges(1).await;
    let records = desk.records().await;
    let old: Vec<_> = records
        .iter()
        .map(|record| (record.sequence, record.rpc.as_str()))
        .collect();
    assert_eq!(old[1..], [(2, "x/Old"), (1, "x/Old")]);
    let checked = desk.log.check(0, 100).await.unwrap();
    assert_eq!((checked.intact, checked.next), (1, None));
    // Nor can a chained record be declared unchained.
    tamper(&desk.storage, "UPDATE audit_head SET unchained = 3").await;
    assert_eq!(desk.breaks().await, [(3, Break::Head)]);
}

async fn processes_that_write_at_once_make_one_chain(bed: Bed) {
    let desk = desk(bed).await;
    // SQLite has one process.
    let second = match desk.bed.engine() {
        Engine::Sqlite => desk.log.clone(),
        Engine::Postgres => another_log(&desk.bed, &desk.storage).await,
    };
    let call = |n: usize| lutong_transport::record::CallRecord {
        at: desk.bed.foundation.now(),
        rpc: "x/Y",
        caller: Some(Caller::Gateway),
        account: format!("a{n}"),
        roles: Roles::default(),
        division: None,
        purpose: None,
        outcome: Code::Ok,
        reason: String::new(),
        objects: Vec::new(),
        unrecorded: 0,
    };
    let writes = (0..400).map(|n| {
        let log = if n % 2 == 0 { &desk.log } else { &second };
        lutong_transport::record::AuditSink::record(log, call(n))
    });
    // A concurrent verification raises no false alarm.
    let checking = async {
        for _ in 0..20 {
            assert_eq!(desk.log.check_end(None).await.unwrap().breaks, []);
        }
    };
    let (written, ()) = futures::future::join(futures::future::join_all(writes), checking).await;
    written.into_iter().for_each(Result::unwrap);
    assert_eq!(desk.breaks().await, []);
    let checked = desk.log.check(0, 1_000).await.unwrap();
    assert_eq!(checked.intact, 400);
    // In pages as in a single call.
    let (mut after, mut intact) = (0, 0);
    loop {
        let page = desk.log.check(after, 64).await.unwrap();
        assert_eq!(page.breaks, []);
        intact += page.intact;
        let Some(next) = page.next else { break };
        after = next;
    }
    assert_eq!(intact, 400);
}

async fn records_are_listed_by_what_is_asked_for(bed: Bed) {
    let desk = desk(bed).await;
    desk.merges(2).await;
    desk.bed.clock.advance(Duration::from_secs(60));
    let since = desk.bed.foundation.now();
    desk.merge(&lutong_testing::citizen("citizen-1", None), Some("x"), "r")
        .await
        .unwrap_err();
    let count = |filter: Filter| {
        let log = desk.log.clone();
        async move { log.list(&filter, i64::MAX, 100).await.unwrap().len() }
    };
    let all = Filter::default;
    assert_eq!(count(all()).await, 5);
    assert_eq!(
        count(Filter {
            account: "citizen-1".into(),
            ..all()
        })
        .await,
        1
    );
    assert_eq!(
        count(Filter {
            outcome: "PERMISSION_DENIED".into(),
            ..all()
        })
        .await,
        1
    );
    assert_eq!(
        count(Filter {
            rpc: "CreateMerge".into(),
            ..all()
        })
        .await,
        3
    );
    assert_eq!(
        count(Filter {
            rpc: "lutong.identity.v1.MergeService/CreateMerge".into(),
            ..all()
        })
        .await,
        3
    );
    assert_eq!(
        count(Filter {
            rpc: "Merge".into(),
            ..all()
        })
        .await,
        0
    );
    assert_eq!(
        count(Filter {
            object: SUBJECT.into(),
            ..all()
        })
        .await,
        2
    );
    assert_eq!(
        count(Filter {
            object: OTHER.into(),
            ..all()
        })
        .await,
        3
    );
    assert_eq!(
        count(Filter {
            start: Some(since),
            ..all()
        })
        .await,
        1
    );
    assert_eq!(
        count(Filter {
            end: Some(since),
            ..all()
        })
        .await,
        4
    );
}
