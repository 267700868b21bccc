//! What the kit asks of others our own system keeps: as one process and as seven, from outside, as the partner Jiangsu.

use std::process::Output;

use http::Method;
use lutong_tests::mesh::{Mesh, Shape};
use lutong_tests::people::{Person, request_id};
use serde_json::{Value, json};

use crate::{Bench, agree, report, said, text};

/// Jiangsu is answered, shares data and is believed.
const AGREED: &str = "directions = [\"INBOUND\", \"OUTBOUND\"]\nmodes = [\"CONVERSION\", \"SHARED_DATA\"]\n\
    quota = { requests_per_minute = 6000, requests_per_day = 100000 }";

/// Somebody who is green and consents to everything.
async fn consenting(mesh: &Mesh) -> Person {
    let person = mesh.gateway.person().await;
    person.apply().await;
    person.becomes("green").await;
    let consent = json!({"request_id": request_id(), "partner": "partners/32", "days": 1,
        "uses": ["PARTNER_CONSENT_USE_RECORDS", "PARTNER_CONSENT_USE_CODE"]});
    person.post("/v1/partner-consents", consent).await.expect();
    person
}

/// What we declare of ourselves, with the keys that we publish.
async fn declaration(mesh: &Mesh, person: &Person) -> String {
    let get = async |path: &str| {
        let answer = mesh.gateway.call(Method::GET, path, None, None).await;
        answer.unwrap().expect()
    };
    let (codes, messages) = (get("/v1/keys").await, get("/v1/message-key").await);
    let codes = codes["keys"][0]["public_key"].as_str().unwrap();
    let codes = format!("-----BEGIN PUBLIC KEY-----\n{codes}\n-----END PUBLIC KEY-----\n");
    let mut declared = format!(
        "province = \"37\"\nname = \"山东省\"\naddress = \"{}\"\nmodes = [\"CONVERSION\", \"SHARED_DATA\"]\n\
         exchanges = [\"DECLARE_HEALTH\", \"DECLARE_ITINERARY\", \"CORRECT_DECLARATION\", \"PULL_CHANGES\", \
         \"COMPARE_CODES\", \"ACKNOWLEDGE_CHANGES\", \"NOTIFY_CHANGES\"]\nrequests_per_minute = 6000\n",
        mesh.gateway.base
    );
    for (pem, purpose) in [
        (codes.as_str(), "CODES"),
        (messages["public_key"].as_str().unwrap(), "MESSAGES"),
        (messages["batch_public_key"].as_str().unwrap(), "BATCHES"),
    ] {
        declared += &format!("\n[[key]]\npublic_key = \"\"\"\n{pem}\"\"\"\npurposes = [\"{purpose}\"]\n");
    }
    let shown = person.get("/v1/code").await.expect();
    declared += &format!(
        "\n[[code]]\ntoken = \"{}\"\noutcome = \"GREEN\"\n",
        shown["token"].as_str().unwrap()
    );
    let name = person.form()["person"]["full_name"].as_str().unwrap().to_owned();
    declared
        + &format!(
            "\n[[person]]\nfull_name = \"{name}\"\ndocument = {{ type = \"RESIDENT_ID\", number = \"{}\" }}\n\
             consents = [\"RECORDS\", \"CODE\"]\noutcome = \"GREEN\"\n",
            person.number
        )
}

async fn keeps_the_contract(shape: Shape) {
    let mesh = Mesh::start(shape).await;
    agree(&mesh, AGREED).await;
    let person = consenting(&mesh).await;
    let bench = Bench::new();
    bench.write_key("jiangsu", &mesh.partner);
    bench.write("ourselves.toml", &declaration(&mesh, &person).await);
    let output = run_kit(&mesh, &bench, "ourselves.toml", &["--out", "report"]);
    assert!(output.status.success(), "{}", said(&output));
    let report = report(&bench.path("report"));
    let cases = report["cases"].as_array().unwrap();
    let not_passed: Vec<&Value> = cases.iter().filter(|case| case["result"] != "PASS").collect();
    assert!(not_passed.is_empty(), "{not_passed:#?}");
    assert_eq!(report["verdict"], "CONFORMANT");
    let last = text(&output.stdout).lines().last().unwrap().to_owned();
    assert_eq!(last, format!("CONFORMANT: {} PASS", cases.len()));
    // What the kit declared of the person, it has taken back.
    assert_eq!(person.colour().await, "green");
    let verified = bench.run(&["conformance", "verify", "report", "--key", "jiangsu.pub"]);
    assert!(verified.status.success(), "{}", said(&verified));
    what_is_declared_wrongly_is_found(&mesh, &person, &bench).await;
}

/// The key for batches in the place of the one for messages.
fn with_other_key(declared: &str) -> String {
    let (messages, batches) = ("purposes = [\"MESSAGES\"]", "purposes = [\"BATCHES\"]");
    let without = declared.replace(messages, "purposes = []");
    let with = without.replace(batches, messages);
    with.replace("purposes = []", batches)
}

fn with_other_colour(declared: &str) -> String {
    let (head, person) = declared.split_once("\n[[person]]").unwrap();
    format!("{head}\n[[person]]{}", person.replace("GREEN", "RED"))
}

fn without_modes(declared: &str) -> String {
    declared.replace("modes = [\"CONVERSION\", \"SHARED_DATA\"]\n", "")
}

/// Makes a declaration untrue.
type Change = fn(&str) -> String;

/// The kit is not blind to a system that works: what is said of it and is not so is found.
async fn what_is_declared_wrongly_is_found(mesh: &Mesh, person: &Person, bench: &Bench) {
    let colours = [
        "QRY-003 OUTCOME",
        "MAK-003 OUTCOME",
        "MAK-004 OUTCOME",
        "CAL-002 OUTCOME",
        "CAL-003 OUTCOME",
    ];
    let cases: [(Change, i32, &[&str]); 3] = [
        (with_other_colour, 1, &colours),
        // It ought not to be, and decides nothing.
        (without_modes, 0, &["PLN-001 UNDECLARED"]),
        (
            with_other_key,
            1,
            &["MSG-001 ANSWER_SIGNATURE", "KEY-001 OTHER_KEY"],
        ),
    ];
    for (change, code, found) in cases {
        // With a code that is shown now.
        let declared = declaration(mesh, person).await;
        bench.write("wrong.toml", &change(&declared));
        let output = run_kit(mesh, bench, "wrong.toml", &["--out", "wrong", "--overwrite"]);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        let report = report(&bench.path("wrong"));
        let cases = report["cases"].as_array().unwrap();
        let failed = cases.iter().filter(|case| case["result"] == "FAIL");
        let name = |case: &Value, field: &str| case[field].as_str().unwrap().to_owned();
        let failed: Vec<String> = failed
            .map(|case| format!("{} {}", name(case, "id"), name(case, "finding")))
            .collect();
        if found.contains(&"KEY-001 OTHER_KEY") {
            // Nothing that it answers is believed.
            assert!(failed.len() > 30 && found.iter().all(|one| failed.iter().any(|other| other == one)));
        } else {
            assert_eq!(failed, found);
        }
    }
}

fn run_kit(mesh: &Mesh, bench: &Bench, declaration: &str, more: &[&str]) -> Output {
    let run = [
        "conformance",
        "--peer",
        &mesh.gateway.base,
        "--declaration",
        declaration,
        "--sender",
        "32",
        "--key",
        "jiangsu.pem",
    ];
    bench.run(&[&run, more].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_passes_every_case() {
    keeps_the_contract(Shape::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seven_processes_pass_every_case() {
    keeps_the_contract(Shape::Mesh).await;
}
