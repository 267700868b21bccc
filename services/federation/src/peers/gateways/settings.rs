//! Where and as whom a gateway is asked.

use std::path::PathBuf;

use lutong_https::OutsideUrl;
use serde::{Deserialize, Serialize};

use super::profile::Profile;

/// Where and as whom a gateway is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Names the gateway in logs and metrics.
    pub name: String,
    /// `https://…` of the interface; empty: it is not asked.
    pub url: String,
    pub profile: Profile,
    /// The id that the gateway gave this system: rid, paasid or appKey.
    pub requester: String,
    /// The id of the interface that is asked (sid); TIF and the app-secret tiers have none.
    pub service: String,
    /// A file with what the gateway gave to sign with: the app secret, or the app key with which the signing secret is fetched.
    pub secret_file: Option<PathBuf>,
    /// `https://…` where the signing secret is fetched; profiles `data-exchange` and `app-secret-tiers` only.
    pub secret_url: String,
    /// The authority (PEM) of its certificate; absent: those that this machine trusts.
    pub ca_file: Option<PathBuf>,
    /// How long it may take, in milliseconds: somebody waits.
    pub timeout_ms: u64,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            name: "gateway".to_owned(),
            url: String::new(),
            profile: Profile::default(),
            requester: String::new(),
            service: String::new(),
            secret_file: None,
            secret_url: String::new(),
            ca_file: None,
            timeout_ms: 2_000,
        }
    }
}

impl GatewayConfig {
    /// What is wrong with it, with the name of the setting.
    pub fn check(&self) -> Result<(), String> {
        let url = |name: &str, text: &str| {
            let parsed = OutsideUrl::parse(text).map(drop);
            parsed.map_err(|error| format!("{name}: {error}"))
        };
        url("url", &self.url)?;
        if self.secret_file.is_none() {
            return Err("secret_file: is missing: the gateway takes signed requests only".to_owned());
        }
        if self.profile.fetches_secret() {
            url("secret_url", &self.secret_url)?;
        } else if !self.secret_url.is_empty() {
            return Err("secret_url: this profile fetches no secret".to_owned());
        }
        if self.requester.is_empty() || !self.requester.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("requester: the id that the gateway gave this system".to_owned());
        }
        if self.profile.has_service() == self.service.is_empty()
            || !self.service.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err("service: the id of the interface; for profiles that have one".to_owned());
        }
        if !(1..=60_000).contains(&self.timeout_ms) {
            return Err("timeout_ms: 1 to 60,000".to_owned());
        }
        Ok(())
    }
}
