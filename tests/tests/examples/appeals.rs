//! Appeals: what an officer sees, asks and decides, and what the source of a fact answers.

use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::feed::{Feed, fact, row};
use lutong_tests::instants::now;
use lutong_tests::people::request_id;
use serde_json::{Value, json};

use crate::citizens::{applied, number};
use crate::complaints::{action, filed, read, with};

const OFFICER: &str = "officer-1";
const SUPERVISOR: &str = "supervisor-1";
const SOURCE: &str = "border-370000";
/// Whoever appeals, and what stands for the tracking number.
const APPEALS: [(&str, u32, &str); 2] = [
    ("wx-9", 9, "SD20221126-4B6T1WZ8"),
    ("wx-10", 10, "SD20221126-8D5J9PR2"),
];

fn of(number: &str) -> RequestParts {
    RequestParts::nothing().with("appeal", number)
}

/// Files an appeal of a person whom the border reported as arrived from abroad; it is taken up. Returns its number.
async fn appealed(walk: &mut Walk<'_>, (account, sequence, shown): (&str, u32, &str)) -> String {
    let document = number(sequence);
    applied(walk, account, &document).await;
    let entered = now().plus_seconds(-86_400).to_rfc3339();
    let entry = fact("entry", &json!({"entered_at": entered, "country": "THA"}));
    let border = Feed::sign_in(&walk.mesh.gateway, SOURCE).await;
    let key = format!("entry-{sequence}");
    border.report(row(SOURCE, &key, &document, entry)).await.unwrap();
    let is_yellow = |answer: &Value| answer["decision"]["colour"] == "COLOUR_YELLOW";
    let latest = walk
        .call_until("getDecision2", account, RequestParts::nothing(), is_yellow)
        .await;
    let version = latest["decision"]["version"].as_str().unwrap();
    let body = json!({
        "request_id": request_id(),
        "appeal": {
            "decision": format!("decisions/{version}"),
            "colour": "COLOUR_YELLOW",
            "text": "本人近期未出境",
        },
        "division": "370202",
    });
    let number = filed(walk, "/v1/complaints", account, &body, shown).await;
    let case = RequestParts::nothing().with("case", &number);
    walk.call("takeUpCase", OFFICER, case.and_body(action())).await;
    number
}

/// The fact of the border on which the colour of an appeal rests.
async fn reported(walk: &mut Walk<'_>, number: &str) -> Value {
    let seen = walk.call("inspectAppeal", OFFICER, read(of(number))).await;
    let facts = seen["facts"].as_array().unwrap();
    let found = facts.iter().find(|fact| fact["source"] == SOURCE);
    found.unwrap()["fact_id"].clone()
}

pub async fn walk(walk: &mut Walk<'_>) {
    let mut appeals = Vec::new();
    for appeal in APPEALS {
        let number = appealed(walk, appeal).await;
        let fact = reported(walk, &number).await;
        let ask = with(action(), "fact_id", fact.clone());
        let ask = with(ask, "question", json!("申诉人称近期未出境，请核实入境记录"));
        let asked = walk.call("askSource", OFFICER, of(&number).and_body(ask)).await;
        let review = asked["fact_review"]["fact_review_id"].as_str().unwrap();
        appeals.push((number, fact, review.to_owned()));
    }
    walk.call("listAppealGroups", SUPERVISOR, read(RequestParts::nothing()))
        .await;
    walk.call(
        "listFactReviews",
        SOURCE,
        RequestParts::nothing().with("page_size", "1"),
    )
    .await;
    let review = |id: &str| RequestParts::nothing().with("fact_review", id);
    let answer = |reason: &str| json!({"request_id": request_id(), "reason": reason});
    let [(upheld, fact, wrong), (refused, _, right)] = &appeals[..] else {
        panic!("two appeals");
    };
    walk.call("getFactReview", SOURCE, review(wrong)).await;
    walk.call(
        "correctFact",
        SOURCE,
        review(wrong).and_body(answer("证件号码录入有误")),
    )
    .await;
    walk.call(
        "confirmFact",
        SOURCE,
        review(right).and_body(answer("已核对入境记录")),
    )
    .await;
    let decide = |verdict: &str, basis: &str, reason: &str| {
        let body = with(action(), "verdict", json!(verdict));
        let body = with(body, "basis", json!(basis));
        with(body, "reason", json!(reason))
    };
    let body = decide(
        "APPEAL_VERDICT_UPHELD",
        "APPEAL_BASIS_DATA_CORRECTION",
        "入境记录有误，已撤回",
    );
    let body = with(body, "fact_ids", json!([fact]));
    let decided = walk
        .call("decideAppeal", OFFICER, of(upheld).and_body(body))
        .await;
    assert_eq!(decided["effect"]["redecided"], "1", "{decided}");
    let body = decide(
        "APPEAL_VERDICT_REFUSED",
        "APPEAL_BASIS_DISEASE_CONTROL",
        "入境记录经核实无误",
    );
    walk.call("decideAppeal", OFFICER, of(refused).and_body(body))
        .await;
}
