//! The development identity provider for clients of the API: whoever names an account is it. It exists only where the
//! configuration has it, and the configuration is refused off loopback.

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use lutong_kernel::{Fault, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::SignIn;
use crate::fault;
use crate::problem::Problem;
use crate::request_body;
use crate::rpc::json_response;
use crate::sessions::identification::Connection;

/// `POST` here with `{"account_id": "…"}`.
pub const PATH: &str = "/v1/dev/sessions";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateSession {
    account_id: String,
}

/// Opens a session for the account that the body names.
pub async fn create(State(sign_in): State<SignIn>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let address = Connection::of(&head.extensions).address;
    sign_in.identification.limits.sign_in(address).await?;
    let body = request_body::read_json(&head.headers, body, sign_in.patience).await?;
    let wrong_shape = |_| Fault::invalid(vec![fault::transcode::sign_in_shape()]);
    let CreateSession { account_id } = serde_json::from_slice(&body).map_err(wrong_shape)?;
    let (token, ends_at) = sign_in.open_named(&account_id, None).await?;
    Ok(session_document(&token, ends_at))
}

/// The answer to a client that keeps the session as a bearer: `Authorization: Bearer {token}` until `expire_time` (RFC 3339).
pub fn session_document(token: &str, ends_at: Timestamp) -> Response {
    let session = json!({"token": token, "expire_time": ends_at.to_rfc3339()});
    json_response(Bytes::from(session.to_string()))
}
