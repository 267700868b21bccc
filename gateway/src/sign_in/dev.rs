//! The development identity provider: whoever says a name is it. It exists only where the configuration names it,
//! and the configuration is refused off loopback.

use std::time::Duration;

use lutong_kernel::{Fault, Violation};
use lutong_transport::access::{Channel, SessionClaims};
use serde::{Deserialize, Serialize};

use super::Accounts;
use crate::sessions::Sessions;

/// `POST` here with `{"account_id": "…"}`.
pub const PATH: &str = "/v1/dev/sessions";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    account_id: String,
}

/// The answer: `Authorization: Bearer {token}` until `expire_time` (RFC 3339).
#[derive(Serialize)]
pub struct Session {
    pub token: String,
    pub expire_time: String,
}

/// Opens a session for the account that the body names.
pub async fn sign_in(
    body: &[u8],
    accounts: &Accounts,
    sessions: &Sessions,
    ttl: Duration,
) -> Result<Session, Fault> {
    let asked: SignIn = serde_json::from_slice(body).map_err(|_| {
        Fault::invalid(vec![Violation::new(
            "",
            "BODY_SHAPE",
            "请求内容应为 {\"account_id\": \"…\"}",
            "the body is {\"account_id\": \"…\"}",
        )])
    })?;
    let (principal, version) = accounts.principal(&asked.account_id).await?;
    let claims = SessionClaims {
        version,
        channel: Channel::Development,
    };
    let (token, ends_at) = sessions.issue(&principal, claims, ttl);
    Ok(Session {
        token,
        expire_time: ends_at.to_rfc3339(),
    })
}
