//! Calls of people about their own data, and of the counter about people.

use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::people::request_id;
use serde_json::{Value, json};

use crate::citizens::{applied, document, form, number};

const COUNTER: &str = "counter-1";
const CITIZEN: &str = "wx-person";

fn assistance() -> Value {
    json!({"code": "PURPOSE_CODE_ASSISTANCE", "reference": ""})
}

/// A person reads their items, moves, and registers with a new document.
pub async fn walk(walk: &mut Walk<'_>) {
    applied(walk, CITIZEN, &number(74)).await;
    let own = || RequestParts::nothing().with("subject", "me");
    walk.call("getPerson", CITIZEN, own()).await;
    let moved = json!({
        "request_id": request_id(),
        "person": {"home_address": {"division": "370203", "detail": "台东三路1号"}},
        "update_mask": "homeAddress",
    });
    let moved = RequestParts::body(moved).with("subject", "me");
    walk.call("updatePerson", CITIZEN, moved).await;
    let renewed =
        json!({"request_id": request_id(), "full_name": "王晓明", "document": document(&number(74))});
    let renewed = RequestParts::body(renewed).with("subject", "me");
    walk.call("replaceDocument", CITIZEN, renewed).await;
    walk.call("listPersonChanges", CITIZEN, own()).await;
}

/// A counter confirms that a second account is the person's, and enters an application for somebody without an account.
pub async fn counter(walk: &mut Walk<'_>) {
    applied(walk, "wx-first", &number(75)).await;
    let mut stated = form(&number(75));
    stated["person"]["mobile"] = "13900139000".into();
    let session = walk.mesh.gateway.session("wx-second").await;
    let body = json!({"request_id": request_id(), "form": stated});
    let gateway = &walk.mesh.gateway;
    let waits = gateway.call(http::Method::POST, "/v1/applications", Some(&session), Some(body));
    let waits = waits.await.unwrap().expect();
    let name = waits["application"]["registration"].as_str().unwrap();
    let confirm = json!({
        "request_id": request_id(),
        "full_name": "王小明",
        "document": document(&number(75)),
        "purpose": assistance(),
    });
    let id = name.rsplit('/').next().unwrap();
    let confirm = RequestParts::body(confirm).with("registration", id);
    walk.call("confirmRegistration", COUNTER, confirm).await;
    let body = json!({
        "request_id": request_id(),
        "form": form(&number(76)),
        "document_shown": true,
        "purpose": assistance(),
    });
    let entered = walk
        .call("createAssistedApplication", COUNTER, RequestParts::body(body))
        .await;
    let id = entered["assisted_application"]["assisted_application_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let for_assistance = RequestParts::nothing().with("purpose.code", "PURPOSE_CODE_ASSISTANCE");
    walk.call("listAssistedApplications", COUNTER, for_assistance.clone())
        .await;
    let get = for_assistance.with("assisted_application", id);
    walk.call("getAssistedApplication", COUNTER, get).await;
}
