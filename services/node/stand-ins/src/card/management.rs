//! The national card-management system, V2.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use cipher::{Block, BlockCipherDecrypt as _, KeyInit as _};
use serde_json::{Value, json};
use sm3::{Digest as _, Sm3};
use sm4::Sm4;

use super::{BUSY, CARD_APP_ID, CARD_REFUSED, CARD_SECRET, CardHolder, hex, is_in_time, joined};
use crate::Shared;
use crate::faults::{self, Fault};

const BAD_SIGNATURE: &str = "10001";

pub fn routes() -> Router<Shared> {
    Router::new().route("/management/api/do", post(serve))
}

fn answer(code: &str, datas: &Value) -> Response {
    Json(json!({"returnCode": code, "returnDesc": "", "msg": "", "datas": datas})).into_response()
}

fn sign(part: &Value) -> String {
    hex(Sm3::digest(format!("{}{CARD_SECRET}", joined(&[part]))).as_slice())
}

/// A personal field, opened.
fn open(sealed: &Value) -> Option<String> {
    let digits = sealed.as_str()?.as_bytes();
    let bytes = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    let mut bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
    let key = Sm4::new_from_slice(CARD_SECRET.as_bytes().get(..16)?).ok()?;
    for chunk in bytes.chunks_exact_mut(16) {
        let mut block = Block::<Sm4>::default();
        block.copy_from_slice(chunk);
        key.decrypt_block(&mut block);
        chunk.copy_from_slice(&block);
    }
    let text = String::from_utf8(bytes).ok()?;
    Some(text.trim_end_matches('\0').to_owned())
}

/// What a message says of a person, unless a field of it cannot be opened.
fn holder(body: &Value) -> Option<CardHolder> {
    Some(CardHolder {
        document: open(&body["idCode"])?,
        name: open(&body["name"])?,
        mobile: open(&body["phone"])?,
        address: open(&body["currentAddress"])?,
    })
}

fn is_signed(shared: &Shared, message: &Value) -> bool {
    let mut head = message.clone();
    let Some(fields) = head.as_object_mut() else {
        return false;
    };
    for name in ["headSign", "bodySign", "body"] {
        fields.remove(name);
    }
    let seconds = open(&message["timestamp"]).and_then(|text| text.parse().ok());
    message["headSign"] == sign(&head)
        && message["bodySign"] == sign(&message["body"])
        && message["appId"] == CARD_APP_ID
        && is_in_time(seconds, shared.clock.now())
}

async fn serve(State(shared): State<Shared>, Json(message): Json<Value>) -> Response {
    shared.faults.count("card");
    if let Some(fault) = faults::common(&shared.faults).await {
        return fault;
    }
    if !is_signed(&shared, &message) {
        return answer(BAD_SIGNATURE, &Value::Null);
    }
    if shared.faults.is_on(Fault::CardBusy) {
        return answer(BUSY, &Value::Null);
    }
    let (now, body) = (shared.clock.now(), &message["body"]);
    let mut book = shared.card_book();
    match message["method"].as_str() {
        Some("createVmcardQRcode") => match holder(body) {
            Some(holder) if !shared.faults.is_on(Fault::CardRefused) => {
                let number = book.register(holder);
                // One province answers `0`, another `000`.
                answer("000", &json!({ "qrCode": format!("{number}:1") }))
            }
            _ => answer(CARD_REFUSED, &Value::Null),
        },
        Some("modifyVmcardInfo") => match (body["erhcCardNo"].as_str(), holder(body)) {
            (Some(number), Some(holder))
                if !shared.faults.is_on(Fault::CardRefused) && book.modify(number, &holder) =>
            {
                answer("000", &Value::Null)
            }
            _ => answer(CARD_REFUSED, &Value::Null),
        },
        Some("getPersonInfoByQrCode") => {
            let text = body["qrCode"].as_str().unwrap_or_default();
            match book.resolve(text, now) {
                Some(number) if body["medStepCode"].is_string() && body["terminalCode"].is_string() => {
                    answer("0", &json!({ "erhcCardNo": number }))
                }
                _ => answer(CARD_REFUSED, &Value::Null),
            }
        }
        _ => answer(CARD_REFUSED, &Value::Null),
    }
}
