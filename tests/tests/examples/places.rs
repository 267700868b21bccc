//! Places: registered, merged, complained of, held to account.

use http::Method;
use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::people::request_id;
use serde_json::{Value, json};

use super::complaints::{action, filed, read, with};

const CITIZENS: [&str; 3] = ["wx-1", "wx-2", "wx-3"];
const OFFICER: &str = "officer-1";
const SUPERVISOR: &str = "supervisor-1";
const AGENT: &str = "agent-1";
/// What stands for the tracking numbers of the walk, in their order.
const NUMBERS: [&str; 3] = [
    "SD20221126-2B6K9MX4",
    "SD20221126-8F3R5TZ7",
    "SD20221126-4J7W1NC6",
];

fn nothing() -> RequestParts {
    RequestParts::nothing()
}

fn registration(name: &str) -> Value {
    json!({
        "request_id": request_id(),
        "division": "370202",
        "kind": "PLACE_KIND_HOTEL",
        "display_name": name,
        "aliases": [format!("{name}（香港中路店）")],
    })
}

fn id(answer: &Value) -> String {
    answer["place"]["place_id"].as_str().unwrap().to_owned()
}

pub async fn walk(walk: &mut Walk<'_>) {
    let body = RequestParts::body(registration("望海酒店"));
    let place = id(&walk.call("createPlace", OFFICER, body).await);
    let of = || nothing().with("place", &place);
    walk.call("getPlace", OFFICER, of()).await;
    let alias = json!({"request_id": request_id(), "alias": "老望海"});
    walk.call("addPlaceAlias", OFFICER, of().and_body(alias)).await;
    let double = RequestParts::body(registration("望海大酒店"));
    let double = id(&walk.call("createPlace", OFFICER, double).await);
    let merge = json!({"request_id": request_id(), "into": format!("places/{place}")});
    let merged = nothing().with("place", &double).and_body(merge);
    walk.call("mergePlace", OFFICER, merged).await;
    walk.call("listPlaces", OFFICER, nothing().with("display_name", "望海酒店"))
        .await;
    for (account, shown) in CITIZENS.into_iter().zip(NUMBERS) {
        complained(walk, account, shown, &place).await;
    }
    walk.call("listPlaceLedger", OFFICER, of_place(&place)).await;
    // The case that the rule opens comes a moment after the third complaint.
    let has_one = |answer: &Value| answer["responsible_bodies"][0]["open_accountability_count"] == json!("1");
    walk.call_until("listResponsibleBodies", SUPERVISOR, nothing(), has_one)
        .await;
    held(walk, &place).await;
}

fn of_place(place: &str) -> RequestParts {
    nothing().with("place", format!("places/{place}"))
}

/// A complaint that staff match, and find to be so.
async fn complained(walk: &mut Walk<'_>, account: &str, shown: &str, place: &str) {
    let about =
        json!({"issue": "PLACE_ISSUE_REFUSING_GREEN", "place": "海边那家酒店", "text": "持绿码仍不让进入"});
    let body = json!({"request_id": request_id(), "place": about, "division": "370202"});
    let number = filed(walk, "/v1/complaints", account, &body, shown).await;
    let of = || nothing().with("case", &number);
    let bound = json!({"request_id": request_id(), "place": format!("places/{place}")});
    walk.call("matchCase", OFFICER, of().and_body(bound)).await;
    walk.call("takeUpCase", OFFICER, of().and_body(action())).await;
    let answer = with(action(), "text", json!("经核查属实，已责令整改"));
    let answer = with(answer, "finding", json!("PLACE_FINDING_CONFIRMED"));
    walk.call("answerCase", OFFICER, of().and_body(answer)).await;
}

/// The case that a rule has opened.
async fn held(walk: &mut Walk<'_>, place: &str) {
    let name = format!("places/{place}");
    let is_opened = |answer: &Value| answer["accountability_cases"][0]["place"] == json!(name);
    let opened = walk.call_until("listOpenedAccountabilityCases", OFFICER, nothing(), is_opened);
    let case = &opened.await["accountability_cases"][0]["accountability_case_id"];
    let case = case.as_str().unwrap().to_owned();
    let of = || nothing().with("accountability_case", &case);
    let own = || of().and_body(json!({"request_id": request_id()}));
    walk.call("takeAccountabilityCase", OFFICER, own()).await;
    let publish = || {
        json!({
            "request_id": request_id(),
            "outcome": "ACCOUNTABILITY_OUTCOME_CORRECTED",
            "summary": "该酒店拒绝持绿码人员进入，已责令整改。",
        })
    };
    walk.call("publishAccountabilityCase", OFFICER, of().and_body(publish()))
        .await;
    walk.call("rejectAccountabilityCase", SUPERVISOR, own()).await;
    walk.call("publishAccountabilityCase", OFFICER, of().and_body(publish()))
        .await;
    walk.call("approveAccountabilityCase", SUPERVISOR, own()).await;
    walk.call("getAccountabilityCase", "", of()).await;
    walk.call("listAccountabilityCases", "", nothing()).await;
    orders(walk).await;
    for (operation, called) in [
        ("openAccountabilityCase", "观海酒店"),
        ("dismissAccountabilityCase", "听海酒店"),
    ] {
        let case = queued(walk, called).await;
        let of = nothing().with("accountability_case", &case);
        let own = of.and_body(json!({"request_id": request_id()}));
        walk.call(operation, SUPERVISOR, own).await;
    }
}

/// Orders of the hotline in bulk, of which one is refused.
async fn orders(walk: &mut Walk<'_>) {
    let order = |number: &str, division: &str| {
        json!({
            "hotline_number": number,
            "city_number": format!("0532-{number}"),
            "division": division,
            "place": {"issue": "PLACE_ISSUE_NOT_CHECKING", "place": "海边那家酒店", "text": "无人查验健康码"},
            "caller": {"name": "王小明", "mobile": "13800138000"},
            "secret_caller": true,
            "repeat_caller": true,
        })
    };
    let body = json!({
        "orders": [order("SD20221126000124", "370202"), order("SD20221126000125", "110101")],
        "purpose": {"code": "PURPOSE_CODE_ASSISTANCE"},
    });
    // Sent before, so that its number has its placeholder.
    let gateway = &walk.mesh.gateway;
    let session = gateway.session(AGENT).await;
    let sent = gateway.call(
        Method::POST,
        "/v1/hotline-orders:import",
        Some(&session),
        Some(body.clone()),
    );
    let answer = sent.await.unwrap().expect();
    let case = answer["outcomes"][0]["case"].as_str().unwrap();
    walk.placeholders
        .note(case.trim_start_matches("cases/"), "SD20221126-5Q9C3HX8");
    walk.call("importHotlineOrders", AGENT, RequestParts::body(body))
        .await;
    let found = read(nothing().with("page_size", "1"));
    walk.call("listHotlineOrders", AGENT, found).await;
}

/// Twenty people call about a place at once: the case waits for a human.
async fn queued(walk: &mut Walk<'_>, called: &str) -> String {
    let body = RequestParts::body(registration(called));
    let place = format!("places/{}", id(&walk.call("createPlace", OFFICER, body).await));
    let gateway = &walk.mesh.gateway;
    let session = gateway.session(AGENT).await;
    for n in 0..20 {
        let order = json!({
            "request_id": request_id(),
            "place": {"issue": "PLACE_ISSUE_REFUSING_GREEN", "place": called, "text": "持绿码仍不让进入"},
            "division": "370202",
            "hotline_number": format!("{called}-{n}"),
            "caller": {"mobile": format!("138001381{n:02}")},
            "purpose": {"code": "PURPOSE_CODE_ASSISTANCE"},
        });
        let entered = gateway.call(Method::POST, "/v1/cases", Some(&session), Some(order));
        entered.await.unwrap().expect();
    }
    let is_queued = |answer: &Value| answer["accountability_cases"][0]["place"] == json!(place);
    let opened = walk.call_until("listOpenedAccountabilityCases", OFFICER, nothing(), is_queued);
    let case = &opened.await["accountability_cases"][0]["accountability_case_id"];
    case.as_str().unwrap().to_owned()
}
