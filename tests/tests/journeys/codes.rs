//! Codes for whoever has no screen or no network: a telephone shows a code that is bound to its key, a sheet of paper one that is printed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lutong_kernel::Timestamp;
use lutong_kernel::random::SeededRandom;
use lutong_tests::instants::{ago, now};
use lutong_tests::mesh::Mesh;
use lutong_tests::people::{Person, request_id};
use lutong_token::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::{imported, row, verify};

/// The revocations that a door without a connection would take in.
async fn last_revocation(person: &Person) -> i64 {
    let listed = person.get("/v1/revocations").await.expect();
    listed["last_sequence"].as_str().unwrap().parse().unwrap()
}

fn confirmed(mesh: &Mesh, person: &Person) {
    let attributes = json!({"stage": "confirmed", "diagnosed_at": ago(60)});
    let case = row("cdc-370200", &request_id(), person, "case", attributes);
    imported(mesh, "cdc-370200", &[case]);
}

fn instant(value: &Value) -> Timestamp {
    Timestamp::parse(value.as_str().unwrap()).unwrap()
}

pub async fn a_telephone_without_a_network_shows_its_code_until_the_colour_turns(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    person.apply().await;
    let telephone = SigningKey::generate(Algorithm::Es256, &SeededRandom::new(7)).unwrap();
    let key = BASE64.encode(telephone.verifying_key().raw());
    let create = |key: &str| json!({"request_id": request_id(), "device_key": key, "end_earlier": true});
    let refused = person.post("/v1/device-bound-codes", create("BAAA")).await;
    assert_eq!(refused.violations(), ["device_key DEVICE_KEY_SHAPE"]);
    let made = person.post("/v1/device-bound-codes", create(&key)).await.expect();
    let code = &made["device_bound_code"];
    assert_eq!(
        (&code["state"], &code["colour"], &code["name_mask"]),
        (
            &json!("DEVICE_BOUND_CODE_STATE_ACTIVE"),
            &json!("COLOUR_GREEN"),
            &json!("*明")
        )
    );
    let valid_for = instant(&code["expire_time"]).seconds() - instant(&code["create_time"]).seconds();
    assert_eq!(valid_for, 24 * 3_600);
    let token = BASE64.decode(code["bound_token"].as_str().unwrap()).unwrap();
    let shows = || telephone.present(&token, now()).unwrap();
    let verified = verify(mesh, &shows()).await;
    assert_eq!(
        (&verified["outcome"], &verified["name_mask"]),
        (&json!("VERIFICATION_OUTCOME_VALID"), &json!("*明"))
    );
    let other = mesh.gateway.person().await;
    other.apply().await;
    let name = format!("/v1/{}", code["name"].as_str().unwrap());
    assert_eq!(other.get(&name).await.reason(), "DEVICE_BOUND_CODE_NOT_FOUND");
    let before = last_revocation(&person).await;
    confirmed(mesh, &person);
    let verified = verify(mesh, &shows()).await;
    assert_eq!(
        (&verified["outcome"], &verified["colour"]),
        (&json!("VERIFICATION_OUTCOME_SUPERSEDED"), &json!("COLOUR_RED"))
    );
    assert!(last_revocation(&person).await > before);
    let stands = person.get(&name).await.expect();
    assert_eq!(
        stands["device_bound_code"]["state"],
        "DEVICE_BOUND_CODE_STATE_REVOKED"
    );
}

pub async fn a_paper_code_passes_a_door_until_the_colour_turns(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    person.apply().await;
    let made = person
        .post("/v1/paper-codes", json!({"request_id": request_id()}))
        .await
        .expect();
    let name = format!("/v1/{}", made["paper_code"]["name"].as_str().unwrap());
    let sheet = format!("{name}:show?format=PAPER_FORMAT_PDF_A4");
    let shown = person.get(&sheet).await.expect();
    assert_eq!(shown["image"]["media_type"], "application/pdf");
    let token = shown["token"].as_str().unwrap();
    assert_eq!(verify(mesh, token).await["outcome"], "VERIFICATION_OUTCOME_VALID");
    confirmed(mesh, &person);
    let verified = verify(mesh, token).await;
    assert_eq!(
        (&verified["outcome"], &verified["colour"]),
        (&json!("VERIFICATION_OUTCOME_SUPERSEDED"), &json!("COLOUR_RED"))
    );
    let stands = person.get(&name).await.expect();
    assert_eq!(stands["paper_code"]["state"], "PAPER_CODE_STATE_REVOKED");
    assert_eq!(person.get(&sheet).await.reason(), "WRONG_STATE");
}

/// The messages that were sent to a mobile, as lines of the file to which they go where no gateway of messages is configured.
async fn messages_to(mesh: &Mesh, mobile: &str) -> Vec<Value> {
    let file = mesh.folder.path().join("data/messages.ndjson");
    let lines = tokio::fs::read_to_string(file).await.unwrap_or_default();
    let messages = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter(|message| message["to"].as_str().is_some_and(|to| to.ends_with(mobile)))
        .collect()
}

pub async fn whoever_turns_red_is_told_without_the_reason_and_reports_themself(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let mobile = format!("139{}", &person.number[9..17]);
    let mut form = person.form();
    form["person"]["mobile"] = json!(mobile);
    person.apply_with(form).await.expect();
    person.becomes("green").await;
    let at_green = json!({"request_id": request_id(), "division": "370202"});
    assert_eq!(
        person.post("/v1/self-reports", at_green).await.reason(),
        "NOT_REPORTABLE"
    );
    confirmed(mesh, &person);
    let mut told = Vec::new();
    for _ in 0..400 {
        told = messages_to(mesh, &mobile).await;
        if !told.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let [message] = &told[..] else { panic!("{told:?}") };
    let text = message["text"].as_str().unwrap();
    for reason in ["红", "确诊", "red", "case"] {
        assert!(!text.contains(reason), "{text}");
    }
    let own = json!({"request_id": request_id(), "division": "370202"});
    let reported = person.post("/v1/self-reports", own.clone()).await.expect();
    assert_eq!(person.post("/v1/self-reports", own).await.expect(), reported);
}
