//! Gateways where a person's health code is asked: the national government-service platform and the national data-exchange platform, TIF, and a
//! provincial platform with tiers of secrets. Each verifies its signature with code of its own.

use std::collections::HashMap;

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt as _, KeyInit as _};
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, StatusCode};
use lutong_kernel::Timestamp;
use md5::{Digest as _, Md5};
use ring::hmac;
use serde_json::{Value, json};

use crate::faults::{self, Fault};
use crate::people::PEOPLE;
use crate::{Shared, StandIns};

/// As whom this system asks: rid, paasid or appKey.
pub const NATIONAL_REQUESTER: &str = "370000-rid";
/// The interface that is asked (sid).
pub const NATIONAL_SERVICE: &str = "sid-health-code";
/// What signs, or fetches what signs; its sixteen bytes open a fetched secret.
pub const NATIONAL_SECRET: &str = "stand-in-nat-key";

/// A fetched secret lives so long, in seconds.
const SECRET_LIFE: i64 = 900;
/// A refresh secret lives so long, in seconds.
const REFRESH_LIFE: i64 = 172_800;
/// A time is taken so near, in seconds.
const WINDOW: i64 = 180;

/// What the gateways know.
#[derive(Default)]
pub(crate) struct NationalBook {
    /// By number: the report, in place of what it is by default.
    reports: HashMap<String, Value>,
    /// By secret: until when it signs.
    secrets: HashMap<String, Timestamp>,
    /// By refresh secret: until when it fetches.
    refresh: HashMap<String, Timestamp>,
    given: u64,
}

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/{profile}/query", post(query))
        .route("/{profile}/secret", post(secret))
}

impl NationalBook {
    fn give(&mut self, until: Timestamp) -> String {
        self.given += 1;
        let secret = format!("request-secret-{}", self.given);
        self.secrets.insert(secret.clone(), until);
        secret
    }
}

impl StandIns {
    /// The gateways answer this about whoever has this number from now on.
    pub fn national_says(&self, number: &str, report: Value) {
        self.shared
            .national_book()
            .reports
            .insert(number.to_owned(), report);
    }
}

/// The gateway's clock.
fn now(shared: &Shared) -> Timestamp {
    let ahead = if shared.faults.is_on(Fault::NationalClockAhead) {
        3_600
    } else {
        0
    };
    shared.clock.now().plus_seconds(ahead)
}

async fn query(
    State(shared): State<Shared>,
    Path(profile): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    shared.faults.count("national");
    if let Some(fault) = faults::common(&shared.faults).await {
        return fault;
    }
    if let Some(fault) = fault_of(&shared, &profile) {
        return fault;
    }
    let known = known_secrets(&shared, &profile);
    if !known
        .iter()
        .any(|secret| is_signed(&shared, &profile, &headers, secret))
    {
        return refused(&profile, StatusCode::OK, "interface-401");
    }
    let member = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    if [member("name"), member("cardtype"), member("cardno")]
        .iter()
        .any(String::is_empty)
    {
        return refused(&profile, StatusCode::OK, "interface-400");
    }
    let said = shared.national_book().reports.get(&member("cardno")).cloned();
    let Some(report) = said.or_else(|| usual(&profile, &member("cardno"))) else {
        return refused(&profile, StatusCode::OK, "interface-404");
    };
    if shared.faults.is_on(Fault::NationalNested) {
        let inside = json!({"data": {"content": report.to_string()}}).to_string();
        return good(&profile, &json!({ "data": inside }));
    }
    good(&profile, &json!(report.to_string()))
}

fn fault_of(shared: &Shared, profile: &str) -> Option<Response> {
    let is_on = |fault| shared.faults.is_on(fault);
    if is_on(Fault::NationalThrottledByStatus) {
        return Some(StatusCode::TOO_MANY_REQUESTS.into_response());
    }
    if is_on(Fault::NationalThrottled) {
        let code = if profile == "app-secret-tiers" {
            "18"
        } else {
            "interface-429"
        };
        return Some(refused(profile, StatusCode::OK, code));
    }
    if is_on(Fault::NationalRefuses) {
        return Some(refused(profile, StatusCode::INTERNAL_SERVER_ERROR, "400001"));
    }
    if is_on(Fault::NationalForbidden) {
        return Some(refused(profile, StatusCode::OK, "E-106"));
    }
    if is_on(Fault::NationalEmpty) {
        return Some(good(profile, &Value::Null));
    }
    is_on(Fault::NationalHuge).then(|| "x".repeat(200_000).into_response())
}

/// What signs requests to a gateway now.
fn known_secrets(shared: &Shared, profile: &str) -> Vec<String> {
    if matches!(profile, "government-platform" | "tif") {
        return vec![NATIONAL_SECRET.to_owned()];
    }
    let at = now(shared);
    let mut book = shared.national_book();
    if shared.faults.is_on(Fault::NationalSecretsLost) {
        book.secrets.clear();
        book.refresh.clear();
        shared.faults.turn_off(Fault::NationalSecretsLost);
    }
    let good = book.secrets.iter().filter(|(_, until)| at < **until);
    good.map(|(secret, _)| secret.clone()).collect()
}

/// Whether the headers are signed with this secret, now.
fn is_signed(shared: &Shared, profile: &str, headers: &HeaderMap, secret: &str) -> bool {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let prefix = if profile == "data-exchange" {
        "gjgxjhpt"
    } else {
        "gjzwfwpt"
    };
    let (requester, time, divisor, signature, expected) = match profile {
        "tif" => {
            let (time, nonce) = (header("x-tif-timestamp"), header("x-tif-nonce"));
            let signed = [time, secret, nonce, time].concat();
            let digest = ring::digest::digest(&ring::digest::SHA256, signed.as_bytes());
            let expected = hex(digest.as_ref()).to_uppercase();
            (
                header("x-tif-paasid"),
                time,
                1,
                header("x-tif-signature"),
                expected,
            )
        }
        "app-secret-tiers" => {
            let time = header("requesttime");
            let expected = md5([NATIONAL_REQUESTER, secret, time]);
            (header("appkey"), time, 1_000, header("sign"), expected)
        }
        _ => {
            let field = |name: &str| header(&format!("{prefix}_{name}")).to_owned();
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            let signed = format!("{NATIONAL_SERVICE}{NATIONAL_REQUESTER}{}", field("rtime"));
            let expected = BASE64_STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
            if field("sid") != NATIONAL_SERVICE {
                return false;
            }
            (
                header(&format!("{prefix}_rid")),
                header(&format!("{prefix}_rtime")),
                1_000,
                header(&format!("{prefix}_sign")),
                expected,
            )
        }
    };
    let sent = time.parse::<i64>().map(|time| time / divisor);
    let is_now = sent.is_ok_and(|sent| (now(shared).seconds() - sent).abs() <= WINDOW);
    requester == NATIONAL_REQUESTER && is_now && signature == expected
}

async fn secret(
    State(shared): State<Shared>,
    Path(profile): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    shared.faults.count("national-secret");
    if let Some(fault) = faults::common(&shared.faults).await {
        return fault;
    }
    let at = now(&shared);
    let until = at.plus_seconds(SECRET_LIFE);
    if profile == "data-exchange" {
        if !is_signed(&shared, &profile, &headers, NATIONAL_SECRET) {
            return refused(&profile, StatusCode::OK, "E-105");
        }
        let sealed = BASE64_STANDARD.encode(seal(&shared.national_book().give(until)));
        return good(
            &profile,
            &json!({"secret": sealed, "secretEndTime": until.millis()}),
        );
    }
    let time = body["requestTime"].as_str().unwrap_or_default();
    let mut book = shared.national_book();
    let fetching: Vec<String> = if body["by"] == "secret" {
        let good = book.refresh.iter().filter(|(_, until)| at < **until);
        good.map(|(secret, _)| secret.clone()).collect()
    } else {
        vec![NATIONAL_SECRET.to_owned()]
    };
    let is_good = |secret: &String| body["sign"] == md5([NATIONAL_REQUESTER, secret, time]);
    if !fetching.iter().any(is_good) {
        return refused(&profile, StatusCode::OK, "14");
    }
    let request = book.give(until);
    let refresh = format!("refresh-secret-{}", book.given);
    let refresh_until = at.plus_seconds(REFRESH_LIFE);
    book.refresh.insert(refresh.clone(), refresh_until);
    good(
        &profile,
        &json!({
            "requestSecret": request, "requestSecretEndTime": until.millis().to_string(),
            "refreshSecret": refresh, "refreshSecretEndTime": refresh_until.millis().to_string(),
        }),
    )
}

fn good(profile: &str, data: &Value) -> Response {
    Json(match profile {
        "data-exchange" => json!({"code": "0", "message": "ok", "data": data}),
        "tif" => json!({"errcode": 0, "errmsg": "", "data": data}),
        "app-secret-tiers" => json!({"code": "00", "msg": "成功", "datas": data}),
        _ => json!({"code": 200, "message": "ok", "data": data}),
    })
    .into_response()
}

/// A refusal is an answer with a code, most often with the status of a good one.
fn refused(profile: &str, status: StatusCode, code: &str) -> Response {
    let answer = match profile {
        "tif" => json!({"errcode": code, "errmsg": "refused"}),
        _ => json!({"code": code, "message": "refused", "data": null}),
    };
    (status, Json(answer)).into_response()
}

/// What is known of the people of the stand-ins: 王小明 is green in Jiangsu, 李华 there too, and yellow in Shanghai.
fn usual(profile: &str, number: &str) -> Option<Value> {
    let person = PEOPLE.iter().find(|person| person.resident_id == number)?;
    let is_words = profile == "app-secret-tiers";
    let record = |province: &str, value: &str, word: &str, day: &str| {
        json!({
            "provinceCode": province, "city": "", "mlx": "居民码", "hmcmyy": "",
            // Spelt as on the wire.
            "healthyStaus": if is_words { word } else { value },
            "scffsj": "2020-03-01 09:00:00", "zjgxsj": format!("{day} 08:00:00"),
        })
    };
    let mut records = vec![record("320000", "00", "绿码", "2022-11-25")];
    if person.id == "li" {
        records.push(record("310000", "01", "黄码", "2022-11-26"));
    }
    let last = person.full_name.chars().next_back()?;
    let stars = "*".repeat(person.full_name.chars().count() - 1);
    Some(json!({
        "person": {"desensitizeName": format!("{stars}{last}"), "desensitizeCardId": mask(number)},
        "healthyReport": records,
    }))
}

/// The first four and the last four characters.
fn mask(number: &str) -> String {
    let length = number.chars().count();
    let shown = |(place, c)| if place < 4 || length - 4 <= place { c } else { '*' };
    number.chars().enumerate().map(shown).collect()
}

fn md5(parts: [&str; 3]) -> String {
    hex(&Md5::digest(parts.concat().as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    crate::card::hex(bytes).to_lowercase()
}

/// AES in ECB mode with PKCS #7, under the app key.
fn seal(secret: &str) -> Vec<u8> {
    let cipher = Aes128::new(&Array::try_from(NATIONAL_SECRET.as_bytes()).unwrap_or_default());
    let padding = 16 - secret.len() % 16;
    let mut plain = secret.as_bytes().to_vec();
    plain.extend(std::iter::repeat_n(u8::try_from(padding).unwrap_or(16), padding));
    for chunk in plain.chunks_mut(16) {
        let mut block = Array::default();
        block.copy_from_slice(chunk);
        cipher.encrypt_block(&mut block);
        chunk.copy_from_slice(&block);
    }
    plain
}
