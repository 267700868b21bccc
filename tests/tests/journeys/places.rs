//! A place that is complained of: by three people, whose complaints an officer finds to be so, and by many at once from one network.

use http::Method;
use lutong_tests::mesh::Mesh;
use lutong_tests::people::request_id;
use serde_json::{Value, json};

use crate::own_data::{get_as, post_as};

const OFFICER: &str = "officer-1";
const SUPERVISOR: &str = "supervisor-1";
const REVIEW: &str = "PURPOSE_CODE_COMPLAINT_REVIEW";

fn action() -> Value {
    json!({"request_id": request_id(), "purpose": {"code": REVIEW}})
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

/// Registers a place of 370202 and returns its name.
async fn registered(mesh: &Mesh, called: &str) -> String {
    let body = json!({"request_id": request_id(), "division": "370202", "kind": "PLACE_KIND_HOTEL", "display_name": called});
    let answer = post_as(mesh, OFFICER, "/v1/places", body).await.expect();
    answer["place"]["name"].as_str().unwrap().to_owned()
}

/// Files a complaint about a place, and returns its number.
async fn complained(mesh: &Mesh, account: &str, place: &str) -> String {
    let about = json!({"issue": "PLACE_ISSUE_REFUSING_GREEN", "place": place, "text": "持绿码仍不让进入"});
    let body = json!({"request_id": request_id(), "place": about, "division": "370202"});
    let session = mesh.gateway.session(account).await;
    let answer = mesh
        .gateway
        .call(Method::POST, "/v1/complaints", Some(&session), Some(body));
    let answer = answer.await.unwrap().expect();
    answer["complaint"]["complaint_id"].as_str().unwrap().to_owned()
}

/// The case of a place, once a worker has opened or queued it.
async fn case_of(mesh: &Mesh, place: &str) -> Value {
    let looked = async {
        loop {
            let all = get_as(mesh, OFFICER, "/v1/accountability-cases:opened")
                .await
                .expect();
            let cases = all["accountability_cases"].as_array().unwrap().clone();
            if let Some(case) = cases.into_iter().find(|one| one["place"] == place) {
                return case;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let patience = std::time::Duration::from_secs(20);
    tokio::time::timeout(patience, looked).await.unwrap()
}

pub async fn a_place_is_held_to_account_and_a_campaign_from_one_network_waits_for_a_human(mesh: &Mesh) {
    let place = registered(mesh, "望海酒店").await;
    for account in ["wx-11", "wx-12", "wx-13"] {
        let number = complained(mesh, account, "望海酒店，香港中路1号").await;
        let case = format!("/v1/cases/{number}");
        post_as(mesh, OFFICER, &format!("{case}:take"), action())
            .await
            .expect();
        let answer = with(action(), "text", json!("经核查属实，已责令整改"));
        let answer = with(answer, "finding", json!("PLACE_FINDING_CONFIRMED"));
        post_as(mesh, OFFICER, &format!("{case}:answer"), answer)
            .await
            .expect();
    }
    let case = case_of(mesh, &place).await;
    assert_eq!(
        (&case["state"], &case["rule"]),
        (&json!("ACCOUNTABILITY_STATE_OPEN"), &json!("three-confirmed"))
    );
    let path = format!("/v1/{}", case["name"].as_str().unwrap());
    let request = || json!({"request_id": request_id()});
    let theirs = post_as(mesh, "officer-370300", &format!("{path}:take"), request()).await;
    assert_eq!(theirs.reason(), "ACCOUNTABILITY_CASE_NOT_FOUND", "another city's");
    post_as(mesh, OFFICER, &format!("{path}:take"), request())
        .await
        .expect();
    let hidden = mesh.gateway.call(Method::GET, &path, None, None).await.unwrap();
    assert_eq!(
        hidden.reason(),
        "ACCOUNTABILITY_CASE_NOT_FOUND",
        "not before it is published"
    );
    let outcome = with(request(), "outcome", json!("ACCOUNTABILITY_OUTCOME_CORRECTED"));
    let outcome = with(
        outcome,
        "summary",
        json!("该酒店拒绝持绿码人员进入，已责令整改。"),
    );
    post_as(mesh, OFFICER, &format!("{path}:publish"), outcome)
        .await
        .expect();
    let hidden = mesh.gateway.call(Method::GET, &path, None, None).await.unwrap();
    assert_eq!(
        hidden.reason(),
        "ACCOUNTABILITY_CASE_NOT_FOUND",
        "not before a second person has signed it"
    );
    post_as(mesh, SUPERVISOR, &format!("{path}:approve"), request())
        .await
        .expect();
    let read = mesh
        .gateway
        .call(Method::GET, &path, None, None)
        .await
        .unwrap()
        .expect();
    assert_eq!(read["accountability_case"]["place_name"], "望海酒店");
    assert_eq!(read["accountability_case"]["owner"], "");
    // All calls of a test come from one address, which the gateway tells the service as a hash.
    let place = registered(mesh, "观海酒店").await;
    for n in 0..20 {
        complained(mesh, &format!("wx-{}", 100 + n), "观海酒店").await;
    }
    let queued = case_of(mesh, &place).await;
    assert_eq!(queued["state"], "ACCOUNTABILITY_STATE_QUEUED");
    assert_eq!(
        queued["signals"],
        json!(["CAMPAIGN_SIGNAL_ONE_NETWORK"]),
        "{queued}"
    );
    let path = format!("/v1/{}", queued["name"].as_str().unwrap());
    let opened = post_as(mesh, SUPERVISOR, &format!("{path}:open"), request())
        .await
        .expect();
    assert_eq!(
        opened["accountability_case"]["state"],
        "ACCOUNTABILITY_STATE_OPEN"
    );
}
