//! What an operator sets for each channel. A channel without an id is off.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lutong_https::{HttpsClient, OutsideUrl, Settings};
use lutong_kernel::{Channel, Clock, Secret};
use serde::{Deserialize, Serialize};

use crate::alipay::{Alipay, AlipayKey, AppKey};
use crate::client::ProviderClient;
use crate::oidc::{Algorithm, ClaimNames, Oidc, OidcClient, Settings as OidcSettings};
use crate::wechat::{WeChat, WeChatKind};
use crate::{Protocol, Provider};

/// Bytes of a provider's answer; a key set is the largest.
const MOST_BYTES: usize = 256 * 1024;
/// The longest that a provider may be waited for, in milliseconds.
const LONGEST_TIMEOUT: u64 = 30_000;

/// The channels through which people sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelsConfig {
    /// Where browsers reach the gateway, for example `https://jkm.example.gov.cn`: the providers send them back to a path
    /// below it. Needed with any channel that has a page.
    pub public_url: String,
    /// How long a provider may take to answer, in milliseconds.
    pub timeout_ms: u64,
    /// The authorities (PEM) of the providers' certificates; absent: those that this machine trusts.
    pub ca_file: Option<PathBuf>,
    pub wechat: WeChatConfig,
    pub wechat_mini: WeChatMiniConfig,
    pub alipay: AlipayConfig,
    pub aishandong: OidcConfig,
}

/// The WeChat service account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeChatConfig {
    /// `wx…`; empty: the channel is off.
    pub app_id: String,
    /// A file with the application's secret.
    pub secret_file: PathBuf,
    /// The page that asks the person.
    pub authorize_url: String,
    /// Where a code is exchanged.
    pub token_url: String,
}

/// The WeChat mini-program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeChatMiniConfig {
    /// `wx…`; empty: the channel is off.
    pub app_id: String,
    /// A file with the application's secret.
    pub secret_file: PathBuf,
    /// Where a login code is exchanged.
    pub session_url: String,
}

/// The Alipay application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlipayConfig {
    /// 16 digits; empty: the channel is off.
    pub app_id: String,
    /// A file with the application's private key (RSA, at least 2,048 bit), PEM or Base64.
    pub private_key_file: PathBuf,
    /// A file with Alipay's public key, which is not the application's.
    pub alipay_public_key_file: PathBuf,
    /// The page that asks the person.
    pub authorize_url: String,
    /// Where a code is exchanged.
    pub gateway_url: String,
}

/// 爱山东, an OpenID provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcConfig {
    /// As the provider spells it in its tokens; `/.well-known/openid-configuration` is below it.
    pub issuer: String,
    /// Empty: the channel is off.
    pub client_id: String,
    /// A file with the client's secret; absent for a public client.
    pub secret_file: Option<PathBuf>,
    /// What the provider is asked for, blank-separated.
    pub scope: String,
    /// Signature algorithms that its tokens may have: `RS256`, `PS256`, `ES256`, `EdDSA`.
    pub algorithms: Vec<String>,
    /// The claims that hold a verified name and number.
    pub claims: ClaimNames,
}

impl Default for ChannelsConfig {
    fn default() -> Self {
        Self {
            public_url: String::new(),
            timeout_ms: 5_000,
            ca_file: None,
            wechat: WeChatConfig::default(),
            wechat_mini: WeChatMiniConfig::default(),
            alipay: AlipayConfig::default(),
            aishandong: OidcConfig::default(),
        }
    }
}

impl Default for WeChatConfig {
    fn default() -> Self {
        Self {
            app_id: String::new(),
            secret_file: PathBuf::new(),
            authorize_url: "https://open.weixin.qq.com/connect/oauth2/authorize".to_owned(),
            token_url: "https://api.weixin.qq.com/sns/oauth2/access_token".to_owned(),
        }
    }
}

impl Default for WeChatMiniConfig {
    fn default() -> Self {
        Self {
            app_id: String::new(),
            secret_file: PathBuf::new(),
            session_url: "https://api.weixin.qq.com/sns/jscode2session".to_owned(),
        }
    }
}

impl Default for AlipayConfig {
    fn default() -> Self {
        Self {
            app_id: String::new(),
            private_key_file: PathBuf::new(),
            alipay_public_key_file: PathBuf::new(),
            authorize_url: "https://openauth.alipay.com/oauth2/publicAppAuthorize.htm".to_owned(),
            gateway_url: "https://openapi.alipay.com/gateway.do".to_owned(),
        }
    }
}

impl Default for OidcConfig {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            secret_file: None,
            scope: "openid".to_owned(),
            algorithms: vec!["RS256".to_owned(), "ES256".to_owned()],
            claims: ClaimNames::default(),
        }
    }
}

/// A setting that a channel cannot be opened with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("gateway.channels.{key}: {reason}")]
pub struct ChannelError {
    pub key: &'static str,
    pub reason: String,
}

fn wrong(key: &'static str) -> impl Fn(&dyn std::fmt::Display) -> ChannelError {
    move |reason| ChannelError {
        key,
        reason: reason.to_string(),
    }
}

fn url(key: &'static str, text: &str) -> Result<OutsideUrl, ChannelError> {
    OutsideUrl::parse(text).map_err(|error| wrong(key)(&error))
}

/// What a file holds, without the line end that editors add.
fn secret(key: &'static str, file: &Path) -> Result<Secret<String>, ChannelError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| wrong(key)(&format_args!("{}: {error}", file.display())))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(wrong(key)(&format_args!("{} is empty", file.display())));
    }
    Ok(Secret::new(text.to_owned()))
}

impl ChannelsConfig {
    fn client(&self, channel: Channel) -> Result<ProviderClient, ChannelError> {
        let settings = Settings {
            name: channel.to_string(),
            timeout: Duration::from_millis(self.timeout_ms),
            max_bytes: MOST_BYTES,
            ca: self.ca_file.clone(),
        };
        HttpsClient::new(settings)
            .map(ProviderClient)
            .map_err(|error| wrong("ca_file")(&error))
    }

    fn wechat(&self) -> Result<Provider, ChannelError> {
        let config = &self.wechat;
        Ok(Provider {
            channel: Channel::WeChat,
            protocol: Protocol::WeChat(WeChat {
                kind: WeChatKind::ServiceAccount,
                client: self.client(Channel::WeChat)?,
                app_id: config.app_id.clone(),
                secret: secret("wechat.secret_file", &config.secret_file)?,
                authorize: url("wechat.authorize_url", &config.authorize_url)?,
                exchange: url("wechat.token_url", &config.token_url)?,
            }),
        })
    }

    fn wechat_mini(&self) -> Result<Provider, ChannelError> {
        let config = &self.wechat_mini;
        let exchange = url("wechat_mini.session_url", &config.session_url)?;
        Ok(Provider {
            channel: Channel::WeChatMini,
            protocol: Protocol::WeChat(WeChat {
                kind: WeChatKind::MiniProgram,
                client: self.client(Channel::WeChatMini)?,
                app_id: config.app_id.clone(),
                secret: secret("wechat_mini.secret_file", &config.secret_file)?,
                authorize: exchange.clone(),
                exchange,
            }),
        })
    }

    fn alipay(&self, clock: &Arc<dyn Clock>) -> Result<Provider, ChannelError> {
        let config = &self.alipay;
        let app_key = secret("alipay.private_key_file", &config.private_key_file)?;
        let alipay_key = secret("alipay.alipay_public_key_file", &config.alipay_public_key_file)?;
        Ok(Provider {
            channel: Channel::Alipay,
            protocol: Protocol::Alipay(Alipay {
                client: self.client(Channel::Alipay)?,
                app_id: config.app_id.clone(),
                app_key: AppKey::parse(app_key.expose())
                    .map_err(|error| wrong("alipay.private_key_file")(&error))?,
                answer_key: AlipayKey::parse(alipay_key.expose())
                    .map_err(|error| wrong("alipay.alipay_public_key_file")(&error))?,
                authorize: url("alipay.authorize_url", &config.authorize_url)?,
                gateway: url("alipay.gateway_url", &config.gateway_url)?,
                clock: Arc::clone(clock),
            }),
        })
    }

    fn aishandong(&self, clock: &Arc<dyn Clock>) -> Result<Provider, ChannelError> {
        let config = &self.aishandong;
        let algorithm = |name: &String| -> Result<Algorithm, ChannelError> {
            name.parse().map_err(|_| {
                wrong("aishandong.algorithms")(&format_args!("{name} is none of RS256, PS256, ES256, EdDSA"))
            })
        };
        let discovery = format!(
            "{}/.well-known/openid-configuration",
            config.issuer.trim_end_matches('/')
        );
        let client_secret = config.secret_file.as_deref();
        let settings = OidcSettings {
            issuer: config.issuer.clone(),
            url: url("aishandong.issuer", &discovery)?,
            client: OidcClient {
                id: config.client_id.clone(),
                secret: client_secret
                    .map(|file| secret("aishandong.secret_file", file))
                    .transpose()?,
            },
            scope: config.scope.clone(),
            algorithms: config
                .algorithms
                .iter()
                .map(algorithm)
                .collect::<Result<_, _>>()?,
            claims: config.claims.clone(),
            clock: Arc::clone(clock),
        };
        Ok(Provider {
            channel: Channel::AiShandong,
            protocol: Protocol::Oidc(Oidc::new(self.client(Channel::AiShandong)?, settings)),
        })
    }
}

pub fn open(config: &ChannelsConfig, clock: &Arc<dyn Clock>) -> Result<Vec<Provider>, ChannelError> {
    if !(1..=LONGEST_TIMEOUT).contains(&config.timeout_ms) {
        return Err(wrong("timeout_ms")(&format_args!(
            "lies between 1 and {LONGEST_TIMEOUT}"
        )));
    }
    let mut providers = Vec::new();
    for channel in Channel::ALL {
        let (id, provider): (&str, &dyn Fn() -> Result<Provider, ChannelError>) = match channel {
            Channel::Development | Channel::Device => continue,
            Channel::WeChat => (&config.wechat.app_id, &|| config.wechat()),
            Channel::WeChatMini => (&config.wechat_mini.app_id, &|| config.wechat_mini()),
            Channel::Alipay => (&config.alipay.app_id, &|| config.alipay(clock)),
            Channel::AiShandong => (&config.aishandong.client_id, &|| config.aishandong(clock)),
        };
        if !id.is_empty() {
            providers.push(provider()?);
        }
    }
    if providers.iter().any(Provider::has_page) {
        let public = url("public_url", &config.public_url)?;
        if public.uri().path() != "/" || public.uri().query().is_some() {
            return Err(wrong("public_url")(&"is a scheme and a host, without a path"));
        }
    }
    Ok(providers)
}

#[cfg(test)]
mod tests {
    use lutong_kernel::{ManualClock, Timestamp};

    use super::*;

    fn opened(config: &ChannelsConfig) -> Result<Vec<Channel>, String> {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_seconds(0)));
        let providers = open(config, &clock).map_err(|error| error.to_string())?;
        Ok(providers.iter().map(|provider| provider.channel).collect())
    }

    fn with_secret() -> (tempfile::NamedTempFile, ChannelsConfig) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret\n").unwrap();
        let mut config = ChannelsConfig {
            public_url: "https://jkm.example".to_owned(),
            ..ChannelsConfig::default()
        };
        config.wechat.app_id = "wx1".to_owned();
        config.wechat.secret_file = file.path().to_owned();
        (file, config)
    }

    #[test]
    fn a_channel_without_an_id_is_off() {
        assert_eq!(opened(&ChannelsConfig::default()).unwrap(), []);
        let (_file, config) = with_secret();
        assert_eq!(opened(&config).unwrap(), [Channel::WeChat]);
    }

    #[test]
    fn each_wrong_setting_is_named() {
        let (_file, good) = with_secret();
        let refused = |change: &dyn Fn(&mut ChannelsConfig)| {
            let mut config = good.clone();
            change(&mut config);
            opened(&config).unwrap_err()
        };
        assert!(
            refused(&|c| c.wechat.secret_file = "/nowhere".into())
                .contains("channels.wechat.secret_file: /nowhere")
        );
        assert!(refused(&|c| c.wechat.token_url = "http://api.example".into()).contains("wechat.token_url"));
        assert!(refused(&|c| c.public_url = String::new()).contains("public_url"));
        assert!(refused(&|c| c.public_url = "https://a.example/x".into()).contains("without a path"));
        assert!(refused(&|c| c.timeout_ms = 0).contains("timeout_ms"));
        assert!(
            refused(&|c| {
                c.aishandong.client_id = "1".into();
                c.aishandong.issuer = "https://p".into();
                c.aishandong.algorithms = vec!["HS256".into()];
            })
            .contains("aishandong.algorithms: HS256")
        );
        assert!(
            refused(&|c| {
                c.alipay.app_id = "1".into();
                c.alipay.private_key_file = c.wechat.secret_file.clone();
                c.alipay.alipay_public_key_file = c.wechat.secret_file.clone();
            })
            .contains("alipay.private_key_file: is no Base64")
        );
    }
}
