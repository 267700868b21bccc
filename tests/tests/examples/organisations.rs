//! Calls of a school that applies for its people.

use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::people::request_id;
use serde_json::{Value, json};

use crate::citizens::{document, number};

const SCHOOL: &str = "school-370202";

fn person(number: &str) -> Value {
    json!({
        "full_name": "赵六",
        "document": document(number),
        "mobile": "13900139000",
        "nationality": "CHN",
        "home_address": {"division": "370202", "detail": "香港中路1号"},
    })
}

async fn created(walk: &mut Walk<'_>) -> String {
    let create = json!({"request_id": request_id(), "organisation": "青岛一中", "division": "370202"});
    let created = walk
        .call("createApplicationImport", SCHOOL, RequestParts::body(create))
        .await;
    let id = &created["application_import"]["application_import_id"];
    id.as_str().unwrap().to_owned()
}

pub async fn walk(walk: &mut Walk<'_>) {
    let id = created(walk).await;
    let of_import = || RequestParts::nothing().with("application_import", &id);
    let rows = [person(&number(901)), person("110105194912310021")];
    let append = of_import().and_body(json!({"first_row": "1", "rows": rows}));
    walk.call("appendApplicationImportRows", SCHOOL, append).await;
    let finish = of_import().and_body(json!({"request_id": request_id()}));
    walk.call("finishApplicationImport", SCHOOL, finish).await;
    let has_ended =
        |answer: &Value| answer["application_import"]["state"] == "APPLICATION_IMPORT_STATE_SUCCEEDED";
    walk.call_until("getApplicationImport", SCHOOL, of_import(), has_ended)
        .await;
    walk.call("listApplicationImportRows", SCHOOL, of_import()).await;
    walk.call("listApplicationImports", SCHOOL, RequestParts::nothing())
        .await;
    let other = created(walk).await;
    let cancel = RequestParts::nothing().with("application_import", &other);
    let cancel = cancel.and_body(json!({"request_id": request_id()}));
    walk.call("cancelApplicationImport", SCHOOL, cancel).await;
}
