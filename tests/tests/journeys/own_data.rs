//! People see and change what they are registered with, prove at a counter who they are, and read who looked at their data.

use std::time::Duration;

use http::Method;
use lutong_tests::mesh::Mesh;
use lutong_tests::people::{Answer, request_id};
use serde_json::{Value, json};

fn assistance() -> Value {
    json!({"code": "PURPOSE_CODE_ASSISTANCE", "reference": ""})
}

pub async fn post_as(mesh: &Mesh, account: &str, path: &str, body: Value) -> Answer {
    let session = mesh.gateway.session(account).await;
    let answer = mesh.gateway.call(Method::POST, path, Some(&session), Some(body));
    answer.await.unwrap()
}

pub async fn get_as(mesh: &Mesh, account: &str, path: &str) -> Answer {
    let session = mesh.gateway.session(account).await;
    let answer = mesh.gateway.call(Method::GET, path, Some(&session), None);
    answer.await.unwrap()
}

pub async fn a_person_moves_and_a_second_account_sees_nothing_of_it(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    person.apply().await;
    let before = person.get("/v1/subjects/me/person").await.expect()["person"].clone();
    assert_eq!(before["document"]["number"], json!(person.number));
    let body = json!({
        "request_id": request_id(),
        "person": {"home_address": {"division": "370102", "detail": "泉城路1号"}},
        "update_mask": "homeAddress",
        "etag": before["etag"],
    });
    let path = "/v1/subjects/me/person";
    let patch = |body: Value| {
        let gateway = person.gateway.clone();
        let session = person.session.clone();
        async move {
            let answer = gateway.call(Method::PATCH, path, Some(&session), Some(body));
            answer.await.unwrap()
        }
    };
    let moved = patch(body.clone()).await.expect();
    assert_eq!(moved["person"]["home_address"]["division"], "370102");
    let mut stale = body;
    stale["request_id"] = json!(request_id());
    assert_eq!(patch(stale).await.reason(), "STALE");
    let changes = person.get("/v1/subjects/me/person/changes").await.expect();
    let change = &changes["changes"][0];
    assert_eq!(change["old"]["home_address"]["division"], "370202", "{changes}");
    assert_eq!(person.colour().await, "green", "the code stays");
    let other = mesh.gateway.person().await;
    let theirs = format!("/v1/{}", before["name"].as_str().unwrap());
    assert_eq!(other.get(&theirs).await.reason(), "PERSON_NOT_FOUND");
}

pub async fn a_second_account_waits_until_a_counter_has_seen_the_document(mesh: &Mesh) {
    let first = mesh.gateway.person().await;
    first.apply().await;
    let mut second = mesh.gateway.person().await;
    second.number.clone_from(&first.number);
    let mut form = second.form();
    form["person"]["mobile"] = json!("13900139000");
    let waits = second.apply_with(form).await.expect()["application"].clone();
    assert_eq!(
        (waits["state"].as_str(), waits["waiting_for"].as_str()),
        (
            Some("DECLARATION_STATE_PENDING"),
            Some("MISSING_PROOF_KNOWN_MOBILE_OR_COUNTER")
        ),
        "{waits}"
    );
    assert_eq!(second.colour().await, "CODE_NOT_FOUND");
    let path = format!("/v1/{}:confirm", waits["registration"].as_str().unwrap());
    let confirm = |number: &str| {
        json!({
            "request_id": request_id(),
            "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": number},
            "full_name": "王小明",
            "purpose": assistance(),
        })
    };
    let other = mesh.gateway.person().await;
    let differs = post_as(mesh, "counter-1", &path, confirm(&other.number)).await;
    assert_eq!(differs.reason(), "REGISTRATION_DOCUMENT_DIFFERS");
    let by_citizen = other.post(&path, confirm(&first.number)).await;
    assert_eq!(by_citizen.reason(), "NOT_PERMITTED");
    post_as(mesh, "counter-1", &path, confirm(&first.number))
        .await
        .expect();
    second.becomes("green").await;
    assert_eq!(first.colour().await, "green");
    let name = format!("/v1/{}", waits["name"].as_str().unwrap());
    let accepted = async {
        while second.get(&name).await.expect()["application"]["state"] != "DECLARATION_STATE_IN_FORCE" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let accepted = tokio::time::timeout(Duration::from_secs(20), accepted);
    accepted.await.expect("the application is accepted by itself");
}

pub async fn somebody_without_a_phone_applies_at_a_counter(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let body = json!({
        "request_id": request_id(),
        "form": person.form(),
        "document_shown": true,
        "purpose": assistance(),
    });
    let path = "/v1/assisted-applications";
    let entered = post_as(mesh, "counter-1", path, body).await.expect()["assisted_application"].clone();
    assert_eq!(entered["state"], "DECLARATION_STATE_IN_FORCE", "{entered}");
    assert_eq!(
        person.colour().await,
        "CODE_NOT_FOUND",
        "nothing was proved by it"
    );
    let listed = format!("{path}?purpose.code=PURPOSE_CODE_ASSISTANCE");
    let listed = get_as(mesh, "counter-1", &listed).await.expect();
    assert_eq!(listed["assisted_applications"][0]["name"], entered["name"]);
}

pub async fn whoever_looks_at_a_persons_decisions_is_in_the_persons_ledger(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let subject = person.apply().await["subject_id"].as_str().unwrap().to_owned();
    let path = "/v1/subjects/me/lookups";
    assert_eq!(person.get(path).await.expect()["lookups"], json!([]));
    let read = format!("/v1/audit/subjects/{subject}/decisions?purpose.code=PURPOSE_CODE_AUDIT");
    get_as(mesh, "auditor-1", &read).await.expect();
    let told = async {
        loop {
            let answer = person.get(path).await.expect();
            let lookups = answer["lookups"].as_array().unwrap().clone();
            if !lookups.is_empty() {
                return lookups;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let lookups = tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    assert_eq!(lookups.len(), 1);
    let lookup = &lookups[0];
    assert_eq!(
        (&lookup["role"], &lookup["purpose"]["code"], &lookup["classes"]),
        (
            &json!("ROLE_AUDITOR"),
            &json!("PURPOSE_CODE_AUDIT"),
            &json!(["DATA_CLASS_DECISIONS"])
        ),
        "{lookup}"
    );
    assert!(!lookup.to_string().contains("auditor-1"), "no name of staff");
    let other = mesh.gateway.person().await;
    let theirs = other.get(&format!("/v1/subjects/{subject}/lookups")).await;
    assert!(theirs.body["lookups"].is_null(), "{}", theirs.body);
}
