//! Signing in and out. A channel recognises an account in its own way and then opens a session ([`SignIn::open`]); there is
//! the development identity provider today. The channels of people (健康山东服务号, 爱山东, 支付宝) will stand beside it.

pub mod dev_session;
mod form;
mod return_path;
mod sign_out;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use lutong_kernel::{Fault, Timestamp};
use lutong_transport::access::{Channel, SessionClaims};

use crate::pages::form::FormReader;
use crate::routing::{get_only, post_only};
use crate::sessions::identification::Identification;
use crate::sessions::session_id::SessionId;

/// Where somebody who has no session is sent, and where they are after signing out.
const PATH: &str = "/sign-in";

/// What signing in needs.
#[derive(Clone)]
pub struct SignIn {
    pub identification: Arc<Identification>,
    /// How long a session holds.
    pub ttl: Duration,
    /// How long a form or a body may take to arrive.
    pub patience: Duration,
}

/// The routes of the development identity provider: there only where the configuration has it.
pub fn routes(sign_in: SignIn) -> Router {
    Router::new()
        .route(dev_session::PATH, post_only(dev_session::create))
        .route(PATH, get_only(form::show))
        .route("/sign-in/dev", post_only(form::submit))
        .route("/sign-out", post_only(sign_out::submit))
        .with_state(sign_in)
}

impl FromRef<SignIn> for FormReader {
    fn from_ref(sign_in: &SignIn) -> Self {
        Self {
            identification: Arc::clone(&sign_in.identification),
            patience: sign_in.patience,
        }
    }
}

impl SignIn {
    /// Opens a session for the account that a channel has recognised, in place of the one that the client had before:
    /// that ends first, because a session of the same account and second would be the same text.
    async fn open(
        &self,
        account_id: &str,
        channel: Channel,
        previous: Option<SessionId>,
    ) -> Result<(String, Timestamp), Fault> {
        let Identification { accounts, tokens, .. } = &*self.identification;
        let (principal, version) = accounts.principal(account_id).await?;
        if let Some(previous) = previous {
            tokens.end(previous);
        }
        Ok(tokens.issue(&principal, SessionClaims { version, channel }, self.ttl))
    }
}
