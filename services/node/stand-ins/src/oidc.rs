//! An OpenID provider with PKCE, whose client shows its secret by `client_secret_basic`.

mod signer;

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub use self::signer::Signer;
use crate::codes::Grant;
use crate::consent::{Decision, back, decide};
use crate::faults::{self, Fault};
use crate::{CLIENT_ID, SECRET, Shared, people};

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/keys", get(keys))
        .route("/authorize", get(authorize))
        .route("/token", post(token))
}

fn issuer(shared: &Shared) -> String {
    format!("{}/oidc", shared.base)
}

async fn discovery(State(shared): State<Shared>) -> Response {
    shared.faults.count("oidc-discovery");
    if let Some(fault) = faults::common(&shared.faults).await {
        return fault;
    }
    let issuer = issuer(&shared);
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": true,
    }))
    .into_response()
}

async fn keys(State(shared): State<Shared>) -> Response {
    shared.faults.count("oidc-keys");
    if let Some(fault) = faults::common(&shared.faults).await {
        return fault;
    }
    Json(shared.signer().key_set()).into_response()
}

async fn authorize(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let given: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let value = |name: &str| given.get(name).map_or("", String::as_str);
    let wrong = [
        ("client_id", CLIENT_ID),
        ("response_type", "code"),
        ("code_challenge_method", "S256"),
    ]
    .into_iter()
    .find(|(name, wanted)| value(name) != *wanted);
    if let Some((name, _)) = wrong {
        return (StatusCode::BAD_REQUEST, name.to_owned()).into_response();
    }
    let issuer = issuer(&shared);
    let state = ("state", value("state"));
    match decide("爱山东登录（替身）", &query) {
        Decision::Undecided(page) => page,
        Decision::Declined => back(
            value("redirect_uri"),
            &[("error", "access_denied"), state, ("iss", &issuer)],
        ),
        Decision::Agreed(person) => {
            let code = shared
                .codes
                .issue(person.id, value("nonce"), value("code_challenge"));
            back(value("redirect_uri"), &[("code", &code), state, ("iss", &issuer)])
        }
    }
}

async fn token(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response {
    shared.faults.count("oidc-token");
    if let Some(fault) = faults::common(&shared.faults).await {
        return fault;
    }
    let given: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let value = |name: &str| given.get(name).map_or("", String::as_str);
    let expected = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{SECRET}")));
    if headers
        .get(header::AUTHORIZATION)
        .is_none_or(|given| *given != expected)
    {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let Ok(grant) = shared.codes.redeem(value("code")) else {
        return refused(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(value("code_verifier")));
    if challenge != grant.challenge {
        return refused(StatusCode::BAD_REQUEST, "invalid_grant");
    }
    Json(json!({"access_token": "at", "token_type": "Bearer", "expires_in": 300, "id_token": id_token(&shared, &grant)}))
        .into_response()
}

fn refused(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"error": error}))).into_response()
}

fn id_token(shared: &Shared, grant: &Grant) -> String {
    let signer = shared.signer();
    let is_on = |fault| shared.faults.is_on(fault);
    let header = json!({"alg": "ES256", "typ": "JWT", "kid": signer.kid()});
    let claims = claims(shared, grant);
    if is_on(Fault::OidcAlgNone) {
        return Signer::unsigned(&claims);
    }
    if is_on(Fault::OidcOtherKey) {
        return Signer::es256(signer.kid()).sign(&header, &claims);
    }
    signer.sign(&header, &claims)
}

fn claims(shared: &Shared, grant: &Grant) -> Value {
    let is_on = |fault| shared.faults.is_on(fault);
    let now = shared.clock.now().seconds();
    let at_hash = URL_SAFE_NO_PAD.encode(&Sha256::digest("at")[..16]);
    let mut claims = json!({
        "iss": issuer(shared), "aud": CLIENT_ID, "sub": format!("sub-{}", grant.person),
        "iat": now, "exp": now + 300, "nonce": grant.nonce, "at_hash": at_hash,
    });
    if let Some(person) = people::find(grant.person) {
        claims["auth_level"] = json!(person.level);
        claims["name"] = json!(person.full_name);
        claims["id_card"] = json!(person.resident_id);
        claims["phone_number"] = json!(person.mobile);
    }
    if is_on(Fault::OidcWrongAudience) {
        claims["aud"] = json!("another");
    }
    if is_on(Fault::OidcWrongIssuer) {
        claims["iss"] = json!("https://another.example");
    }
    if is_on(Fault::OidcExpired) {
        claims["exp"] = json!(now - 3_600);
    }
    if is_on(Fault::OidcClockAhead) {
        claims["iat"] = json!(now + 3_600);
    }
    if is_on(Fault::OidcNoNonce) {
        claims.as_object_mut().map(|claims| claims.remove("nonce"));
    }
    if is_on(Fault::OidcWrongNonce) {
        claims["nonce"] = json!("another");
    }
    claims
}
