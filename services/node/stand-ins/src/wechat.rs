//! WeChat: errors with status 200 as `text/plain`, and a link whose parameters are in one order only.

use axum::Router;
use axum::extract::{Query, RawQuery, State};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::codes::CodeError;
use crate::consent::{Decision, back, decide};
use crate::faults::Fault;
use crate::{APP_ID, SECRET, Shared};

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/connect/oauth2/authorize", get(authorize))
        .route("/sns/oauth2/access_token", get(access_token))
        .route("/sns/jscode2session", get(session))
}

/// The names of the parameters, in WeChat's order; more may follow.
const ORDER: [&str; 5] = ["appid", "redirect_uri", "response_type", "scope", "state"];

async fn authorize(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let is_ordered =
        pairs.len() >= ORDER.len() && pairs.iter().zip(ORDER).all(|((name, _), wanted)| name == wanted);
    if !is_ordered {
        return shown(10_013, "parameters are missing or out of order");
    }
    let [app_id, redirect_uri, kind, scope, state] = [0, 1, 2, 3, 4].map(|n| &*pairs[n].1);
    if app_id != APP_ID {
        return shown(10_012, "appid");
    }
    let is_plain = state.len() <= 128 && state.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if kind != "code" || scope != "snsapi_base" || !is_plain || state.is_empty() {
        return shown(10_005, "response_type, scope or state");
    }
    match decide("微信登录（替身）", &query) {
        Decision::Undecided(page) => page,
        // A person who declines comes back without a code.
        Decision::Declined => back(redirect_uri, &[("state", state)]),
        Decision::Agreed(person) => {
            let code = shared.codes.issue(person.id, "", "");
            back(redirect_uri, &[("code", &code), ("state", state)])
        }
    }
}

/// Errors of the link are shown and not redirected.
fn shown(code: u32, what: &str) -> Response {
    Html(format!("<h1>{code}</h1><p>{what}</p>")).into_response()
}

#[derive(Deserialize)]
struct Exchange {
    #[serde(default)]
    appid: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    js_code: String,
}

async fn access_token(State(shared): State<Shared>, Query(asked): Query<Exchange>) -> Response {
    exchange(&shared, &asked, &asked.code, |openid, snapshot| {
        let mut answer = json!({
            "access_token": "ACCESS", "expires_in": 7200, "refresh_token": "REFRESH", "openid": openid, "scope": "snsapi_base"
        });
        if snapshot {
            answer["is_snapshotuser"] = json!(1);
        }
        answer
    })
    .await
}

async fn session(State(shared): State<Shared>, Query(asked): Query<Exchange>) -> Response {
    exchange(&shared, &asked, &asked.js_code, |openid, _| {
        json!({"openid": openid, "session_key": "AAAAAAAAAAAAAAAAAAAAAA==", "unionid": "u", "errcode": 0, "errmsg": "ok"})
    })
    .await
}

async fn exchange(
    shared: &Shared,
    asked: &Exchange,
    code: &str,
    success: impl Fn(&str, bool) -> Value,
) -> Response {
    shared.faults.count("wechat");
    if let Some(fault) = crate::faults::common(&shared.faults).await {
        return fault;
    }
    let is_on = |fault| shared.faults.is_on(fault);
    let refusal = match () {
        () if asked.appid != APP_ID => Some((40_013, "invalid appid")),
        () if asked.secret != SECRET => Some((40_125, "invalid appsecret")),
        () if asked.grant_type != "authorization_code" => Some((40_002, "invalid grant_type")),
        () if is_on(Fault::WeChatBusy) => Some((-1, "system error")),
        () if is_on(Fault::WeChatBlocked) => Some((40_226, "code blocked")),
        () => None,
    };
    let answer = match (refusal, shared.codes.redeem(code)) {
        (Some((code, text)), _) => error(code, text),
        (None, Err(CodeError::Used)) => error(40_163, "code been used"),
        (None, Err(CodeError::Unknown)) => error(40_029, "invalid code"),
        (None, Ok(grant)) => success(&format!("o6_{}", grant.person), is_on(Fault::WeChatSnapshot)),
    };
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "text/plain")],
        answer.to_string(),
    )
        .into_response()
}

fn error(code: i64, text: &str) -> Value {
    json!({"errcode": code, "errmsg": format!("{text}, rid: 6239b2d9-712aa434-308abc6e")})
}
