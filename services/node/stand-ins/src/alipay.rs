//! Alipay's gateway: verifies the application's signature, answers with its own over the raw text.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header;
use lutong_kernel::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::json;

use crate::consent::{Decision, back, decide};
use crate::faults::{self, Fault};
use crate::{ALIPAY_APP_ID, Shared};

/// The application's key; the product signs with it.
pub const APP_PRIVATE_KEY: &str = include_str!("../keys/app.private.pem");
pub const APP_PUBLIC_KEY: &str = include_str!("../keys/app.public.pem");
/// Alipay's key; the product verifies with the public half.
const ALIPAY_PRIVATE_KEY: &str = include_str!("../keys/alipay.private.pem");
pub const ALIPAY_PUBLIC_KEY: &str = include_str!("../keys/alipay.public.pem");

const RESPONSE: &str = "alipay_system_oauth_token_response";
const ERROR: &str = "error_response";
/// How far a request's time may be from ours.
const WINDOW: Duration = Duration::from_secs(600);

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/authorize", get(authorize))
        .route("/gateway.do", post(gateway))
}

pub(crate) fn der(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(lines).unwrap_or_default()
}

fn sign(private: &str, text: &str) -> String {
    // The keys are in this crate: each is one.
    let Ok(pair) = RsaKeyPair::from_pkcs8(&der(private)) else {
        return String::new();
    };
    let mut signature = vec![0; pair.public().modulus_len()];
    let signed = pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    );
    signed.map_or_else(|_| String::new(), |()| STANDARD.encode(signature))
}

/// An answer of the gateway: a member with its text, and Alipay's signature over exactly that text.
pub fn signed(member: &str, text: &str) -> String {
    format!(
        r#"{{"{member}":{text},"sign":"{}"}}"#,
        sign(ALIPAY_PRIVATE_KEY, text)
    )
}

fn is_signed(parameters: &BTreeMap<String, String>) -> bool {
    let pairs: Vec<_> = parameters
        .iter()
        .filter(|(name, value)| *name != "sign" && !value.is_empty())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let signature = parameters.get("sign").and_then(|sign| STANDARD.decode(sign).ok());
    let spki = der(APP_PUBLIC_KEY);
    let key = spki::SubjectPublicKeyInfoRef::try_from(&*spki)
        .ok()
        .and_then(|info| info.subject_public_key.as_bytes().map(<[u8]>::to_vec));
    let (Some(signature), Some(key)) = (signature, key) else {
        return false;
    };
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
    key.verify(pairs.join("&").as_bytes(), &signature).is_ok()
}

async fn authorize(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let given: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let value = |name: &str| given.get(name).map_or("", String::as_str);
    match decide("支付宝登录（替身）", &query) {
        Decision::Undecided(page) => page,
        Decision::Declined => back(value("redirect_uri"), &[("state", value("state"))]),
        Decision::Agreed(person) => {
            let code = shared.codes.issue(person.id, "", "");
            let parameters = [
                ("app_id", value("app_id")),
                ("source", "alipay_wallet"),
                ("scope", value("scope")),
                ("auth_code", &code),
                ("state", value("state")),
            ];
            back(value("redirect_uri"), &parameters)
        }
    }
}

async fn gateway(State(shared): State<Shared>, RawQuery(query): RawQuery, body: String) -> Response {
    shared.faults.count("alipay");
    if let Some(fault) = faults::common(&shared.faults).await {
        return fault;
    }
    let query = query.unwrap_or_default();
    let parameters = |text: &str| {
        form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .collect::<Vec<_>>()
    };
    let given: BTreeMap<String, String> = parameters(&query).into_iter().chain(parameters(&body)).collect();
    let answer = answer(&shared, &given);
    let answer = if shared.faults.is_on(Fault::AlipayUnsigned) {
        answer
            .split_once(r#","sign":"#)
            .map_or(answer.clone(), |(head, _)| format!("{head}}}"))
    } else {
        answer
    };
    ([(header::CONTENT_TYPE, "text/html;charset=utf-8")], answer).into_response()
}

fn answer(shared: &Shared, given: &BTreeMap<String, String>) -> String {
    let value = |name: &str| given.get(name).map_or("", String::as_str);
    let error = |code: &str, sub_code: &str, sub_msg: &str| {
        let text =
            json!({"code": code, "msg": "Invalid Arguments", "sub_code": sub_code, "sub_msg": sub_msg});
        signed(ERROR, &text.to_string())
    };
    if value("app_id") != ALIPAY_APP_ID {
        return error("40002", "isv.invalid-app-id", "无效的AppID参数");
    }
    if value("sign_type") != "RSA2" || !is_signed(given) {
        return error("40002", "isv.invalid-signature", &format!("验签出错, {given:?}"));
    }
    if !is_in_time(value("timestamp"), shared.clock.now()) {
        return error("40002", "isv.invalid-timestamp", "非法的时间戳参数");
    }
    if value("method") != "alipay.system.oauth.token" || value("grant_type") != "authorization_code" {
        return error("40002", "isv.grant-type-invalid", "grant_type");
    }
    let Ok(grant) = shared.codes.redeem(value("code")) else {
        return error("40002", "isv.code-invalid", "授权码code无效");
    };
    let id = if shared.faults.is_on(Fault::AlipayOpenId) {
        format!(r#""open_id":"open-{}""#, grant.person)
    } else {
        format!(r#""user_id":"2088-{}""#, grant.person)
    };
    let text = format!(
        r#"{{{id},"access_token":"A","expires_in":"3600","refresh_token":"R","re_expires_in":3600,"avatar":"https:\/\/a.example"}}"#
    );
    if shared.faults.is_on(Fault::AlipayWrongKey) {
        return format!(
            r#"{{"{RESPONSE}":{text},"sign":"{}"}}"#,
            sign(APP_PRIVATE_KEY, &text)
        );
    }
    if shared.faults.is_on(Fault::AlipayReordered) {
        let reordered = text.replacen('{', r#"{"auth_start":"2022-11-26 09:00:00","#, 1);
        return format!(
            r#"{{"{RESPONSE}":{reordered},"sign":"{}"}}"#,
            sign(ALIPAY_PRIVATE_KEY, &text)
        );
    }
    signed(RESPONSE, &text)
}

fn is_in_time(text: &str, now: Timestamp) -> bool {
    let instant = Timestamp::parse(&format!("{}+08:00", text.replace(' ', "T")));
    instant.is_ok_and(|at| now.since(at) <= WINDOW && at.since(now) <= WINDOW)
}
