//! An appeal through all services: the source takes its fact back, the colour follows at once, and the appeal is upheld.

use lutong_tests::instants::ago;
use lutong_tests::mesh::Mesh;
use lutong_tests::people::{Person, request_id};
use serde_json::{Value, json};

use crate::own_data::{get_as, post_as};
use crate::{DAY, import, row};

const CDC: &str = "cdc-370200";

fn review() -> Value {
    json!({"code": "PURPOSE_CODE_COMPLAINT_REVIEW", "reference": ""})
}

fn action() -> Value {
    json!({"request_id": request_id(), "purpose": review()})
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

/// Appeals against the decision in force of a person; an officer takes it up. Returns the tracking number.
async fn appealed(mesh: &Mesh, person: &Person) -> String {
    let decision = person.get("/v1/decision").await.expect()["decision"].clone();
    let appeal = |version: &str| {
        json!({
            "request_id": request_id(),
            "appeal": {"decision": format!("decisions/{version}"), "colour": "COLOUR_RED", "text": "本人未与病例接触"},
            "division": "370202",
        })
    };
    let nobodys = person.post("/v1/complaints", appeal("9000")).await;
    assert_eq!(nobodys.reason(), "DECISION_NOT_FOUND");
    let version = decision["version"].as_str().unwrap();
    let filed = person.post("/v1/complaints", appeal(version)).await.expect();
    let number = filed["complaint"]["complaint_id"].as_str().unwrap().to_owned();
    post_as(mesh, "officer-1", &format!("/v1/cases/{number}:take"), action())
        .await
        .expect();
    number
}

pub async fn an_appeal_is_upheld_once_its_source_has_taken_the_fact_back(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    person.apply().await;
    let key = format!("contact-{}", person.number);
    let contact = json!({"last_contact_at": ago(DAY)});
    let (status, ..) = import(
        mesh,
        CDC,
        &[row(CDC, &key, &person, "close_contact", contact)],
        &[],
    );
    assert_eq!(status, Some(0));
    person.becomes("red").await;
    let number = appealed(mesh, &person).await;
    let path = format!("/v1/appeals/{number}");
    let read = format!("{path}?purpose.code=PURPOSE_CODE_COMPLAINT_REVIEW");
    let seen = get_as(mesh, "officer-1", &read).await.expect();
    assert_eq!(seen["identical"], true, "{seen}");
    assert_eq!(seen["decision"]["colour"], "COLOUR_RED");
    let fact = seen["facts"][0].clone();
    assert_eq!(
        (&fact["source"], &fact["kind"]),
        (&json!(CDC), &json!("close_contact"))
    );
    let ask = with(action(), "fact_id", fact["fact_id"].clone());
    let ask = with(ask, "question", json!("请核实接触时间与地点"));
    let asked = post_as(mesh, "officer-1", &format!("{path}:consult"), ask)
        .await
        .expect();
    let question = format!("/v1/{}", asked["fact_review"]["name"].as_str().unwrap());
    let decide = with(action(), "verdict", json!("APPEAL_VERDICT_UPHELD"));
    let decide = with(decide, "fact_ids", json!([fact["fact_id"]]));
    let decide = with(decide, "basis", json!("APPEAL_BASIS_DATA_CORRECTION"));
    let decide = with(decide, "reason", json!("同名误录，已撤回"));
    let again = || with(decide.clone(), "request_id", json!(request_id()));
    let verdict = format!("{path}:decide");
    let early = post_as(mesh, "officer-1", &verdict, again()).await;
    assert_eq!(early.reason(), "SOURCE_NOT_ANSWERED");
    let answer = || json!({"request_id": request_id(), "reason": "同名误录"});
    let theirs = post_as(mesh, "border-370000", &format!("{question}:correct"), answer()).await;
    assert_eq!(theirs.reason(), "FACT_REVIEW_NOT_FOUND", "another feed's");
    let shown = get_as(mesh, CDC, &question).await.expect();
    assert_eq!(shown["fact_review"]["key"], json!(key));
    let corrected = post_as(mesh, CDC, &format!("{question}:correct"), answer())
        .await
        .expect();
    assert_eq!(corrected["effect"]["redecided"], "1", "{corrected}");
    person.becomes("green").await;
    let decided = post_as(mesh, "officer-1", &verdict, again()).await.expect();
    assert_eq!(decided["effect"]["redecided"], "1", "{decided}");
    assert_eq!(decided["effect"]["state"], "EFFECT_STATE_IN_FORCE");
    let told = person.get(&format!("/v1/complaints/{number}")).await.expect()["complaint"].clone();
    assert_eq!(
        (&told["state"], &told["outcome"]["verdict"]),
        (
            &json!("COMPLAINT_STATE_ANSWERED"),
            &json!("APPEAL_VERDICT_UPHELD")
        )
    );
    assert_eq!(told["messages"][0]["text"], "同名误录，已撤回");
    // Whoever looked is in the ledger of the person: one line of one look, with what both services showed.
    let looked = async {
        loop {
            let answer = person.get("/v1/subjects/me/lookups").await.expect();
            let lookups = answer["lookups"].as_array().unwrap().clone();
            let appeals = json!(["DATA_CLASS_APPEALS", "DATA_CLASS_DECISIONS"]);
            let count = |classes: Value| lookups.iter().filter(|one| one["classes"] == classes).count();
            assert_eq!(count(json!(["DATA_CLASS_DECISIONS"])), 0, "{lookups:?}");
            if count(appeals) == 1 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), looked)
        .await
        .unwrap();
}
