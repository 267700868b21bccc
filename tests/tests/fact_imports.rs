//! A hospital that has only HTTP reports over JSON: bad chunks are reported, a lost answer has no effect, and a process
//! killed between storing a chunk and recording that neither loses nor duplicates a row.

#![allow(clippy::unwrap_used)]

use http::Method;
use lutong_tests::feed::fact_json;
use lutong_tests::instants::ago;
use lutong_tests::mesh::{Mesh, Shape};
use lutong_tests::people::{Answer, next_number, request_id};
use serde_json::{Value, json};

const SOURCE: &str = "cdc-370200";

fn contact(key: &str, number: &str) -> Value {
    json!({"source": SOURCE, "key": key, "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": number},
        "fact": fact_json("close_contact", &json!({"last_contact_at": ago(86_400)}))})
}

/// A feed with a session.
struct Reporter<'a> {
    mesh: &'a Mesh,
    session: String,
}

impl Reporter<'_> {
    async fn try_post(&self, path: &str, body: Value) -> Result<Answer, String> {
        let gateway = &self.mesh.gateway;
        gateway
            .call(Method::POST, path, Some(&self.session), Some(body))
            .await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.try_post(path, body).await.unwrap()
    }

    async fn get(&self, path: &str) -> Answer {
        let gateway = &self.mesh.gateway;
        gateway
            .call(Method::GET, path, Some(&self.session), None)
            .await
            .unwrap()
    }

    async fn begin(&self, mode: &str) -> String {
        let body = json!({"request_id": request_id(), "mode": mode});
        let begun = self.post("/v1/fact-imports", body).await.expect();
        begun["fact_import"]["name"].as_str().unwrap().to_owned()
    }

    async fn finish(&self, name: &str) -> Value {
        let body = json!({"request_id": request_id()});
        self.post(&format!("/v1/{name}:finish"), body).await.expect()["fact_import"].clone()
    }
}

async fn rows_come_once_whatever_happens_on_the_way(shape: Shape) {
    let mut mesh = Mesh::start(shape).await;
    let person = mesh.gateway.person().await;
    person.apply().await;
    let name = match shape {
        Shape::OneProcess => "lutong",
        Shape::Mesh => "declaration",
    };
    let session = mesh.gateway.session(SOURCE).await;
    let process = mesh.processes.get_mut(name).unwrap();
    process.again(Some("declaration.import_reported:2"));
    mesh.all_ready().await;
    let reporter = Reporter {
        mesh: &mesh,
        session: session.clone(),
    };
    let import = reporter.begin("IMPORT_MODE_GOOD_ROWS").await;
    let append = format!("/v1/{import}:append");
    let first =
        json!({"first_row": 1, "rows": [contact("1", &next_number()), contact("2", "110105194912310021")]});
    let told = reporter.post(&append, first.clone()).await.expect();
    assert_eq!((&told["next_row"], &told["refused"]), (&json!("3"), &json!("1")));
    // Killed after the rows were stored and before that was recorded.
    let second =
        json!({"first_row": "3", "rows": [contact("3", &person.number), contact("4", &next_number())]});
    let lost = reporter.try_post(&append, second.clone()).await;
    assert!(!lost.is_ok_and(|answer| answer.status.is_success()));
    let process = mesh.processes.get_mut(name).unwrap();
    assert!(process.ended().await.0.code().is_none(), "it was aborted");
    process.again(None);
    mesh.all_ready().await;
    let reporter = Reporter { mesh: &mesh, session };
    let standing = reporter.get(&format!("/v1/{import}")).await.expect()["fact_import"].clone();
    assert_eq!(standing["next_row"], "3");
    for _ in 0..2 {
        let told = reporter.post(&append, second.clone()).await.expect();
        assert_eq!((&told["next_row"], &told["refused"]), (&json!("5"), &json!("1")));
    }
    let ended = reporter.finish(&import).await;
    assert_eq!(
        (
            &ended["state"],
            &ended["accepted"],
            &ended["unchanged"],
            &ended["refused"]
        ),
        (
            &json!("FACT_IMPORT_STATE_FINISHED"),
            &json!("1"),
            &json!("2"),
            &json!("1")
        ),
        "{ended}"
    );
    person.becomes("red").await;
    let errors = reporter.get(&format!("/v1/{import}/errors")).await.expect();
    let [wrong] = &errors["errors"].as_array().unwrap()[..] else {
        panic!("{errors}")
    };
    assert_eq!(
        (&wrong["row"], &wrong["error"]["field"]),
        (&json!("2"), &json!("document.number"))
    );
    what_is_wrong_is_named(&reporter).await;
}

/// Errors in the JSON, in a row, and in the whole import.
async fn what_is_wrong_is_named(reporter: &Reporter<'_>) {
    let import = reporter.begin("IMPORT_MODE_ALL_OR_NOTHING").await;
    let append = format!("/v1/{import}:append");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut row = contact("x", &next_number());
        change(&mut row);
        json!({"first_row": 1, "rows": [row]})
    };
    for (body, expected) in [
        (
            with(&|row| row["fact"]["close_contact"]["last_met_at"] = json!(1)),
            "rows[0].fact.close_contact.last_met_at UNKNOWN_FIELD",
        ),
        (
            with(&|row| row["fact"]["test"] = json!({})),
            "rows[0].fact.test ONE_OF",
        ),
        (
            with(&|row| row["retraction"] = json!({})),
            "rows[0].retraction ONE_OF",
        ),
        (
            with(&|row| row["fact"]["close_contact"]["observation"] = json!(99)),
            "rows[0].fact.close_contact.observation UNKNOWN_VALUE",
        ),
        (
            with(&|row| row["subject_id"] = json!("x")),
            "rows[0].subject_id ONE_OF",
        ),
    ] {
        let refused = reporter.post(&append, body).await;
        assert_eq!(
            (refused.status.as_u16(), refused.violations()),
            (400, vec![expected.to_owned()]),
            "{}",
            refused.body
        );
    }
    // Readable rows are checked one by one: all their errors are reported, and nothing is stored in the end.
    let rows = json!([
        with(&|row| row["key"] = json!("k".repeat(101)))["rows"][0],
        with(&|row| row["fact"] = json!({"close_contact": {}}))["rows"][0],
        contact("good", &next_number()),
    ]);
    let told = reporter
        .post(&append, json!({"first_row": 1, "rows": rows}))
        .await
        .expect();
    assert_eq!((&told["next_row"], &told["refused"]), (&json!("4"), &json!("2")));
    let ended = reporter.finish(&import).await;
    assert_eq!(
        (&ended["state"], &ended["accepted"]),
        (&json!("FACT_IMPORT_STATE_REFUSED"), &json!("0"))
    );
    let errors = reporter
        .get(&format!("/v1/{import}/errors?page_size=1"))
        .await
        .expect();
    assert_eq!(errors["errors"][0]["error"]["field"], "key");
    assert_eq!(errors["errors"][0]["error"]["reason"], "TOO_LONG");
    let token = errors["next_page_token"].as_str().unwrap();
    let next = reporter
        .get(&format!("/v1/{import}/errors?page_size=1&page_token={token}"))
        .await
        .expect();
    assert_eq!(
        next["errors"][0]["error"]["field"],
        "fact.close_contact.last_contact_at"
    );
    // Another feed's import is not found.
    let other = Reporter {
        mesh: reporter.mesh,
        session: reporter.mesh.gateway.session("cdc-370700").await,
    };
    assert_eq!(
        other.get(&format!("/v1/{import}")).await.reason(),
        "FACT_IMPORT_NOT_FOUND"
    );
    let kinds = reporter.get("/v1/fact-kinds").await.expect();
    assert_eq!(kinds["fact_kinds"].as_array().unwrap().len(), 11);
    let said = reporter.mesh.command(&[
        "fact-kinds",
        "show",
        "close_contact",
        "--lang",
        "zh",
        "--account",
        SOURCE,
    ]);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.contains("密切接触") && said.contains("last_contact_at") && said.contains("centralised | home"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_once_in_one_process() {
    rows_come_once_whatever_happens_on_the_way(Shape::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_once_in_a_mesh() {
    rows_come_once_whatever_happens_on_the_way(Shape::Mesh).await;
}
