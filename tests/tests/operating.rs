//! End-to-end tests of the commands of operators, officers and supervisors, in both shapes.

#![allow(clippy::unwrap_used, clippy::unused_async)]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use http::Method;
use lutong_risk_engine::notice::BUNDLED_2022_11_26_GZ;
use lutong_tests::feed::fact_json;
use lutong_tests::in_both_shapes;
use lutong_tests::instants::{ago, now};
use lutong_tests::mesh::Mesh;
use lutong_tests::people::{Person, request_id};
use serde_json::{Value, json};

in_both_shapes!(
    somebody_with_two_documents_is_one_person_until_a_supervisor_undoes_it,
    a_bad_feed_is_rolled_back_and_everybody_has_the_colour_that_they_would_have,
    a_rule_set_is_announced_by_one_tried_and_approved_by_another,
    a_row_that_no_notice_places_is_placed_by_an_officer,
    an_officer_designates_who_lives_in_the_district_and_a_second_one_approves,
    what_staff_did_and_were_refused_is_listed_and_a_deleted_record_is_named,
);

/// The output of a command with `--json`.
fn json_output(mesh: &Mesh, arguments: &[&str]) -> Value {
    let output = mesh.command(&[arguments, &["--json"]].concat());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// All pages of a list.
fn list_all(mesh: &Mesh, arguments: &[&str], many: &str) -> Vec<Value> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let page = ["--page-size", "1000", "--page-token", &token];
        let more = if token.is_empty() { &page[..2] } else { &page[..] };
        let answer = json_output(mesh, &[arguments, more].concat());
        all.extend(answer[many].as_array().unwrap().clone());
        answer["next_page_token"].as_str().unwrap().clone_into(&mut token);
        if token.is_empty() {
            return all;
        }
    }
}

/// The error output of a refused command.
fn refusal_text(mesh: &Mesh, arguments: &[&str]) -> String {
    let output = mesh.command(arguments);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn document(person: &Person) -> Value {
    json!({"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": person.number})
}

fn report(mesh: &Mesh, key: &str, person: &Person, kind: &str, attributes: &Value) {
    let mut file = tempfile::Builder::new().suffix(".ndjson").tempfile().unwrap();
    let row = json!({"source": "cdc-370200", "key": key, "document": document(person), "fact": fact_json(kind, attributes)});
    writeln!(file, "{row}").unwrap();
    let path = file.path().display().to_string();
    let imported = json_output(mesh, &["facts", "import", &path, "--account", "cdc-370200"]);
    assert_eq!(
        (&imported["accepted"], &imported["effect"]["state"]),
        (&json!("1"), &json!("EFFECT_STATE_IN_FORCE"))
    );
}

async fn somebody_with_two_documents_is_one_person_until_a_supervisor_undoes_it(mesh: &Mesh) {
    let (one, two) = (mesh.gateway.person().await, mesh.gateway.person().await);
    one.apply().await;
    two.apply().await;
    report(
        mesh,
        &request_id(),
        &one,
        "fever_clinic_visit",
        &json!({"visited_at": ago(3_600)}),
    );
    assert_eq!(
        (one.colour().await, two.colour().await),
        ("yellow".into(), "green".into())
    );
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, person: &Person| {
        let path = folder.path().join(name);
        std::fs::write(&path, document(person).to_string()).unwrap();
        format!("@{}", path.display())
    };
    let (first, second) = (file("one.json", &one), file("two.json", &two));
    let supervisor = [
        "--reason",
        "one person's two documents",
        "--account",
        "supervisor-1",
    ];
    let merge = [&["merges", "create", &first, &second][..], &supervisor[..]].concat();
    let merged = json_output(mesh, &merge)["merge"].clone();
    two.becomes("yellow").await;
    assert_eq!(two.rules().await, ["yellow.fever-clinic"]);
    // A fact about either one is in force for both at once.
    let key = request_id();
    report(
        mesh,
        &key,
        &one,
        "case",
        &json!({"stage": "confirmed", "diagnosed_at": ago(60)}),
    );
    assert_eq!(
        (one.colour().await, two.colour().await),
        ("red".into(), "red".into())
    );
    assert!(refusal_text(mesh, &merge).contains("ALREADY_MERGED"));
    let officer = ["--reason", "x", "--account", "officer-1"];
    let unmerge = ["merges", "undo", merged["name"].as_str().unwrap()];
    refusal_text(mesh, &[&unmerge[..], &officer[..]].concat());
    let undone = json_output(mesh, &[&unmerge[..], &supervisor[..]].concat())["merge"].clone();
    assert_eq!(undone["subject_id"], merged["subject_id"]);
    assert_eq!(undone["state"], "MERGE_STATE_UNDONE");
    two.becomes("green").await;
    assert_eq!(one.colour().await, "red");
    // Every past decision is replayed identically.
    let subject = merged["into_subject_id"].as_str().unwrap();
    for version in ["1", "2", "3", "4"] {
        let name = format!("subjects/{subject}/decisions/{version}");
        let replayed = json_output(mesh, &["decisions", "replay", &name, "--account", "auditor-1"]);
        assert_eq!(replayed["identical"], json!(true), "{replayed}");
    }
}

async fn a_bad_feed_is_rolled_back_and_everybody_has_the_colour_that_they_would_have(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    person.apply().await;
    let from = ago(1);
    report(
        mesh,
        &request_id(),
        &person,
        "fever_clinic_visit",
        &json!({"visited_at": ago(3_600)}),
    );
    assert_eq!(person.colour().await, "yellow");
    let until = now().plus_seconds(60).to_rfc3339();
    let span = [
        "rollbacks",
        "propose",
        "cdc-370200",
        "--from",
        &from,
        "--until",
        &until,
        "--reason",
        "wrong export",
    ];
    let rollback = [&span[..], &["--account", "supervisor-1"]].concat();
    let tried = json_output(mesh, &[&rollback[..], &["--dry-run"]].concat())["rollback"].clone();
    let changes = |rollback: &Value| rollback["preview"]["colour_changes"].clone();
    let frees = json!({"before": "COLOUR_YELLOW", "after": "COLOUR_GREEN", "count": "1"});
    assert!(
        changes(&tried).as_array().is_some_and(|all| all.contains(&frees)),
        "{tried}"
    );
    let proposed = json_output(mesh, &rollback)["rollback"].clone();
    assert_eq!(changes(&proposed), changes(&tried));
    assert_eq!(person.colour().await, "yellow", "only proposed");
    let id = proposed["rollback_id"].as_str().unwrap();
    let by = |action, account| ["rollbacks", action, id, "--account", account];
    assert!(refusal_text(mesh, &by("approve", "supervisor-1")).contains("OWN_PROPOSAL"));
    // A supervisor of another district can neither propose, approve nor see it.
    let elsewhere = [&span[..], &["--account", "supervisor-370300"]].concat();
    assert!(refusal_text(mesh, &elsewhere).contains("OUTSIDE_DIVISION"));
    assert!(refusal_text(mesh, &by("approve", "supervisor-370300")).contains("ROLLBACK_NOT_FOUND"));
    assert_eq!(person.colour().await, "yellow");
    let done = json_output(mesh, &by("approve", "supervisor-2"))["rollback"].clone();
    assert_eq!(done["state"], "ROLLBACK_STATE_DONE", "{done}");
    assert_eq!(person.colour().await, "green");
    let listed = list_all(
        mesh,
        &["rollbacks", "list", "--account", "supervisor-2"],
        "rollbacks",
    );
    assert_eq!(listed[0]["rollback_id"], id);
    refusal_text(mesh, &[&span[..], &["--account", "cdc-370200"]].concat());
}

fn rule_sets() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .unwrap()
        .join("services/risk-rules/engine/rule-sets")
}

async fn a_rule_set_is_announced_by_one_tried_and_approved_by_another(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    person.apply().await;
    // Ten days ago: yellow under the 14-day rule, green under the 7-day rule.
    report(
        mesh,
        &request_id(),
        &person,
        "fever_clinic_visit",
        &json!({"visited_at": ago(10 * 86_400)}),
    );
    let folder = tempfile::tempdir().unwrap();
    let document = std::fs::read_to_string(rule_sets().join("sd-2022.toml")).unwrap();
    let tomorrow = now().plus_seconds(86_400).to_rfc3339();
    let document = document.replace("2022-11-11T00:00:00+08:00", &tomorrow);
    let file = folder.path().join("sd-2022.toml");
    std::fs::write(&file, document).unwrap();
    let (file, cases) = (
        file.display().to_string(),
        rule_sets().join("sd-2022.cases.json").display().to_string(),
    );
    let announce = [
        "rule-sets",
        "announce",
        &file,
        &cases,
        "--expected-changes",
        "5",
        "--account",
        "rule-author-1",
    ];
    let announced = json_output(mesh, &announce)["rule_set"].clone();
    assert_eq!(announced["state"], "RULE_SET_STATE_ANNOUNCED");
    let approve = |account| ["rule-sets", "approve", "sd-2022.1", "--account", account];
    assert!(refusal_text(mesh, &approve("rule-approver-1")).contains("PREVIEW_MISSING"));
    let preview = [
        "rule-sets",
        "preview",
        "rule-sets/sd-2022.1",
        "--account",
        "rule-approver-1",
    ];
    // Identity publishes a person's division within a second or two of the declaration.
    let mut lives = Vec::new();
    for _ in 0..20 {
        let previewed = json_output(mesh, &preview);
        let run = previewed["rule_set"]["preview"].clone();
        assert!(
            run["changed"].as_str().is_some_and(|changed| changed != "0"),
            "{run}"
        );
        lives = run["divisions"].as_array().unwrap().clone();
        if lives.iter().any(|one| one["division"] == "370202") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!(lives.iter().any(|one| one["division"] == "370202"), "{lives:?}");
    refusal_text(mesh, &approve("rule-author-1"));
    assert_eq!(
        json_output(mesh, &approve("rule-approver-1"))["rule_set"]["state"],
        "RULE_SET_STATE_APPROVED"
    );
    assert_eq!(person.colour().await, "yellow", "not before its instant");
    json_output(
        mesh,
        &["rule-sets", "withdraw", "sd-2022.1", "--account", "rule-author-1"],
    );
    let listed = json_output(mesh, &["rule-sets", "list", "--account", "rule-approver-1"]);
    assert_eq!(listed["rule_sets"][0]["state"], "RULE_SET_STATE_WITHDRAWN");
}

/// An unplaced row of the notice, and its division.
const PLACED: (&str, &str) = ("山东省 济南市", "370112");

async fn a_row_that_no_notice_places_is_placed_by_an_officer(mesh: &Mesh) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notice.json.gz");
    std::fs::write(&file, BUNDLED_2022_11_26_GZ).unwrap();
    let file = file.display().to_string();
    let imported = json_output(mesh, &["areas", "import", &file, "--account", "epidemiologist-1"]);
    assert!(imported.to_string().contains("1366"), "{imported}");
    let list = ["unplaced-areas", "list", "--account", "officer-1"];
    let unplaced = list_all(mesh, &list, "unplaced_areas");
    assert_eq!(unplaced.len(), 1_366);
    let row_of = |place: &str| {
        let mut rows = unplaced.iter();
        let row = rows.find(|row| {
            row["place"]
                .as_str()
                .is_some_and(|named| named.starts_with(place))
        });
        row.unwrap_or_else(|| panic!("no row of {place} waits"))["name"]
            .as_str()
            .unwrap()
    };
    let place = |id, division, account| {
        let line = [
            "unplaced-areas",
            "place",
            id,
            "--division",
            division,
            "--community",
            "某小区",
        ];
        [&line[..], &["--account", account]].concat()
    };
    // Shandong's officers cannot place Beijing's rows, nor one city's officers another city's.
    let beijing = row_of("北京市");
    assert!(refusal_text(mesh, &place(beijing, "370202", "officer-1")).contains("OUTSIDE_DIVISION"));
    json_output(mesh, &place(row_of(PLACED.0), PLACED.1, "officer-370000"));
    let there = ["areas", "list", "--division", PLACED.1, "--account", "officer-1"];
    let shown = list_all(mesh, &there, "areas");
    assert!(
        shown.iter().any(|area| area["community"] == "某小区"),
        "{shown:?}"
    );
    assert_eq!(list_all(mesh, &list, "unplaced_areas").len(), 1_365);
}

async fn an_officer_designates_who_lives_in_the_district_and_a_second_one_approves(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    person.apply().await;
    // The counts are public and do not identify anybody.
    let gateway = mesh.gateway.for_purpose("test");
    let counted = || gateway.call(Method::GET, "/v1/designations:count", None, None);
    let decided = subject_of(&person).await;
    let propose = async |account: &str| {
        let session = mesh.gateway.session(account).await;
        let body = json!({"request_id": request_id(), "subject_id": decided, "level": "DESIGNATION_LEVEL_MEDIUM",
            "start_time": ago(1), "end_time": now().plus_seconds(86_400).to_rfc3339(),
            "legal_basis": "LEGAL_BASIS_CODE_PICL_42", "purpose": {"code": "PURPOSE_CODE_MANAGEMENT"}});
        let path = "/v1/designations";
        gateway
            .call(Method::POST, path, Some(&session), Some(body))
            .await
            .unwrap()
    };
    // Identity publishes a person's division within a second of the declaration.
    let mut proposed = propose("officer-1").await;
    for _ in 0..50 {
        if proposed.status.is_success() {
            break;
        }
        assert_eq!(proposed.reason(), "OUTSIDE_DIVISION", "{}", proposed.body);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        proposed = propose("officer-1").await;
    }
    let proposed = proposed.expect();
    assert_eq!(propose("officer-370300").await.reason(), "OUTSIDE_DIVISION");
    let name = proposed["designation"]["name"].as_str().unwrap().to_owned();
    // The second officer lists the proposals that wait.
    let session = mesh.gateway.session("officer-2").await;
    let waiting = "/v1/designations?state=DESIGNATION_STATE_PROPOSED&purpose.code=PURPOSE_CODE_MANAGEMENT";
    let listed = gateway.call(Method::GET, waiting, Some(&session), None).await;
    let listed = listed.unwrap().expect();
    assert_eq!(listed["designations"][0]["name"], name, "{listed}");
    let approve = async |account: &str| {
        let session = mesh.gateway.session(account).await;
        let path = format!("/v1/{name}:approve");
        let body = json!({"request_id": request_id(), "purpose": {"code": "PURPOSE_CODE_MANAGEMENT"}});
        gateway
            .call(Method::POST, &path, Some(&session), Some(body))
            .await
            .unwrap()
    };
    assert_eq!(approve("officer-1").await.reason(), "OWN_PROPOSAL");
    approve("officer-2").await.expect();
    assert_eq!(person.colour().await, "yellow");
    let counts = counted().await.unwrap().expect();
    assert_eq!(counts["counts"][0]["division"], "370202", "{counts}");
}

/// The subject of a person's own decision.
async fn subject_of(person: &Person) -> String {
    let decision = person.get("/v1/decision").await.expect();
    decision["decision"]["subject_id"].as_str().unwrap().to_owned()
}

async fn what_staff_did_and_were_refused_is_listed_and_a_deleted_record_is_named(mesh: &Mesh) {
    let (one, two) = (mesh.gateway.person().await, mesh.gateway.person().await);
    one.apply().await;
    two.apply().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, person: &Person| {
        let path = folder.path().join(name);
        std::fs::write(&path, document(person).to_string()).unwrap();
        format!("@{}", path.display())
    };
    let (first, second) = (file("one.json", &one), file("two.json", &two));
    let merge = ["merges", "create", &first, &second, "--reason", "x", "--account"];
    refusal_text(mesh, &[&merge[..], &["officer-1"]].concat());
    let merged = json_output(mesh, &[&merge[..], &["supervisor-1"]].concat())["merge"].clone();
    let subject = merged["subject_id"].as_str().unwrap();
    let auditor = ["--account", "auditor-1"];
    let list = |filters: &[&str]| json_output(mesh, &[&["audit", "list"], filters, &auditor[..]].concat());
    let by_officer = list(&["--by", "officer-1", "--rpc", "CreateMerge"]);
    let refusal = &by_officer["records"][0];
    assert_eq!(
        (&refusal["outcome"], &refusal["reason"]),
        (&json!("PERMISSION_DENIED"), &json!("NOT_PERMITTED"))
    );
    assert_eq!(
        (&refusal["division"], &refusal["roles"]),
        (&json!("370202"), &json!(["ROLE_HEALTH_OFFICER"]))
    );
    let about = list(&["identity", "--about", subject, "--outcome", "OK"]);
    let done = &about["records"][0];
    assert_eq!(
        (&done["account"], &done["rpc"]),
        (
            &json!("supervisor-1"),
            &json!("lutong.identity.v1.MergeService/CreateMerge")
        )
    );
    assert!(
        done["objects"]
            .as_array()
            .unwrap()
            .iter()
            .any(|object| object["value"] == subject),
        "{done}"
    );
    let everything = list(&["--page-size", "1000"]).to_string();
    for personal in [&one.number, &two.number] {
        assert!(
            !everything.contains(personal.as_str()),
            "a document number is in the audit log"
        );
    }
    // Paging gives the same records as a single call.
    let whole = list(&["identity", "--page-size", "1000", "--rpc", "CreateMerge"]);
    let newest = list(&["identity", "--page-size", "1", "--rpc", "CreateMerge"]);
    let token = newest["next_page_token"].as_str().unwrap();
    let older = list(&[
        "identity",
        "--page-size",
        "1000",
        "--rpc",
        "CreateMerge",
        "--page-token",
        token,
    ]);
    assert_eq!(whole["records"][0], newest["records"][0]);
    assert_eq!(
        &whole["records"].as_array().unwrap()[1..],
        older["records"].as_array().unwrap()
    );
    // Nobody else may read it, and the attempt is recorded.
    refusal_text(mesh, &["audit", "list", "--account", "supervisor-1"]);
    let tried = list(&[
        "--by",
        "supervisor-1",
        "--rpc",
        "ListAuditRecords",
        "--outcome",
        "PERMISSION_DENIED",
    ]);
    assert_eq!(
        tried["records"].as_array().unwrap().len(),
        1,
        "the first of three services refuses: {tried}"
    );

    let gone = done["sequence"].as_str().unwrap();
    a_deleted_record_is_named(mesh, folder.path(), gone).await;
}

async fn a_deleted_record_is_named(mesh: &Mesh, folder: &std::path::Path, gone: &str) {
    let heads = folder.join("heads.json").display().to_string();
    let verify = [
        "audit",
        "verify",
        "--heads",
        &heads,
        "--json",
        "--account",
        "auditor-1",
    ];
    for _ in 0..2 {
        let verified = mesh.command(&verify);
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stdout)
        );
    }
    let storage = lutong_storage::StorageConfig {
        url: lutong_kernel::Secret::new(mesh.storage["identity"].clone()),
        ..lutong_storage::StorageConfig::default()
    };
    lutong_testing::tamper(&storage, &format!("DELETE FROM audit_records WHERE id = {gone}")).await;
    let verified = mesh.command(&verify);
    assert_eq!(verified.status.code(), Some(1));
    let verified: Value = serde_json::from_slice(&verified.stdout).unwrap();
    let next = (gone.parse::<i64>().unwrap() + 1).to_string();
    let logs = verified["logs"].as_array().unwrap();
    let broken = &logs.iter().find(|log| log["service"] == "identity").unwrap()["breaks"];
    assert_eq!(
        (&broken[0]["sequence"], &broken[0]["kind"]),
        (&json!(next), &json!("AUDIT_BREAK_KIND_GAP"))
    );
    assert!(
        logs.iter()
            .filter(|log| log["service"] != "identity")
            .all(|log| log["breaks"] == json!([]))
    );
}
