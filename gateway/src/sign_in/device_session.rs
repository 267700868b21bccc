//! Signing in of checkpoint devices. Each session takes a credential and gives the next one; the session is short, so that a device that
//! is ended is soon out.

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use lutong_kernel::{Channel, Fault};
use lutong_transport::access::SessionClaims;
use serde::Deserialize;
use serde_json::json;

use super::SignIn;
use crate::fault::sign_in as fault;
use crate::problem::Problem;
use crate::request_body;
use crate::rpc::json_response;
use crate::sessions::identification::Connection;

/// `POST` here with `{"credential": "…"}`.
pub const PATH: &str = "/v1/devices/sessions";
/// Bytes of a credential.
const LONGEST: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateSession {
    credential: String,
}

/// Opens a session for the device whose credential the body has.
pub async fn create(State(sign_in): State<SignIn>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let address = Connection::of(&head.extensions).address;
    sign_in.identification.limits.sign_in(address).await?;
    let body = request_body::read_json(&head.headers, body, sign_in.patience).await?;
    let wrong_shape = || Fault::invalid(vec![fault::device_shape()]);
    let CreateSession { credential } = serde_json::from_slice(&body).map_err(|_| wrong_shape())?;
    if credential.is_empty() || credential.len() > LONGEST {
        return Err(wrong_shape().into());
    }
    let device = sign_in.devices.sign_in(credential).await?;
    let claims = SessionClaims {
        version: 0,
        channel: Channel::Device,
    };
    let tokens = &sign_in.identification.tokens;
    let (token, ends_at) = tokens.issue(&device.principal, claims, sign_in.device_ttl);
    let session = json!({
        "token": token,
        "expire_time": ends_at.to_rfc3339(),
        "credential": device.credential.expose(),
    });
    Ok(json_response(Bytes::from(session.to_string())))
}
