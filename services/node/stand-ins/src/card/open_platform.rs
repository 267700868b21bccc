//! The health-card open platform.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    BUSY, CARD_APP_ID, CARD_ORGANISATION, CARD_REFUSED, CARD_SECRET, CardHolder, hex, is_in_time, joined,
};
use crate::Shared;
use crate::faults::{self, Fault};

const TOKEN: &str = "/open/rest/auth/HealthCard/HealthOpenAuth/AuthObj/getAppToken";
const OPERATION: &str = "/open/rest/auth/HealthCard/HealthOpenPlatform/ISVOpenObj/{operation}";
/// How long a token lives, in seconds.
const TOKEN_LIFE: i64 = 7_200;
const BAD_SIGNATURE: &str = "10001";
const BAD_TOKEN: &str = "10002";

pub fn routes() -> Router<Shared> {
    Router::new()
        .route(TOKEN, post(token))
        .route(OPERATION, post(operation))
}

fn answer(code: &str, rsp: &Value) -> Response {
    let code: i64 = code.parse().unwrap_or(-1);
    Json(json!({"commonOut": {"resultCode": code, "errMsg": "", "requestId": ""}, "rsp": rsp}))
        .into_response()
}

/// What is wrong with the envelope, if anything is.
fn refused(shared: &Shared, body: &Value) -> Option<Response> {
    let (common, req) = (&body["commonIn"], &body["req"]);
    let text = format!("{}{CARD_SECRET}", joined(&[common, req]));
    let expected = BASE64_STANDARD.encode(Sha256::digest(text));
    let seconds = common["timestamp"].as_str().and_then(|text| text.parse().ok());
    let is_good = common["sign"] == expected
        && common["hospitalId"] == CARD_ORGANISATION
        && is_in_time(seconds, shared.clock.now());
    (!is_good).then(|| answer(BAD_SIGNATURE, &Value::Null))
}

async fn token(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    shared.faults.count("card-token");
    if let Some(fault) = faults::common(&shared.faults).await {
        return fault;
    }
    if let Some(refused) = refused(&shared, &body) {
        return refused;
    }
    if body["req"]["appId"] != CARD_APP_ID {
        return answer(BAD_SIGNATURE, &Value::Null);
    }
    let now = shared.clock.now();
    let mut book = shared.card_book();
    let token = hex(&Sha256::digest(format!("{}{}", now.micros(), book.tokens.len())));
    book.tokens.insert(token.clone(), now.plus_seconds(TOKEN_LIFE));
    answer("0", &json!({"appToken": token, "expiresIn": TOKEN_LIFE}))
}

async fn operation(
    State(shared): State<Shared>,
    Path(operation): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    shared.faults.count("card");
    if let Some(fault) = faults::common(&shared.faults).await {
        return fault;
    }
    if let Some(refused) = refused(&shared, &body) {
        return refused;
    }
    if shared.faults.is_on(Fault::CardBusy) {
        return answer(BUSY, &Value::Null);
    }
    let now = shared.clock.now();
    let mut book = shared.card_book();
    if shared.faults.is_on(Fault::CardTokensLost) {
        book.tokens.clear();
        shared.faults.turn_off(Fault::CardTokensLost);
    }
    let token = body["commonIn"]["appToken"].as_str().unwrap_or_default();
    if book.tokens.get(token).is_none_or(|until| now >= *until) {
        return answer(BAD_TOKEN, &Value::Null);
    }
    let req = &body["req"];
    match operation.as_str() {
        "registerBatchHealthCard" => {
            let item = &req["healthCardItems"][0];
            let document = item["idNumber"].as_str().unwrap_or_default();
            if shared.faults.is_on(Fault::CardRefused) || document.is_empty() {
                return answer(CARD_REFUSED, &Value::Null);
            }
            let document = if shared.faults.is_on(Fault::CardSameNumber) {
                ""
            } else {
                document
            };
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            let number = book.register(CardHolder {
                document: document.to_owned(),
                name: text("name"),
                mobile: text("phone1"),
                address: text("address"),
            });
            let item =
                json!({"idNumber": document, "healthCardId": number, "qrCodeText": format!("{number}:1")});
            answer("0", &json!({ "rspItems": [item] }))
        }
        "verifyQRCode" => {
            let text = req["qrCodeText"].as_str().unwrap_or_default();
            match book.resolve(text, now) {
                Some(number) if req["medicalStep"].is_string() && req["terminalId"].is_string() => {
                    answer("0", &json!({ "healthCardId": number }))
                }
                _ => answer(CARD_REFUSED, &Value::Null),
            }
        }
        "reportHISData" => {
            book.uses.push(req.clone());
            answer("0", &json!({ "result": "0" }))
        }
        _ => answer(CARD_REFUSED, &Value::Null),
    }
}
