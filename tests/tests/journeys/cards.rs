//! A pass code as a health card: read at a hospital, and seen by the patient.

use std::time::Duration;

use http::Method;
use lutong_tests::mesh::Mesh;
use lutong_tests::people::{Answer, request_id};
use serde_json::{Value, json};

use crate::token;

/// Calls the gateway as an account.
async fn call(mesh: &Mesh, account: &str, path: &str, body: Value) -> Answer {
    let session = mesh.gateway.session(account).await;
    let answer = mesh.gateway.call(Method::POST, path, Some(&session), Some(body));
    answer.await.unwrap()
}

pub async fn a_hospital_reads_a_patients_code_and_the_patient_sees_it(mesh: &Mesh) {
    let hospital = json!({
        "request_id": request_id(), "institution_code": "12370200A", "title": "青岛市立医院", "division": "370202", "account": "his-1",
    });
    let made = call(mesh, "officer-1", "/v1/medical-institutions", hospital)
        .await
        .expect();
    let device = json!({
        "request_id": request_id(), "medical_institution": made["medical_institution"]["name"], "terminal_code": "GH-01",
        "kind": "MEDICAL_TERMINAL_KIND_COUNTER", "steps": ["010101"],
    });
    let device = call(mesh, "officer-1", "/v1/medical-terminals", device)
        .await
        .expect();
    let patient = mesh.gateway.person().await;
    patient.apply().await;
    let code = token(&patient).await;
    let reading = |step: &str, code: &str| {
        json!({
            "request_id": request_id(), "code": code, "medical_terminal": device["medical_terminal"]["name"], "step": step,
            "purpose": {"code": "PURPOSE_CODE_CARE"},
        })
    };
    let read = call(mesh, "his-1", "/v1/health-cards:read", reading("0101011", &code))
        .await
        .expect();
    assert_eq!(read["document"]["number"], json!(patient.number));
    assert_eq!(read["code_kind"], "HEALTH_CARD_CODE_KIND_SCREEN");
    // A card code is for such readers alone, whatever becomes of the colour, until its holder ends it.
    let made = patient
        .post("/v1/card-codes", json!({"request_id": request_id()}))
        .await
        .expect();
    let card = made["card_code"]["token"].as_str().unwrap();
    let at_door = crate::verify(mesh, card).await;
    assert_eq!(at_door["outcome"], "VERIFICATION_OUTCOME_WRONG_KIND");
    let by_card = call(mesh, "his-1", "/v1/health-cards:read", reading("010101", card))
        .await
        .expect();
    assert_eq!(
        (&by_card["code_kind"], &by_card["subject_id"]),
        (&json!("HEALTH_CARD_CODE_KIND_CARD"), &read["subject_id"])
    );
    let end = format!("/v1/{}:end", made["card_code"]["name"].as_str().unwrap());
    patient
        .post(&end, json!({"request_id": request_id()}))
        .await
        .expect();
    let refused = call(mesh, "his-1", "/v1/health-cards:read", reading("010101", card)).await;
    assert_eq!(refused.reason(), "HEALTH_CARD_CODE_REFUSED");
    // Another hospital's account, another step, another code.
    for (account, step, code, reason) in [
        ("his-2", "010101", code.as_str(), "MEDICAL_TERMINAL_NOT_FOUND"),
        ("his-1", "010105", code.as_str(), "MEDICAL_STEP_NOT_ALLOWED"),
        ("his-1", "010101", "LT1:00", "HEALTH_CARD_CODE_REFUSED"),
    ] {
        let refused = call(mesh, account, "/v1/health-cards:read", reading(step, code)).await;
        assert_eq!(refused.reason(), reason);
    }
    let used = json!({
        "request_id": request_id(), "health_card_read": read["health_card_read"], "step": "0101011", "department": "内科",
    });
    call(mesh, "his-1", "/v1/health-card-uses", used).await.expect();
    let uses = patient.get("/v1/health-card-uses").await.expect();
    assert_eq!(uses["health_card_uses"][0]["step_title"], "预约挂号");
    let mut looks = Value::Null;
    for _ in 0..200 {
        looks = patient.get("/v1/subjects/me/lookups").await.expect()["lookups"].clone();
        if looks.as_array().is_some_and(|looks| looks.len() == 2) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(looks[0]["role"], "ROLE_HOSPITAL", "{looks}");
    assert_eq!(looks[0]["classes"], json!(["DATA_CLASS_IDENTITY"]));
    let other = mesh.gateway.person().await;
    other.apply().await;
    let none = other.get("/v1/health-card-uses").await.expect();
    assert!(none["health_card_uses"].as_array().is_none_or(Vec::is_empty));
}
