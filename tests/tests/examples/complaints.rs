//! Complaints as cases: filed, handled, followed.

use http::Method;
use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::people::request_id;
use serde_json::{Value, json};

const CITIZEN: &str = "wx-1";
const OFFICER: &str = "officer-1";
const SUPERVISOR: &str = "supervisor-1";
const AGENT: &str = "agent-1";
/// What stands for the tracking numbers of the walk, in their order.
const NUMBERS: [&str; 5] = [
    "SD20221126-3H7W2PK9",
    "SD20221126-9C4T8MZ1",
    "SD20221126-5R2X6QD7",
    "SD20221126-1N8K4GA3",
    "SD20221126-6E3Y7BS5",
];

fn place() -> Value {
    json!({"issue": "PLACE_ISSUE_REFUSING_GREEN", "place": "海景酒店，香港中路1号", "text": "持绿码仍不让进入"})
}

pub fn action() -> Value {
    json!({"request_id": request_id(), "purpose": {"code": "PURPOSE_CODE_COMPLAINT_REVIEW"}})
}

pub fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

fn of(number: &str) -> RequestParts {
    RequestParts::nothing().with("case", number)
}

pub fn read(parts: RequestParts) -> RequestParts {
    parts.with("purpose.code", "PURPOSE_CODE_COMPLAINT_REVIEW")
}

/// Files something, so that its number has its placeholder before an example with it is recorded. Returns the number.
pub async fn filed(walk: &mut Walk<'_>, path: &str, account: &str, body: &Value, shown: &str) -> String {
    let gateway = &walk.mesh.gateway;
    let session = match account {
        "" => None,
        account => Some(gateway.session(account).await),
    };
    let answer = gateway.call(Method::POST, path, session.as_deref(), Some(body.clone()));
    let answer = answer.await.unwrap().expect();
    let number = answer["complaint"]["complaint_id"]
        .as_str()
        .or_else(|| answer["case"]["case_id"].as_str());
    let number = number.unwrap().to_owned();
    walk.placeholders.note(&number, shown);
    number
}

async fn of_place(walk: &mut Walk<'_>, shown: &str) -> String {
    let body = json!({"request_id": request_id(), "place": place(), "division": "370202"});
    filed(walk, "/v1/complaints", CITIZEN, &body, shown).await
}

async fn act(walk: &mut Walk<'_>, id: &str, account: &str, number: &str, body: Value) {
    walk.call(id, account, of(number).and_body(body)).await;
}

pub async fn walk(walk: &mut Walk<'_>) {
    let [first, second, third, fourth, fifth] = NUMBERS;
    let body = json!({"request_id": request_id(), "place": place(), "division": "370202"});
    filed(walk, "/v1/complaints:anonymous", "", &body, fourth).await;
    walk.call("createAnonymousComplaint", "", RequestParts::body(body))
        .await;
    let number = of_place(walk, first).await;
    let assign = with(action(), "division", json!("370202"));
    act(
        walk,
        "assignCase",
        SUPERVISOR,
        &number,
        with(assign, "assignee", json!(OFFICER)),
    )
    .await;
    let reason = |reason: &str| with(action(), "reason", json!(reason));
    act(walk, "takeUpCase", OFFICER, &number, action()).await;
    let extend = with(reason("需现场核查"), "working_days", json!(3));
    act(walk, "extendCase", OFFICER, &number, extend).await;
    let ask = with(action(), "waiting_for", json!("WAITING_FOR_FILER"));
    act(
        walk,
        "askCase",
        OFFICER,
        &number,
        with(ask, "text", json!("请说明发生的时间")),
    )
    .await;
    let own = || RequestParts::nothing().with("complaint", &number);
    let reply = json!({"request_id": request_id(), "text": "昨天上午十点"});
    walk.call("replyComplaint", CITIZEN, own().and_body(reply)).await;
    let answer = || with(action(), "text", json!("已责令该酒店整改"));
    act(walk, "answerCase", OFFICER, &number, answer()).await;
    let reopen = json!({"request_id": request_id(), "reason": "今天仍不让进入"});
    walk.call("reopenComplaint", CITIZEN, own().and_body(reopen))
        .await;
    act(walk, "takeUpCase", OFFICER, &number, action()).await;
    act(walk, "answerCase", OFFICER, &number, answer()).await;
    let solved = json!({"contacted": true, "solved": true, "satisfied": true});
    let rate = json!({"request_id": request_id(), "revisit": solved});
    walk.call("rateComplaint", CITIZEN, own().and_body(rate)).await;
    act(
        walk,
        "reopenCase",
        SUPERVISOR,
        &number,
        reason("群众来电反映问题反复"),
    )
    .await;
    walk.call("getCase", OFFICER, read(of(&number))).await;
    walk.call("listCaseEvents", OFFICER, read(of(&number))).await;
    attachment(walk, &number).await;
    hotline(walk, second, &solved).await;
    let number = of_place(walk, third).await;
    let assign = with(action(), "division", json!("370202"));
    act(walk, "assignCase", SUPERVISOR, &number, assign).await;
    act(walk, "returnCase", OFFICER, &number, reason("该场所不在本区")).await;
    let number = of_place(walk, fifth).await;
    let into = read_number(walk, second);
    let merge = with(reason("同一场所同一事项"), "into", json!(format!("cases/{into}")));
    // The hotline's case is closed: it is done again.
    act(walk, "reopenCase", SUPERVISOR, &into, reason("另有群众反映")).await;
    act(walk, "mergeCase", OFFICER, &number, merge).await;
    // Of a month that is over, in which nothing happened to this mesh.
    walk.call(
        "listPublicNumbers",
        "",
        RequestParts::nothing().with("month", "2022-10"),
    )
    .await;
}

/// A picture of one pixel.
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const PICTURE_BYTES: usize = 70;

/// A picture that the filer adds, and an officer sees.
async fn attachment(walk: &mut Walk<'_>, number: &str) {
    let create = json!({
        "request_id": request_id(),
        "complaint": format!("complaints/{number}"),
        "upload_size": PICTURE_BYTES.to_string(),
    });
    let begun = walk
        .call("createAttachment", CITIZEN, RequestParts::body(create))
        .await;
    let id = begun["attachment"]["attachment_id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let append = json!({"offset": "0", "chunk": PICTURE});
    let named = RequestParts::nothing().with("attachment", &id);
    walk.call("appendAttachment", CITIZEN, named.and_body(append))
        .await;
    let own = RequestParts::nothing().with("complaint", number);
    walk.call("listAttachments", CITIZEN, own).await;
    let create = json!({
        "request_id": request_id(),
        "upload_size": PICTURE_BYTES.to_string(),
        "purpose": {"code": "PURPOSE_CODE_COMPLAINT_REVIEW"},
    });
    let begun = walk
        .call("createCaseAttachment", OFFICER, of(number).and_body(create))
        .await;
    let added = begun["attachment"]["attachment_id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let append =
        json!({"offset": "0", "chunk": PICTURE, "purpose": {"code": "PURPOSE_CODE_COMPLAINT_REVIEW"}});
    let named = RequestParts::nothing().with("attachment", &added);
    walk.call("appendCaseAttachment", OFFICER, named.and_body(append))
        .await;
    walk.call("listCaseAttachments", OFFICER, read(of(number))).await;
    let file = || RequestParts::nothing().with("attachment", &id);
    walk.call("downloadAttachment", CITIZEN, file()).await;
    walk.call("downloadCaseAttachment", OFFICER, read(file())).await;
}

/// The tracking number behind a placeholder.
fn read_number(walk: &Walk<'_>, shown: &str) -> String {
    walk.placeholders.real(shown).unwrap_or_default().to_owned()
}

async fn hotline(walk: &mut Walk<'_>, shown: &str, solved: &Value) {
    let body = json!({
        "request_id": request_id(),
        "place": place(),
        "division": "370202",
        "hotline_number": "QD20221126000123",
        "caller": {"name": "王小明", "mobile": "13800138000"},
        "purpose": {"code": "PURPOSE_CODE_ASSISTANCE"},
    });
    let number = filed(walk, "/v1/cases", AGENT, &body, shown).await;
    walk.call("createCase", AGENT, RequestParts::body(body)).await;
    walk.call("listCases", AGENT, read(RequestParts::nothing())).await;
    let search = json!({"caller": {"mobile": "13800138000"}, "purpose": {"code": "PURPOSE_CODE_ASSISTANCE"}});
    walk.call("listCallerCases", AGENT, RequestParts::body(search))
        .await;
    let answer = || with(action(), "text", json!("已责令该酒店整改"));
    act(walk, "takeUpCase", OFFICER, &number, action()).await;
    act(walk, "answerCase", OFFICER, &number, answer()).await;
    let revisit = with(action(), "revisit", solved.clone());
    act(walk, "revisitCase", AGENT, &number, revisit).await;
    act(
        walk,
        "reopenCase",
        SUPERVISOR,
        &number,
        with(action(), "reason", json!("群众再次来电")),
    )
    .await;
    act(walk, "takeUpCase", OFFICER, &number, action()).await;
    act(walk, "answerCase", OFFICER, &number, answer()).await;
    let close = with(action(), "reason", json!("多次回访未接通"));
    act(walk, "closeCase", OFFICER, &number, close).await;
}
