//! Re-comparisons of all subjects.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use lutong_kernel::Fault;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1::{self as wire, FindingKind, RecomparisonState};
use lutong_proto::types::v1::{Colour, OperationKind, OperationState, Purpose, PurposeCode};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::Principal;
use tonic::Response;

use crate::mesh::{Mesh, fault, fever, fresh_id, request_id, staff, subject};
use crate::operations;

on_both_engines!(
    a_run_looks_at_everybody_once_and_finds_exactly_what_was_planted,
    somebody_who_is_missing_makes_a_run_incomplete,
    the_daily_run_begins_by_itself,
    a_run_is_begun_once_ends_with_its_operation_and_is_listed,
    a_cancelled_run_looks_at_nobody_more,
    a_run_cancelled_inside_a_part_ends_with_that_part_and_counts_it,
    a_run_that_is_none_is_not_found,
);

fn operator() -> Principal {
    staff("op-1", Role::Operator)
}

async fn start_as(mesh: &Mesh, request_id: &str) -> Result<wire::StartRecomparisonResponse, Fault> {
    let request = wire::StartRecomparisonRequest {
        request_id: request_id.to_owned(),
    };
    let answer = mesh
        .recomparisons()
        .start_recomparison(mesh.asking(&operator(), request))
        .await;
    answer.map(Response::into_inner).map_err(|status| fault(&status))
}

/// Starts a run and returns its name.
pub async fn start(mesh: &Mesh) -> String {
    let begun = start_as(mesh, &fresh_id()).await.unwrap();
    begun.recomparison.unwrap().name
}

pub async fn get(mesh: &Mesh, name: &str) -> Result<wire::Recomparison, Fault> {
    let get = wire::GetRecomparisonRequest {
        name: name.to_owned(),
    };
    let answer = mesh
        .recomparisons()
        .get_recomparison(mesh.asking(&operator(), get))
        .await;
    let answer = answer.map_err(|status| fault(&status))?;
    Ok(answer.into_inner().recomparison.unwrap())
}

pub async fn finished(mesh: &Mesh, name: &str) -> wire::Recomparison {
    mesh.until("the end of the run", async || {
        get(mesh, name).await.is_ok_and(|run| run.finish_time.is_some())
    })
    .await;
    get(mesh, name).await.unwrap()
}

async fn list(mesh: &Mesh, request: wire::ListRecomparisonsRequest) -> Result<(Vec<String>, String), Fault> {
    let answer = mesh
        .recomparisons()
        .list_recomparisons(mesh.asking(&operator(), request))
        .await;
    let answer = answer.map_err(|status| fault(&status))?.into_inner();
    let names = answer.recomparisons.into_iter().map(|run| run.name);
    Ok((names.collect(), answer.next_page_token))
}

pub async fn inspect(
    mesh: &Mesh,
    request: wire::InspectRecomparisonFindingsRequest,
) -> Result<wire::InspectRecomparisonFindingsResponse, Fault> {
    let request = mesh.asking(&staff("audit-1", Role::Auditor), request);
    let answer = mesh.recomparisons().inspect_recomparison_findings(request).await;
    answer.map(Response::into_inner).map_err(|status| fault(&status))
}

pub fn findings_of(name: &str) -> wire::InspectRecomparisonFindingsRequest {
    wire::InspectRecomparisonFindingsRequest {
        name: name.to_owned(),
        purpose: Some(Purpose {
            code: PurposeCode::Operation.into(),
            reference: String::new(),
        }),
        ..wire::InspectRecomparisonFindingsRequest::default()
    }
}

async fn people(bed: Bed) -> Mesh {
    let mesh = Mesh::start(bed).await;
    let everybody: Vec<u32> = (1..=300).collect();
    let facts = (1..=90).map(|n| fever(n, &format!("f{n}"))).collect();
    mesh.stored(facts, &everybody).await;
    mesh
}

async fn a_run_looks_at_everybody_once_and_finds_exactly_what_was_planted(bed: Bed) {
    let mesh = people(bed).await;
    let clean = finished(&mesh, &start(&mesh).await).await;
    assert!(
        clean.state() == RecomparisonState::Complete && clean.findings.is_empty(),
        "{clean:?}"
    );
    assert_eq!((clean.expected, clean.seen), (300, 300));
    let colours: Vec<_> = clean
        .colours
        .iter()
        .map(|one| (one.colour(), one.count))
        .collect();
    assert_eq!(
        colours,
        [(Colour::Green, 210), (Colour::Yellow, 90), (Colour::Red, 0)]
    );
    // Tampers with the database: two people become green, one red.
    let (one, two, three) = (mesh.literal(5), mesh.literal(6), mesh.literal(200));
    let planted = [
        format!("UPDATE subjects SET colour = 0, rules = 0 WHERE subject_id IN ({one}, {two})"),
        format!("UPDATE subjects SET colour = 10, rules = 1 WHERE subject_id = {three}"),
    ];
    for sql in planted {
        mesh.tamper(&sql).await;
    }
    let run = finished(&mesh, &start(&mesh).await).await;
    assert_eq!(run.state(), RecomparisonState::Complete, "{run:?}");
    let found = inspect(&mesh, findings_of(&run.name)).await.unwrap();
    let named: BTreeSet<_> = found.findings.iter().map(|one| one.subject_id.clone()).collect();
    assert_eq!(named, [5, 6, 200].map(|n| subject(n).to_string()).into());
    assert!(
        found
            .findings
            .iter()
            .all(|one| one.kind() == FindingKind::Mismatch)
    );
    // And every decision matches the facts again.
    let shown = [5, 6, 200].map(|n| mesh.shown(n).unwrap());
    assert_eq!(shown, [Colour::Yellow, Colour::Yellow, Colour::Green]);
    let after = finished(&mesh, &start(&mesh).await).await;
    assert!(
        after.state() == RecomparisonState::Complete && after.findings.is_empty(),
        "{after:?}"
    );
}

async fn somebody_who_is_missing_makes_a_run_incomplete(bed: Bed) {
    let mesh = people(bed).await;
    let gone = mesh.literal(250);
    mesh.tamper(&format!("DELETE FROM subjects WHERE subject_id = {gone}"))
        .await;
    let run = finished(&mesh, &start(&mesh).await).await;
    assert_eq!(
        (run.expected, run.seen, run.state()),
        (300, 299, RecomparisonState::Incomplete)
    );
    assert_ne!(run.expected_digest, run.seen_digest);
}

async fn the_daily_run_begins_by_itself(bed: Bed) {
    let mesh = people(bed).await;
    mesh.until("the day's run", async || {
        get(&mesh, "recomparisons/latest")
            .await
            .is_ok_and(|run| !run.run_date.is_empty())
    })
    .await;
    mesh.bed.clock.advance(std::time::Duration::from_secs(86_400));
    mesh.until("the next day's run", async || {
        get(&mesh, "recomparisons/latest")
            .await
            .is_ok_and(|run| run.run_date == "2022-11-27" && run.state() == RecomparisonState::Complete)
    })
    .await;
}

async fn a_run_is_begun_once_ends_with_its_operation_and_is_listed(bed: Bed) {
    let mesh = people(bed).await;
    let begun = start_as(&mesh, &request_id(1)).await.unwrap();
    let name = begun.recomparison.unwrap().name;
    let again = start_as(&mesh, &request_id(1)).await.unwrap();
    assert_eq!(
        (&again.recomparison.unwrap().name, &again.operation),
        (&name, &begun.operation)
    );
    assert_eq!(
        violations(&start_as(&mesh, "7").await.unwrap_err()),
        ["request_id UUID_SHAPE"]
    );
    let ended = operations::ended(&mesh, &operator(), &begun.operation).await;
    let progress = ended.progress.unwrap();
    assert_eq!(
        (ended.kind(), ended.state(), &ended.target),
        (OperationKind::Recompare, OperationState::Succeeded, &name)
    );
    assert_eq!(Some(progress.done), progress.total);
    let refused = operations::cancel(&mesh, &operator(), &request_id(2), &begun.operation).await;
    assert_eq!(refused.unwrap_err().reason, "WRONG_STATE");
    let second = start(&mesh).await;
    let page = wire::ListRecomparisonsRequest {
        page_size: 1,
        page_token: String::new(),
    };
    let (first_page, token) = list(&mesh, page).await.unwrap();
    assert_eq!(first_page, [second]);
    let page = wire::ListRecomparisonsRequest {
        page_size: 1,
        page_token: token,
    };
    assert_eq!(list(&mesh, page).await.unwrap().0, [name]);
    let foreign = wire::ListRecomparisonsRequest {
        page_size: 1,
        page_token: "x".to_owned(),
    };
    assert_eq!(
        violations(&list(&mesh, foreign).await.unwrap_err()),
        ["page_token PAGE_TOKEN_FOREIGN"]
    );
}

async fn a_cancelled_run_looks_at_nobody_more(bed: Bed) {
    let mesh = people(bed).await;
    // Workers hold the leases of its parts for two minutes, so it keeps running.
    let begun = start_as(&mesh, &request_id(1)).await.unwrap();
    let name = begun.recomparison.unwrap().name;
    finished(&mesh, &name).await;
    mesh.tamper("UPDATE recomparisons SET finished_at = NULL").await;
    mesh.tamper("UPDATE recomparison_parts SET done_at = NULL, lease_until = 9000000000000000")
        .await;
    mesh.tamper("UPDATE operations SET state = 'RUNNING', finished_at = NULL")
        .await;
    let cancel =
        async |id: u32| operations::cancel(&mesh, &operator(), &request_id(id), &begun.operation).await;
    let cancelled = cancel(2).await.unwrap();
    assert_eq!(cancelled.state(), OperationState::Cancelled);
    assert_eq!(cancel(2).await.unwrap(), cancelled);
    assert_eq!(
        get(&mesh, &name).await.unwrap().state(),
        RecomparisonState::Cancelled
    );
    let second = start_as(&mesh, &request_id(3)).await.unwrap().operation;
    let reused = operations::cancel(&mesh, &operator(), &request_id(2), &second).await;
    assert_eq!(reused.unwrap_err().reason, "REQUEST_ID_REUSED");
}

/// The number of parts that a worker has begun.
async fn begun_parts(mesh: &Mesh) -> usize {
    let owners = lutong_testing::texts(&mesh.storage, "recomparison_parts", "lease_owner", "run, part").await;
    owners.iter().filter(|owner| !owner.is_empty()).count()
}

async fn a_run_cancelled_inside_a_part_ends_with_that_part_and_counts_it(bed: Bed) {
    let mesh = people(bed).await;
    // Every decision differs, so that each part has to call code-rendering and blocks there.
    mesh.tamper("UPDATE subjects SET colour = 10, rules = 1").await;
    let before = begun_parts(&mesh).await;
    mesh.codes.is_stuck.store(true, Ordering::SeqCst);
    let begun = start_as(&mesh, &request_id(1)).await.unwrap();
    let name = begun.recomparison.unwrap().name;
    mesh.until("two workers inside their parts", async || {
        mesh.codes.stuck.load(Ordering::SeqCst) == 2
    })
    .await;
    let cancel = async || operations::cancel(&mesh, &operator(), &request_id(2), &begun.operation).await;
    let cancelled = cancel().await.unwrap();
    assert_eq!(cancelled.state(), OperationState::Cancelled);
    assert_eq!(cancelled.progress.unwrap().done, 0);
    assert_eq!(cancel().await.unwrap(), cancelled);
    let other = operations::cancel(&mesh, &operator(), &request_id(3), &begun.operation).await;
    assert_eq!(other.unwrap_err().reason, "WRONG_STATE");
    // The parts under way end, and no other part begins.
    mesh.codes.is_stuck.store(false, Ordering::SeqCst);
    mesh.until("the end of both parts", async || {
        get(&mesh, &name).await.unwrap().parts_done == 2
    })
    .await;
    // A later run ends after anything that the cancelled run's workers could still have begun.
    let later = finished(&mesh, &start(&mesh).await).await;
    assert_eq!(later.state(), RecomparisonState::Complete);
    let parts = usize::try_from(later.parts).unwrap();
    assert_eq!(begun_parts(&mesh).await - before, 2 + parts);
    let run = get(&mesh, &name).await.unwrap();
    assert_eq!((run.state(), run.parts_done), (RecomparisonState::Cancelled, 2));
    let all = wire::InspectRecomparisonFindingsRequest {
        page_size: 1_000,
        ..findings_of(&name)
    };
    let found = inspect(&mesh, all).await.unwrap().findings;
    assert_eq!(run.seen, i64::try_from(found.len()).unwrap());
    // The operation counts the same, and everything else is unchanged since it was cancelled.
    let ended = operations::get(&mesh, &operator(), &begun.operation)
        .await
        .unwrap();
    assert_eq!(ended.progress.unwrap().done, i64::from(run.parts_done));
    assert_eq!(cancel().await.unwrap(), ended);
    assert_eq!(
        (ended.state(), ended.finish_time),
        (cancelled.state(), cancelled.finish_time)
    );
}

async fn a_run_that_is_none_is_not_found(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let nobodys = "recomparisons/00000000-0000-7000-8000-000000000099";
    let get = async |name: &str| self::get(&mesh, name).await.unwrap_err();
    assert_eq!(get(nobodys).await.reason, "RECOMPARISON_NOT_FOUND");
    assert_eq!(violations(&get("recomparisons/1").await), ["name NAME_SHAPE"]);
    let inspect = async |request| self::inspect(&mesh, request).await.unwrap_err();
    let refused = inspect(findings_of(nobodys)).await;
    assert_eq!(refused.reason, "RECOMPARISON_NOT_FOUND");
    let latest = findings_of("recomparisons/latest");
    let aimless = wire::InspectRecomparisonFindingsRequest {
        purpose: None,
        ..latest.clone()
    };
    assert_eq!(violations(&inspect(aimless).await), ["purpose MISSING"]);
    let foreign = wire::InspectRecomparisonFindingsRequest {
        page_token: "x".to_owned(),
        ..latest.clone()
    };
    assert_eq!(
        violations(&inspect(foreign).await),
        ["page_token PAGE_TOKEN_FOREIGN"]
    );
    assert!(self::inspect(&mesh, latest).await.unwrap().findings.is_empty());
}
