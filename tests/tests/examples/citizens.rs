//! What citizens and doors do.

use lutong_kernel::Colour;
use lutong_kernel::document::check_character;
use lutong_tests::examples::{Sent, Walk};
use lutong_tests::instants::now;
use lutong_tests::people::request_id;
use lutong_token::{Claims, Issuer};
use serde_json::{Value, json};

/// The resident number that the standard gives as its example.
pub const NUMBER: &str = "11010519491231002X";
const CITIZEN: &str = "wx-1";

/// Somebody's resident number, with its check character.
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
    let answer = walk.call("createApplication", account, Sent::body(body)).await;
    answer["application"].clone()
}

/// The subject of the one who did all this.
pub async fn walk(walk: &mut Walk<'_>) -> String {
    let sign_in = Sent::body(json!({"account_id": CITIZEN}));
    walk.call("createDevSession", "", sign_in).await;
    let application = applied(walk, CITIZEN, NUMBER).await;
    let id = application["application_id"].as_str().unwrap();
    let get = Sent::nothing().with("application", id);
    walk.call("getApplication", CITIZEN, get).await;
    walk.call("listApplications", CITIZEN, Sent::nothing()).await;
    let subject = application["subject_id"].as_str().unwrap().to_owned();
    keys(walk).await;
    code(walk).await;
    complaints(walk).await;
    arrivals(walk).await;
    subject
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
    // Another of the same length: zeros.
    let zeros: String = public.chars().map(|c| if c == '=' { c } else { 'A' }).collect();
    walk.placeholders.note(public, &zeros);
    walk.call("listKeys", "", Sent::nothing()).await;
    walk.call("getKey", "", Sent::nothing().with("key", id)).await;
}

async fn code(walk: &mut Walk<'_>) {
    let svg = Sent::nothing().with("image_format", "IMAGE_FORMAT_SVG");
    let code = walk.call("showCode", CITIZEN, svg).await;
    let verify = Sent::body(json!({"token": code["token"]}));
    walk.call("verifyToken", "checkpoint-1", verify).await;
}

/// What a person reads of the own colour, and why it is so.
pub async fn decisions(walk: &mut Walk<'_>, subject: &str) {
    walk.call("getDecision2", CITIZEN, Sent::nothing()).await;
    let of_subject = Sent::nothing().with("subject", subject).with("decision", "2");
    walk.call("getDecision", CITIZEN, of_subject).await;
    walk.call("listDecisions2", CITIZEN, Sent::nothing()).await;
    let of_subject = Sent::nothing().with("subject_id", subject);
    walk.call("listDecisions", CITIZEN, of_subject).await;
}

async fn complaints(walk: &mut Walk<'_>) {
    let feedback = json!({"category": "FEEDBACK_CATEGORY_TECHNICAL", "text": "健康码打不开"});
    let body = json!({"request_id": request_id(), "feedback": feedback});
    let sent = walk.mesh.gateway.session(CITIZEN).await;
    // Its number is noted before it is first written down.
    let filed = walk.mesh.gateway.call(
        http::Method::POST,
        "/v1/complaints",
        Some(&sent),
        Some(body.clone()),
    );
    let filed = filed.await.unwrap().expect();
    let id = filed["complaint"]["complaint_id"].as_str().unwrap();
    walk.placeholders.note(id, "SD20221126-7K3M9QX2");
    walk.call("createComplaint", CITIZEN, Sent::body(body)).await;
    walk.call("listComplaints", CITIZEN, Sent::nothing()).await;
    walk.call("getComplaint", CITIZEN, Sent::nothing().with("complaint", id))
        .await;
}

async fn arrivals(walk: &mut Walk<'_>) {
    let jiangsu = Issuer::parse("32").unwrap();
    let claims = Claims::dynamic(jiangsu, now(), [7; 24], Colour::Green, None).unwrap();
    let token = walk.mesh.partner.sign(&claims).unwrap();
    let arrival = json!({"application": form(&number(1)), "partner_code": {"token": token}});
    let body = json!({"request_id": request_id(), "form": arrival});
    walk.placeholders
        .note(&walk.mesh.partner.kid().to_string(), "32-1");
    let answer = walk.call("createArrival", "wx-2", Sent::body(body)).await;
    let arrival = &answer["arrival"];
    let id = arrival["arrival_id"].as_str().unwrap();
    walk.call("getArrival", "wx-2", Sent::nothing().with("arrival", id))
        .await;
    walk.call("listArrivals", "wx-2", Sent::nothing()).await;
}
