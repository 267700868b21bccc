//! The development identity provider for clients of the API: whoever names an account is it. It exists only where the
//! configuration has it, and the configuration is refused off loopback.

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use lutong_kernel::{Fault, Violation};
use lutong_transport::access::Channel;
use serde::{Deserialize, Serialize};

use super::SignIn;
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

/// The answer: `Authorization: Bearer {token}` until `expire_time` (RFC 3339).
#[derive(Serialize)]
struct Session {
    token: String,
    expire_time: String,
}

/// Opens a session for the account that the body names.
pub async fn create(State(sign_in): State<SignIn>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let address = Connection::of(&head.extensions).address;
    sign_in.identification.limits.sign_in(address).await?;
    let body = request_body::read_json(&head.headers, body, sign_in.patience).await?;
    let CreateSession { account_id } = serde_json::from_slice(&body).map_err(|_| wrong_shape())?;
    let (token, ends_at) = sign_in.open(&account_id, Channel::Development, None).await?;
    let session = Session {
        token,
        expire_time: ends_at.to_rfc3339(),
    };
    let json = serde_json::to_vec(&session).map_err(|_| Fault::internal())?;
    Ok(json_response(Bytes::from(json)))
}

fn wrong_shape() -> Fault {
    Fault::invalid(vec![Violation::new(
        "",
        "BODY_SHAPE",
        "请求内容应为 {\"account_id\": \"…\"}",
        "the body is {\"account_id\": \"…\"}",
    )])
}
