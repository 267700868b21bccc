//! `channels`: the channels through which people sign in, as this machine's configuration has them.

use std::sync::Arc;

use clap::{Args, Subcommand};
use lutong_channels::{Misconfiguration, Provider, SignInFailure};
use lutong_client::Failure;
use lutong_client::output::in_language;
use lutong_kernel::Clock;
use lutong_operating::wall_clock::WallClock;
use serde_json::json;

use super::Settings;

#[derive(Debug, Subcommand)]
pub enum Channels {
    /// Ask each configured channel's provider with a code that cannot be right, and say what else is wrong.
    Check(Check),
}

#[derive(Debug, Args)]
pub struct Check {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Channels {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Check(check) => check.run().await,
        }
    }
}

impl Check {
    async fn run(self) -> Result<(), Failure> {
        let config = self.settings.load(false)?;
        let clock: Arc<dyn Clock> = Arc::new(WallClock);
        let providers = Provider::configured(&config.gateway.channels, &clock);
        let providers = providers.map_err(|error| Failure::Input(error.to_string()))?;
        if providers.is_empty() {
            return Err(Failure::Input(lang!(
                "没有开通任何登录渠道：请在配置中填写 gateway.channels（见 gateway/channels/README.md）",
                "no channel is on: set gateway.channels in the configuration (gateway/channels/README.md)"
            )));
        }
        let mut found = Vec::with_capacity(providers.len());
        for provider in &providers {
            found.push((provider.channel, provider.check().await.err()));
        }
        if self.json {
            let channels = found.iter().map(|(channel, failure)| {
                let error = failure.map(|failure| failure.to_string());
                json!({"channel": channel.to_string(), "ok": failure.is_none(), "error": error})
            });
            say!("{}", json!({"channels": channels.collect::<Vec<_>>()}));
        } else {
            for (channel, failure) in &found {
                let text = failure.map_or_else(|| in_language("正常", "ok").to_owned(), advice);
                say!("{channel}  {text}");
            }
        }
        if found.iter().all(|(_, failure)| failure.is_none()) {
            return Ok(());
        }
        Err(Failure::Because(lang!(
            "有渠道不能登录",
            "a channel does not work"
        )))
    }
}

/// What is wrong, and what to do about it.
fn advice(failure: SignInFailure) -> String {
    match failure {
        SignInFailure::Misconfigured(Misconfiguration::Secret) => lang!(
            "渠道不认密钥：核对密钥文件与应用是否匹配",
            "the provider refuses the secret or key: it must be this application's"
        ),
        SignInFailure::Misconfigured(Misconfiguration::Application) => lang!(
            "渠道不认应用编号：核对 app_id 或 client_id",
            "the provider does not know the application: check app_id or client_id"
        ),
        SignInFailure::Misconfigured(Misconfiguration::Clock) => lang!(
            "渠道拒绝本机时间：校准时钟",
            "the provider refuses this machine's time: set the clock"
        ),
        SignInFailure::Misconfigured(Misconfiguration::Permission) => lang!(
            "应用未开通所需权限：在渠道的开放平台申请",
            "the application lacks a permission: apply for it at the provider"
        ),
        SignInFailure::Misconfigured(Misconfiguration::Callback) => lang!(
            "回调域名未登记：在渠道登记 public_url 的域名",
            "the callback is not registered: register the host of public_url at the provider"
        ),
        SignInFailure::Misconfigured(Misconfiguration::Discovery) => lang!(
            "渠道的公开信息与 issuer 不符，或没有可用公钥",
            "what the provider publishes does not fit issuer, or has no key that can be used"
        ),
        SignInFailure::Forged(part) => lang!(
            "返回内容的签名不可信（{part}）：核对渠道公钥文件",
            "the answer's signature does not verify ({part}): check the provider's public key file"
        ),
        SignInFailure::Away => lang!(
            "连不上渠道：检查网络、网址和证书",
            "the provider cannot be reached: check network, URLs and certificates"
        ),
        SignInFailure::Throttled(_) => lang!(
            "渠道限流，请稍后再查",
            "the provider throttles: check again later"
        ),
        other => lang!("返回异常：{other}", "an unexpected answer: sign-in {other}"),
    }
}
