//! Calls of citizens and doors.

use lutong_kernel::Colour;
use lutong_kernel::document::check_character;
use lutong_tests::examples::{RequestParts, Walk};
use lutong_tests::instants::now;
use lutong_tests::people::request_id;
use lutong_token::{Claims, Issuer};
use serde_json::{Value, json};

/// The example number of GB 11643.
pub const NUMBER: &str = "11010519491231002X";
const CITIZEN: &str = "wx-1";
const OFFICER: &str = "officer-1";

/// A resident number with its check character.
pub fn number(sequence: u32) -> String {
    let digits = format!("37020219900101{sequence:03}");
    format!("{digits}{}", check_character(digits.as_bytes()).unwrap())
}

pub fn document(number: &str) -> Value {
    json!({"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": number})
}

pub fn form(number: &str) -> Value {
    let yesterday = now().local_day().plus_days(-1).to_string();
    json!({
        "person": {
            "full_name": "王小明",
            "document": document(number),
            "mobile": "13800138000",
            "nationality": "CHN",
            "home_address": {"division": "370202", "detail": "香港中路1号"},
        },
        "contact_history": [
            {"contact_date": yesterday, "type": "CONTACT_TYPE_AREA_STAY", "division": "370203", "community": "某小区"},
        ],
        "commitment": {"accepted": true, "text_version": "2020-02"},
    })
}

pub async fn applied(walk: &mut Walk<'_>, account: &str, number: &str) -> Value {
    let body = json!({"request_id": request_id(), "form": form(number)});
    let answer = walk
        .call("createApplication", account, RequestParts::body(body))
        .await;
    answer["application"].clone()
}

/// Runs the calls; returns the citizen's subject.
pub async fn walk(walk: &mut Walk<'_>) -> String {
    let sign_in = RequestParts::body(json!({"account_id": CITIZEN}));
    walk.call("createDevSession", "", sign_in).await;
    let asked = json!({"request_id": request_id(), "mobile": "13800138000", "purpose": "ONE_TIME_CODE_PURPOSE_APPLY"});
    walk.call("createOneTimeCode", CITIZEN, RequestParts::body(asked))
        .await;
    let application = applied(walk, CITIZEN, NUMBER).await;
    let id = application["application_id"].as_str().unwrap();
    let get = RequestParts::nothing().with("application", id);
    walk.call("getApplication", CITIZEN, get).await;
    walk.call("listApplications", CITIZEN, RequestParts::nothing())
        .await;
    let subject = application["subject_id"].as_str().unwrap().to_owned();
    keys(walk).await;
    code(walk).await;
    complaints(walk).await;
    commitments(walk).await;
    daily_reports(walk).await;
    arrivals(walk).await;
    bindings(walk).await;
    subject
}

fn binding(number: &str) -> Value {
    json!({
        "request_id": request_id(),
        "relation": "BINDING_RELATION_PARENT",
        "full_name": "王小明",
        "document": document(number),
    })
}

/// A citizen binds somebody who consents, and somebody whom a counter confirms. Adults: when a minor comes of age depends on today.
async fn bindings(walk: &mut Walk<'_>) {
    applied(walk, "wx-family", &number(71)).await;
    let asked = RequestParts::body(binding(&number(71)));
    let made = walk.call("createBinding", CITIZEN, asked).await["binding"].clone();
    let id = made["binding_id"].as_str().unwrap().to_owned();
    let consent = RequestParts::body(json!({"request_id": request_id()})).with("binding", &id);
    walk.call("consentBinding", "wx-family", consent).await;
    let get = RequestParts::nothing().with("binding", &id);
    walk.call("getBinding", CITIZEN, get).await;
    walk.call("listBindings", CITIZEN, RequestParts::nothing()).await;
    let end = RequestParts::body(json!({"request_id": request_id()})).with("binding", &id);
    walk.call("endBinding", CITIZEN, end).await;
    let waits = ask(walk, binding(&number(72))).await;
    let confirm = json!({
        "request_id": request_id(),
        "document": document(&number(72)),
        "purpose": {"code": "PURPOSE_CODE_ASSISTANCE", "reference": ""},
    });
    let confirm = RequestParts::body(confirm).with("binding", &waits);
    walk.call("confirmBinding", "counter-1", confirm).await;
    let application = json!({
        "request_id": request_id(),
        "binding": format!("bindings/{waits}"),
        "contact_history": [],
        "commitment": {"accepted": true, "text_version": "2020-02"},
    });
    let application = RequestParts::body(application);
    let made = walk.call("createWardApplication", CITIZEN, application).await;
    let id = made["ward_application"]["ward_application_id"].as_str().unwrap();
    let get = RequestParts::nothing().with("ward_application", id);
    walk.call("getWardApplication", CITIZEN, get).await;
    walk.call("listWardApplications", CITIZEN, RequestParts::nothing())
        .await;
}

/// Asks for a binding that is no example; returns its id.
async fn ask(walk: &Walk<'_>, asked: Value) -> String {
    let session = walk.mesh.gateway.session(CITIZEN).await;
    let gateway = &walk.mesh.gateway;
    let answer = gateway.call(http::Method::POST, "/v1/bindings", Some(&session), Some(asked));
    let answer = answer.await.unwrap().expect();
    answer["binding"]["binding_id"].as_str().unwrap().to_owned()
}

async fn keys(walk: &mut Walk<'_>) {
    let session = walk.mesh.gateway.call(http::Method::GET, "/v1/keys", None, None);
    let keys = session.await.unwrap().expect();
    let key = &keys["keys"][0];
    let (id, public) = (
        key["key_id"].as_str().unwrap(),
        key["public_key"].as_str().unwrap(),
    );
    walk.placeholders.note(id, "37-1");
    // Another value of the same length: zeros.
    let zeros: String = public.chars().map(|c| if c == '=' { c } else { 'A' }).collect();
    walk.placeholders.note(public, &zeros);
    walk.call("listKeys", "", RequestParts::nothing()).await;
    walk.call("getKey", "", RequestParts::nothing().with("key", id))
        .await;
}

async fn code(walk: &mut Walk<'_>) {
    let svg = RequestParts::nothing().with("image_format", "IMAGE_FORMAT_SVG");
    let code = walk.call("showCode", CITIZEN, svg).await;
    let verify = RequestParts::body(json!({"token": code["token"]}));
    walk.call("verifyToken", "checkpoint-1", verify).await;
}

/// A person reads their own decisions.
pub async fn decisions(walk: &mut Walk<'_>, subject: &str) {
    walk.call("getDecision2", CITIZEN, RequestParts::nothing()).await;
    let of_subject = RequestParts::nothing()
        .with("subject", subject)
        .with("decision", "2");
    walk.call("getDecision", CITIZEN, of_subject).await;
    walk.call("listDecisions2", CITIZEN, RequestParts::nothing())
        .await;
    let of_subject = RequestParts::nothing().with("subject_id", subject);
    walk.call("listDecisions", CITIZEN, of_subject).await;
}

async fn complaints(walk: &mut Walk<'_>) {
    let feedback = json!({"category": "FEEDBACK_CATEGORY_TECHNICAL", "text": "健康码打不开"});
    let body = json!({"request_id": request_id(), "feedback": feedback});
    let sent = walk.mesh.gateway.session(CITIZEN).await;
    // The number gets its placeholder before the first example with it is recorded.
    let filed = walk.mesh.gateway.call(
        http::Method::POST,
        "/v1/complaints",
        Some(&sent),
        Some(body.clone()),
    );
    let filed = filed.await.unwrap().expect();
    let id = filed["complaint"]["complaint_id"].as_str().unwrap();
    walk.placeholders.note(id, "SD20221126-7K3M9QX2");
    walk.call("createComplaint", CITIZEN, RequestParts::body(body))
        .await;
    walk.call("listComplaints", CITIZEN, RequestParts::nothing())
        .await;
    walk.call(
        "getComplaint",
        CITIZEN,
        RequestParts::nothing().with("complaint", id),
    )
    .await;
}

async fn arrivals(walk: &mut Walk<'_>) {
    let jiangsu = Issuer::parse("32").unwrap();
    let claims = Claims::dynamic(jiangsu, now(), [7; 24], Colour::Green, None).unwrap();
    let token = walk.mesh.partner.sign(&claims).unwrap();
    let arrival = json!({
        "application": form(&number(1)),
        "partner_code": {"token": token},
        "destination": {"division": "370202", "detail": "香港中路1号"},
    });
    let body = json!({"request_id": request_id(), "form": arrival});
    walk.placeholders
        .note(&walk.mesh.partner.kid().to_string(), "32-1");
    let answer = walk.call("createArrival", "wx-2", RequestParts::body(body)).await;
    let arrival = &answer["arrival"];
    let id = arrival["arrival_id"].as_str().unwrap();
    walk.call("getArrival", "wx-2", RequestParts::nothing().with("arrival", id))
        .await;
    walk.call("listArrivals", "wx-2", RequestParts::nothing()).await;
    let there = RequestParts::nothing()
        .with("division", "370202")
        .with("purpose.code", "PURPOSE_CODE_MANAGEMENT");
    let is_listed = |answer: &Value| !answer["arrivals"].as_array().unwrap().is_empty();
    walk.call_until("inspectArrivals", OFFICER, there, is_listed)
        .await;
}

async fn commitments(walk: &mut Walk<'_>) {
    walk.call("listCommitments", "", RequestParts::nothing()).await;
    let latest = RequestParts::nothing().with("commitment", "latest");
    walk.call("getCommitment", "", latest).await;
}

async fn daily_reports(walk: &mut Walk<'_>) {
    let report = json!({"request_id": request_id(), "report_date": now().local_day().to_string(),
        "symptoms": [], "temperature_c": 36.5, "cleared": false});
    let answer = walk
        .call("createDailyReport", CITIZEN, RequestParts::body(report))
        .await;
    let id = answer["daily_report"]["daily_report_id"].as_str().unwrap();
    let get = RequestParts::nothing().with("daily_report", id);
    walk.call("getDailyReport", CITIZEN, get).await;
    walk.call("listDailyReports", CITIZEN, RequestParts::nothing())
        .await;
}
