//! A school applies for its people with the command: bad rows are named, a process that is killed on the way loses and doubles nobody, and
//! nobody's code is shown to whoever states a name and a number.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use lutong_kernel::Secret;
use lutong_storage::StorageConfig;
use lutong_tests::mesh::{Mesh, Shape};
use lutong_tests::people::next_number;
use serde_json::Value;

const SCHOOL: &str = "school-370202";
const HEADER: &str = "姓名,证件类型,证件号码,手机号码,国籍,住址区划,详细住址";
/// Rows of the file; three of them are bad, and one is there twice.
const ROWS: usize = 200;

fn row(name: &str, number: &str, division: &str) -> String {
    format!("{name},居民身份证,{number},13900139000,,{division},香港中路1号")
}

/// The file, and the number of a person in it.
fn file(folder: &Path) -> (PathBuf, String) {
    let first = next_number();
    let mut rows = vec![
        row("王小明", &first, "370202"),
        row("王\u{202e}小明", &next_number(), "370202"),
        row("王小明", "110105194912310021", "370202"),
        row("王小明", &next_number(), "370203"),
        row("王小明", &first, "370202"),
    ];
    rows.resize_with(ROWS, || row("李四", &next_number(), "370202"));
    let text = format!("{HEADER}\n{}\n", rows.join("\n"));
    let (bytes, _, _) = encoding_rs::GB18030.encode(&text);
    let path = folder.join("people.csv");
    std::fs::write(&path, bytes).unwrap();
    (path, first)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn bulk(mesh: &Mesh, file: &Path, more: &[&str]) -> Output {
    let file = file.display().to_string();
    let arguments = ["people", "bulk", &file, "--account", SCHOOL, "--json"];
    mesh.command(&[&arguments, more].concat())
}

async fn rows(mesh: &Mesh, service: &str, table: &str) -> i64 {
    let storage = StorageConfig {
        url: Secret::new(mesh.storage[service].clone()),
        ..StorageConfig::default()
    };
    lutong_testing::rows(&storage, table).await
}

async fn a_killed_import_is_resumed(shape: Shape) {
    let mut mesh = Mesh::start(shape).await;
    let (path, number) = file(mesh.folder.path());
    let name = match shape {
        Shape::OneProcess => "lutong",
        Shape::Mesh => "declaration",
    };
    let process = mesh.processes.get_mut(name).unwrap();
    process.again(Some("declaration.import_reported:1"));
    mesh.all_ready().await;
    // Killed after identity has registered the people and before their declarations are stored.
    let interrupted = bulk(
        &mesh,
        &path,
        &["--organisation", "青岛一中", "--division", "370202"],
    );
    let said = text(&interrupted.stderr);
    assert_eq!(interrupted.status.code(), Some(1), "{said}");
    let (_, import) = said.split_once("--resume ").unwrap_or_else(|| panic!("{said}"));
    let process = mesh.processes.get_mut(name).unwrap();
    assert!(process.ended().await.0.code().is_none(), "it was aborted");
    process.again(None);
    mesh.all_ready().await;
    assert_eq!(rows(&mesh, "declaration", "declarations").await, 0);
    let resumed = bulk(&mesh, &path, &["--resume", import.lines().next().unwrap().trim()]);
    let said = text(&resumed.stderr);
    assert_eq!(resumed.status.code(), Some(1), "three rows are refused: {said}");
    let answer: Value = serde_json::from_slice(&resumed.stdout).unwrap_or_else(|_| panic!("{said}"));
    let import = &answer["application_import"];
    assert_eq!(import["state"], "APPLICATION_IMPORT_STATE_SUCCEEDED");
    assert_eq!(import["registered"], (ROWS - 3).to_string());
    let refused: Vec<_> = answer["refused"].as_array().unwrap().iter().map(named).collect();
    assert_eq!(
        refused,
        [
            "3 full_name TEXT_BIDI",
            "4 document.number RESIDENT_ID_CHECK_CHARACTER",
            "5 home_address.division DIVISION_NOT_GRANTED",
        ]
    );
    let result = std::fs::read_to_string(mesh.folder.path().join("people.csv.result.csv")).unwrap();
    assert_eq!(result.lines().count(), ROWS + 1, "{result}");
    assert!(
        result.contains("\n2,REGISTERED,,,\n") && !result.contains(&number),
        "{result}"
    );
    everybody_has_a_code_and_nobody_holds_it(&mesh, &number).await;
}

fn named(row: &Value) -> String {
    let error = &row["errors"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    format!(
        "{} {} {}",
        row["line"],
        text(&error["field"]),
        text(&error["reason"])
    )
}

/// One of the rows is there twice: it is one person.
async fn everybody_has_a_code_and_nobody_holds_it(mesh: &Mesh, number: &str) {
    let people = i64::try_from(ROWS - 4).unwrap();
    assert_eq!(rows(mesh, "identity", "people").await, people);
    for _ in 0..300 {
        if rows(mesh, "code-rendering", "codes").await == people {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(rows(mesh, "code-rendering", "codes").await, people);
    let mut person = mesh.gateway.person().await;
    number.clone_into(&mut person.number);
    let application = person.apply().await;
    assert_eq!(
        application["waiting_for"],
        "MISSING_PROOF_KNOWN_MOBILE_OR_COUNTER"
    );
    assert_eq!(person.colour().await, "CODE_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_is_resumed_in_one_process() {
    a_killed_import_is_resumed(Shape::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_is_resumed_in_a_mesh() {
    a_killed_import_is_resumed(Shape::Mesh).await;
}
