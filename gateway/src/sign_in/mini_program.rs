//! Signing in from a mini-program, which has its code from WeChat itself and keeps the session as a bearer.

use axum::extract::{Request, State};
use axum::response::Response;
use lutong_kernel::{Channel, Fault};
use serde::Deserialize;

use super::SignIn;
use super::dev_session::session_document;
use crate::fault::sign_in as fault;
use crate::problem::Problem;
use crate::request_body;
use crate::sessions::identification::Connection;

/// `POST` here with `{"code": "…"}`, as `wx.login` gives it.
pub const PATH: &str = "/v1/wechat-mini/sessions";
/// Bytes of a code.
const LONGEST: usize = 512;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateSession {
    code: String,
}

/// Opens a session for whoever the code stands for.
pub async fn create(State(sign_in): State<SignIn>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let address = Connection::of(&head.extensions).address;
    sign_in.identification.limits.sign_in(address).await?;
    let provider = sign_in
        .providers
        .iter()
        .find(|one| one.channel == Channel::WeChatMini);
    let provider = provider.ok_or_else(fault::channel_unknown)?;
    let body = request_body::read_json(&head.headers, body, sign_in.patience).await?;
    let wrong_shape = || Fault::invalid(vec![fault::mini_program_shape()]);
    let CreateSession { code } = serde_json::from_slice(&body).map_err(|_| wrong_shape())?;
    if code.is_empty() || code.len() > LONGEST {
        return Err(wrong_shape().into());
    }
    let recognised = provider.recognise_code(&code).await;
    let recognised = recognised.map_err(|failure| fault::not_recognised(provider.channel, failure))?;
    let (token, ends_at) = sign_in
        .open_recognised(provider.channel, recognised, None)
        .await?;
    Ok(session_document(&token, ends_at))
}
