//! Complaints through the gateway: an order of the hotline, and a refusal to recognise codes of other provinces.

use lutong_tests::instants::now;
use lutong_tests::mesh::Mesh;
use lutong_tests::people::request_id;
use serde_json::{Value, json};

use crate::own_data::{get_as, post_as};

const AGENT: &str = "agent-1";
const OFFICER: &str = "officer-1";
const PURPOSE: &str = "purpose.code=PURPOSE_CODE_ASSISTANCE";

/// How the hotline is told that its order stands.
async fn standing(mesh: &Mesh, number: &str) -> Value {
    let listed = get_as(
        mesh,
        AGENT,
        &format!("/v1/hotline-orders?{PURPOSE}&page_size=1000"),
    )
    .await
    .expect();
    let orders = listed["orders"].as_array().cloned().unwrap_or_default();
    orders
        .into_iter()
        .find(|order| order["hotline_number"] == json!(number))
        .unwrap()
}

pub async fn an_order_of_the_hotline_is_answered_and_told_back_without_its_secret_caller(mesh: &Mesh) {
    let number = format!("HL-{}", &request_id()[..13]);
    let order = |division: &str| {
        json!({
            "hotline_number": number, "city_number": format!("0532-{number}"), "division": division, "secret_caller": true,
            "place": {"issue": "PLACE_ISSUE_REFUSING_GREEN", "place": "观海酒店", "text": "持绿码仍不让进入"},
            "caller": {"name": "赵秘密", "mobile": "13912345678"},
        })
    };
    let hand_over = async |orders: Value| -> Value {
        let body = json!({"orders": orders, "purpose": {"code": "PURPOSE_CODE_ASSISTANCE"}});
        post_as(mesh, AGENT, "/v1/hotline-orders:import", body)
            .await
            .expect()["outcomes"]
            .clone()
    };
    // One that is wrong keeps nothing from the other; the piece is sent again after a lost answer.
    let outcomes = hand_over(json!([order("110101"), order("370202")])).await;
    assert_eq!(outcomes[0]["case"], "", "{outcomes}");
    let case = outcomes[1]["case"].as_str().unwrap().to_owned();
    let again = hand_over(json!([order("370202")])).await;
    assert_eq!(again[0]["case"], json!(case), "{again}");
    assert_ne!(again[0]["result"], outcomes[1]["result"]);
    let stands = standing(mesh, &number).await;
    assert_eq!(
        (&stands["case"], &stands["answer_time"]),
        (&json!(case), &Value::Null)
    );
    assert!(stands["due_time"].is_string(), "{stands}");
    let review = || json!({"request_id": request_id(), "purpose": {"code": "PURPOSE_CODE_COMPLAINT_REVIEW", "reference": ""}});
    let path = format!("/v1/{case}");
    let seen = get_as(
        mesh,
        OFFICER,
        &format!("{path}?purpose.code=PURPOSE_CODE_COMPLAINT_REVIEW"),
    )
    .await
    .expect();
    assert!(
        !seen.to_string().contains("赵秘密"),
        "an officer learns no secret caller: {seen}"
    );
    let foreign = get_as(
        mesh,
        "officer-370300",
        &format!("{path}?purpose.code=PURPOSE_CODE_COMPLAINT_REVIEW"),
    )
    .await;
    assert_eq!(foreign.reason(), "CASE_NOT_FOUND");
    post_as(mesh, OFFICER, &format!("{path}:take"), review())
        .await
        .expect();
    let mut answer = review();
    answer["text"] = json!("已责令该酒店立即改正");
    post_as(mesh, OFFICER, &format!("{path}:answer"), answer.clone())
        .await
        .expect();
    let stands = standing(mesh, &number).await;
    assert_eq!(
        (&stands["state"], &stands["answer"]),
        (&json!("COMPLAINT_STATE_ANSWERED"), &answer["text"])
    );
    assert!(!stands.to_string().contains("赵秘密"), "{stands}");
}

pub async fn a_refusal_of_recognition_is_published_by_two_with_its_basis_until_it_ends(mesh: &Mesh) {
    let name = format!("海景酒店{}", &request_id()[..8]);
    let report = json!({
        "request_id": request_id(), "division": "370202", "place_kind": "PLACE_KIND_HOTEL", "place_name": name,
        "legal_basis": "《中华人民共和国突发事件应对法》第四十九条", "approval_reference": "青防指〔2022〕7号",
        "start_time": now().plus_seconds(-60).to_rfc3339(), "planned_end_time": now().plus_seconds(7 * 86_400).to_rfc3339(),
    });
    let reported = post_as(mesh, "supervisor-1", "/v1/recognition-refusals", report)
        .await
        .expect();
    let refusal = format!(
        "/v1/{}",
        reported["recognition_refusal"]["name"].as_str().unwrap()
    );
    let everybody = async || -> Vec<Value> {
        let path = "/v1/recognition-refusals?division=370202&page_size=1000";
        let listed = mesh
            .gateway
            .call(http::Method::GET, path, None, None)
            .await
            .unwrap()
            .expect();
        let all = listed["recognition_refusals"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        all.into_iter()
            .filter(|one| one["place_name"] == json!(name))
            .collect()
    };
    assert_eq!(everybody().await, Vec::<Value>::new(), "nobody has approved it");
    let action = || json!({"request_id": request_id()});
    let alone = post_as(mesh, "supervisor-1", &format!("{refusal}:approve"), action()).await;
    assert!(!alone.reason().is_empty(), "{:?}", alone.body);
    post_as(mesh, "supervisor-2", &format!("{refusal}:approve"), action())
        .await
        .expect();
    let published = everybody().await;
    assert_eq!(
        published[0]["approval_reference"], "青防指〔2022〕7号",
        "{published:?}"
    );
    assert!(
        published[0]["legal_basis"]
            .as_str()
            .is_some_and(|basis| basis.contains("第四十九条"))
    );
    post_as(mesh, "supervisor-1", &format!("{refusal}:end"), action())
        .await
        .expect();
    let ended = everybody().await;
    assert!(ended.is_empty() || ended[0]["end_time"].is_string(), "{ended:?}");
}
