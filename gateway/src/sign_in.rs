//! Signing in and out. A channel recognises somebody in its own way (`lutong-channels`) and then a session is opened for their
//! account; on loopback there is the development identity provider as well.

pub mod attempts;
mod channel_pages;
pub mod dev_session;
pub mod device_session;
mod form;
pub mod mini_program;
mod return_path;
mod sign_out;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use lutong_channels::{Provider, Recognised};
use lutong_kernel::{Channel, Fault, Timestamp};
use lutong_transport::access::{Principal, SessionClaims};

use self::attempts::Attempts;
use crate::fault;
use crate::pages::form::FormReader;
use crate::routing::{get_only, post_only};
use crate::sessions::devices::Devices;
use crate::sessions::identification::Identification;
use crate::sessions::session_id::SessionId;

/// Where somebody who has no session is sent, and where they are after signing out.
const PATH: &str = "/sign-in";

/// What signing in needs.
#[derive(Clone)]
pub struct SignIn {
    pub identification: Arc<Identification>,
    /// The devices of checkpoints.
    pub devices: Devices,
    /// Of the channels that are configured.
    pub providers: Arc<[Provider]>,
    pub attempts: Arc<Attempts>,
    /// Where browsers reach the gateway, without a slash at the end.
    pub public_url: Arc<str>,
    /// Whether the development identity provider is on.
    pub dev: bool,
    /// How long a session holds.
    pub ttl: Duration,
    /// How long one of a device holds.
    pub device_ttl: Duration,
    /// How long a form or a body may take to arrive.
    pub patience: Duration,
}

/// The routes of what is configured: devices always sign in; the development identity provider's are absent where it is off, and those of
/// people where nobody can sign in over pages.
pub fn routes(sign_in: SignIn) -> Router {
    let devices = Router::new().route(device_session::PATH, post_only(device_session::create));
    if !sign_in.dev && sign_in.providers.is_empty() {
        return devices.with_state(sign_in);
    }
    let mut routes = devices
        .route(PATH, get_only(form::show))
        .route("/sign-in/{channel}", get_only(channel_pages::begin))
        .route("/sign-in/{channel}/callback", get_only(channel_pages::finish))
        .route(mini_program::PATH, post_only(mini_program::create))
        .route("/sign-out", post_only(sign_out::submit));
    if sign_in.dev {
        routes = routes
            .route(dev_session::PATH, post_only(dev_session::create))
            .route("/sign-in/dev", post_only(form::submit));
    }
    routes.with_state(sign_in)
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
    /// Opens a session for whoever names an account: the development identity provider. The accounts of channels are not for it.
    async fn open_named(
        &self,
        account_id: &str,
        previous: Option<SessionId>,
    ) -> Result<(String, Timestamp), Fault> {
        if Channel::of_account(account_id).is_some() {
            return Err(Fault::invalid(vec![fault::sign_in::account_id_reserved()]));
        }
        let opened = self.identification.accounts.principal(account_id).await?;
        Ok(self.open(opened, Channel::Development, previous))
    }

    /// Opens a session for whom a channel has recognised.
    async fn open_recognised(
        &self,
        channel: Channel,
        recognised: Recognised,
        previous: Option<SessionId>,
    ) -> Result<(String, Timestamp), Fault> {
        let opened = self.identification.accounts.open(channel, recognised).await?;
        Ok(self.open(opened, channel, previous))
    }

    /// Opens a session in place of the one that the client had before: that ends first, because a session of the same account
    /// and second would be the same text.
    fn open(
        &self,
        (principal, version): (Principal, i64),
        channel: Channel,
        previous: Option<SessionId>,
    ) -> (String, Timestamp) {
        let tokens = &self.identification.tokens;
        if let Some(previous) = previous {
            tokens.end(previous);
        }
        tokens.issue(&principal, SessionClaims { version, channel }, self.ttl)
    }
}
