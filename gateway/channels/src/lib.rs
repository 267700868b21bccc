#![doc = include_str!("../README.md")]

mod alipay; // Alipay's gateway: signed requests and answers
mod attempt; // one sign-in on its way
mod client; // requests to a provider
pub mod config; // what an operator sets for each channel
mod failure; // why somebody was not recognised
mod oidc; // OpenID Connect: discovery, key set, ID token
mod recognised; // who somebody is for a provider
mod wechat; // WeChat: service account and mini-program

use std::sync::Arc;

use lutong_kernel::{Channel, Clock};

pub use attempt::{Attempt, Callback};
pub use config::{ChannelError, ChannelsConfig};
pub use failure::{Misconfiguration, SignInFailure};
pub use recognised::{Recognised, VerifiedIdentity};

/// What a provider speaks.
#[derive(Debug)]
enum Protocol {
    WeChat(wechat::WeChat),
    Alipay(alipay::Alipay),
    Oidc(oidc::Oidc),
}

/// The provider of a configured channel.
#[derive(Debug)]
pub struct Provider {
    pub channel: Channel,
    protocol: Protocol,
}

impl Provider {
    /// The providers of the channels that are configured, in the order of [`Channel::ALL`].
    pub fn configured(config: &ChannelsConfig, clock: &Arc<dyn Clock>) -> Result<Vec<Self>, ChannelError> {
        config::open(config, clock)
    }

    /// Whether a browser is sent to the provider; a mini-program brings its code itself.
    pub const fn has_page(&self) -> bool {
        !matches!(self.channel, Channel::WeChatMini)
    }

    /// Where the browser goes to be recognised.
    pub async fn authorization_url(&self, attempt: &Attempt) -> Result<String, SignInFailure> {
        match &self.protocol {
            Protocol::WeChat(wechat) => Ok(wechat.authorization_url(attempt)),
            Protocol::Alipay(alipay) => Ok(alipay.authorization_url(attempt)),
            Protocol::Oidc(oidc) => oidc.authorization_url(attempt).await,
        }
    }

    /// Whom the provider recognised, by what the browser brought back.
    pub async fn recognise(
        &self,
        attempt: &Attempt,
        callback: &Callback,
    ) -> Result<Recognised, SignInFailure> {
        attempt.check_state(callback)?;
        match &self.protocol {
            Protocol::WeChat(wechat) => wechat.recognise(callback).await,
            Protocol::Alipay(alipay) => alipay.recognise(callback).await,
            Protocol::Oidc(oidc) => oidc.recognise(attempt, callback).await,
        }
    }

    /// Whom a mini-program's login code stands for.
    pub async fn recognise_code(&self, code: &str) -> Result<Recognised, SignInFailure> {
        match &self.protocol {
            Protocol::WeChat(wechat) => wechat.recognise_code(code).await,
            Protocol::Alipay(_) | Protocol::Oidc(_) => Err(SignInFailure::Incomplete("state")),
        }
    }

    /// Asks the provider with a code that cannot be right, and reads from the refusal whether everything else is.
    pub async fn check(&self) -> Result<(), SignInFailure> {
        match &self.protocol {
            Protocol::WeChat(wechat) => wechat.check().await,
            Protocol::Alipay(alipay) => alipay.check().await,
            Protocol::Oidc(oidc) => oidc.check().await,
        }
    }
}
