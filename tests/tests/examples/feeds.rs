//! Reports of feeds, and pulls of databases.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::feed::fact_json;
use lutong_tests::instants::now;
use lutong_tests::people::request_id;
use serde_json::{Value, json};

use crate::citizens::{NUMBER, document};

const SOURCE: &str = "cdc-370200";
const DATABASE: &str = "epidemic-database";

/// A fake of an authority's database without records.
pub struct EmptyDatabase {
    port: u16,
    /// While set, requests are not answered.
    is_silent: Arc<AtomicBool>,
}

impl EmptyDatabase {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_silent = Arc::new(AtomicBool::new(false));
        let waits = Arc::clone(&is_silent);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(&stream);
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                while waits.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                let body = r#"{"records": [], "next": "0", "more": false}"#;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                // The client may be gone.
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        Self { port, is_silent }
    }

    pub fn config(&self) -> String {
        format!(
            "[{{source=\"{DATABASE}\",url=\"http://127.0.0.1:{}/changes\",kinds=[\"database_anomaly\"],interval_s=3600}}]",
            self.port
        )
    }
}

/// Yesterday's noon.
fn yesterday() -> String {
    let day = now().local_day().plus_days(-1);
    day.start().plus_seconds(12 * 3_600).to_rfc3339()
}

fn row(key: &str, number: &str) -> Value {
    json!({"source": SOURCE, "key": key, "document": document(number),
        "fact": fact_json("fever_clinic_visit", &json!({"visited_at": yesterday()}))})
}

pub async fn walk(walk: &mut Walk<'_>, database: &EmptyDatabase) {
    walk.call(
        "listFactKinds",
        SOURCE,
        RequestParts::nothing().with("page_size", "2"),
    )
    .await;
    let visits = [row("visit-1", NUMBER), row("visit-2", "110105194912310021")];
    reported(walk, json!(visits)).await;
    walk.call("listFactImports", SOURCE, RequestParts::nothing())
        .await;
    pulls(walk, database).await;
}

/// Reports again what a rollback has retracted.
pub async fn reported_again(walk: &mut Walk<'_>) {
    reported(walk, json!([row("visit-3", NUMBER)])).await;
}

/// Reports rows in an import of several calls, as feeds with only HTTP do.
async fn reported(walk: &mut Walk<'_>, rows: Value) {
    let create = json!({"request_id": request_id(), "mode": "IMPORT_MODE_GOOD_ROWS"});
    let begun = walk
        .call("createFactImport", SOURCE, RequestParts::body(create))
        .await;
    let id = begun["fact_import"]["fact_import_id"].as_str().unwrap();
    let of_import = || RequestParts::nothing().with("fact_import", id);
    let append = of_import().and_body(json!({"first_row": "1", "rows": rows}));
    walk.call("appendFactImportRows", SOURCE, append).await;
    walk.call("listFactImportErrors", SOURCE, of_import()).await;
    let finish = of_import().and_body(json!({"request_id": request_id()}));
    walk.call("finishFactImport", SOURCE, finish).await;
    walk.call("getFactImport", SOURCE, of_import()).await;
}

async fn pulls(walk: &mut Walk<'_>, database: &EmptyDatabase) {
    let of_pull = || RequestParts::nothing().with("pull", DATABASE);
    let is_waiting =
        |pull: &Value| pull["state"] == "PULL_STATE_WAITING" && pull["last_success_time"].is_string();
    let waits = |answer: &Value| is_waiting(&answer["pull"]);
    walk.call_until("getPull", "operator-1", of_pull(), waits).await;
    walk.call_until("listPulls", "operator-1", RequestParts::nothing(), |answer| {
        is_waiting(&answer["pulls"][0])
    })
    .await;
    // One pull runs as long as the database does not answer; a second one is queued and can be cancelled.
    database.is_silent.store(true, Ordering::SeqCst);
    let start = || of_pull().and_body(json!({"request_id": request_id()}));
    let running = walk.call("startPull", "operator-1", start()).await;
    let id = |begun: &Value| {
        let name = begun["operation"].as_str().unwrap();
        name.trim_start_matches("operations/").to_owned()
    };
    let get = RequestParts::nothing().with("operation", id(&running));
    let runs = |answer: &Value| answer["operation"]["state"] == "OPERATION_STATE_RUNNING";
    walk.call_until("declarationGetOperation", "operator-1", get, runs)
        .await;
    let queued = walk.call("startPull", "operator-1", start()).await;
    let cancel = RequestParts::nothing().with("operation", id(&queued));
    let cancel = cancel.and_body(json!({"request_id": request_id()}));
    walk.call("declarationCancelOperation", "operator-1", cancel)
        .await;
    database.is_silent.store(false, Ordering::SeqCst);
    let list = RequestParts::nothing().with("page_size", "1");
    walk.call("declarationListOperations", "operator-1", list).await;
}
