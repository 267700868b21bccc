//! `serve`, `migrate`, `config check`.

use std::sync::Arc;

use clap::{Args, Subcommand};
use figment::value::{Dict, Value};
use lutong_composition::config::NodeConfig;
use lutong_composition::findings::{Finding, Findings};
use lutong_composition::{StartError, one_process, one_service, preflight, wiring};
use lutong_kernel::ServiceName;
use lutong_operating::entropy::Entropy;
use lutong_operating::telemetry;
use lutong_operating::wall_clock::WallClock;

use super::data::{self, DataFolder};
use super::{Settings, stand_ins};
use lutong_client::Failure;
use lutong_client::output::{in_language, pick_language};

/// How long the preflight check waits for the database, before the process reports that it is alive.
const PREFLIGHT_ACQUIRE_MS: u64 = 700;

#[derive(Debug, Args)]
pub struct Serve {
    /// The service to serve; default: all of them in this process.
    #[arg(value_parser = super::service)]
    service: Option<ServiceName>,
    /// Enable the development identity provider, which lets anybody sign in; loopback only. Creates the data folder if
    /// it does not exist.
    #[arg(long)]
    dev: bool,
    /// Also play the providers of the sign-in channels, the authority's real-name check and the gateway of text messages.
    #[arg(long, requires = "dev", conflicts_with = "service")]
    stand_ins: bool,
    /// Create the data folder if it does not exist.
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
pub struct Migrate {
    #[arg(value_parser = super::service)]
    service: ServiceName,
    #[command(flatten)]
    folder: DataFolder,
}

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Read the configuration as `serve` would, and print it with everything that is wrong.
    Check(Check),
}

#[derive(Debug, Args)]
pub struct Check {
    /// As for `serve`.
    #[arg(value_parser = super::service)]
    service: Option<ServiceName>,
    /// As for `serve`.
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Settings {
    pub fn load(&self, dev: bool) -> Result<NodeConfig, Failure> {
        let mut flags = Dict::new();
        if let Some(data) = &self.data {
            flags.insert("data".to_owned(), Value::from(data.display().to_string()));
        }
        if dev {
            let gateway: Dict = [("dev".to_owned(), Value::from(true))].into();
            flags.insert("gateway".to_owned(), Value::from(gateway));
        }
        NodeConfig::load(self.config.as_deref(), flags)
            .map_err(|error| Failure::Input(pick_language(&error.to_string())))
    }
}

/// For one process: refuses a missing data folder, because a mistyped `--data` would create an empty one. Allowed in
/// development.
fn check_data(config: &NodeConfig, service: Option<ServiceName>, create: bool) -> Result<(), Failure> {
    if service.is_some() || create || config.gateway.dev {
        return Ok(());
    }
    data::check_folder(&config.data)
}

/// The findings, one per line.
fn render(findings: &Findings) -> String {
    let line = |finding: &Finding| {
        let kind = if finding.is_error {
            in_language("错误", "error")
        } else {
            in_language("警告", "warning")
        };
        format!("{kind}: {}", pick_language(&finding.text))
    };
    let lines: Vec<_> = findings.0.iter().map(line).collect();
    lines.join("\n")
}

impl Serve {
    pub async fn run(self) -> Result<(), Failure> {
        let mut config = self.settings.load(self.dev)?;
        let (clock, random) = (Arc::new(WallClock), Arc::new(Entropy));
        // A database that is away is waited for later, when the process already answers health checks.
        let mut impatient = config.clone();
        impatient.storage.acquire_timeout_ms = impatient.storage.acquire_timeout_ms.min(PREFLIGHT_ACQUIRE_MS);
        let findings = preflight::check(self.service, &impatient, &*clock).await;
        if findings.has_errors() {
            let all = render(&findings);
            return Err(Failure::Input(lang!(
                "不能启动：\n{all}",
                "cannot start:
{all}"
            )));
        }
        check_data(&config, self.service, self.create)?;
        let name = self.service.map_or("lutong", ServiceName::as_str);
        if self.service.is_none() && !config.data.exists() {
            // Announced so that a mistyped `--data` is noticed.
            let data = config.data.display();
            announce(&lang!(
                "新建数据目录：{data}",
                "creating a new data folder: {data}"
            ));
        }
        let telemetry = telemetry::init(&config.telemetry, name)?;
        let stand_ins = if self.stand_ins {
            Some(stand_ins::start(&mut config, clock.clone(), random.clone()).await?)
        } else {
            None
        };
        for warning in &findings.0 {
            tracing::warn!(service = name, "{}", warning.text);
        }
        let running = match self.service {
            None => one_process::start(&config, clock, random, telemetry.render()).await?,
            Some(service) => one_service::start(service, &config, clock, random, telemetry.render()).await?,
        };
        let address = running.address;
        announce(&lang!(
            "{name} 已在 {address} 提供服务",
            "{name} serves on {address}"
        ));
        if let Some(staff) = running.staff_address {
            let text = in_language("人员和数据源（凭证书）", "staff and feeds, with a certificate");
            lutong_client::output::announce(format_args!("  {text}: https://{staff}"));
        }
        if let Some(partners) = running.partner_address {
            let text = in_language("互认伙伴（凭证书）", "partners, with a certificate");
            lutong_client::output::announce(format_args!("  {text}: https://{partners}"));
        }
        if self.service.is_none() {
            greet(&config, running.address);
        }
        if let Some(stand_ins) = stand_ins {
            let text = in_language("替身收到的短信", "text messages, as the stand-in has them");
            lutong_client::output::announce(format_args!("  {text}: {}/messages", stand_ins.base));
        }
        tracing::info!(service = name, address = %running.address, "serving");
        running.until_signal().await?;
        drop(telemetry);
        Ok(())
    }
}

fn announce(text: &str) {
    lutong_client::output::announce(format_args!("lutong: {text}"));
}

/// Prints what a first-time user needs: the address, the data folder, how to sign in, and what to try next.
fn greet(config: &NodeConfig, address: std::net::SocketAddr) {
    let line = |zh: &str, en: &str, value: &str| {
        lutong_client::output::announce(format_args!("  {}: {value}", in_language(zh, en)));
    };
    line("接口文档", "API", &format!("http://{address}/docs"));
    let data = std::path::absolute(&config.data).unwrap_or_else(|_| config.data.clone());
    line("数据目录", "data", &data.display().to_string());
    let public_url = config.gateway.channels.public_url.as_str();
    if !public_url.is_empty() {
        line("登录页面", "sign-in page", &format!("{public_url}/sign-in"));
    }
    if config.gateway.dev {
        let sign_in = format!(
            "curl -s http://{address}/v1/dev/sessions -H 'content-type: application/json' -d '{{\"account_id\": \"wx-1\"}}'"
        );
        line(
            "登录（仅开发：任何名字都可登录）",
            "sign in (development: any name is let in)",
            &sign_in,
        );
        line(
            "下一步",
            "next",
            &format!("lutong check --endpoint {address}; lutong tour"),
        );
    } else if public_url.is_empty() {
        line(
            "登录",
            "sign in",
            in_language(
                "目前无人可以登录：尚未开通登录渠道（gateway.channels）。试用请加 --dev（仅限本机）",
                "nobody can sign in: no channel is on (gateway.channels). To try it, start with --dev (this machine only)",
            ),
        );
    }
    if !config.gateway.dev {
        line("下一步", "next", &format!("lutong check --endpoint {address}"));
    }
    line("结束", "stop", "Ctrl-C");
}

impl Migrate {
    pub async fn run(self) -> Result<(), Failure> {
        let service = self.service;
        let storage = self.folder.open(service)?.storage;
        wiring::migrate(service, &storage)
            .await
            .map_err(|source| StartError::Migrate { service, source })?;
        tell!("{service}：表结构已是最新", "{service}: the schema is up to date");
        Ok(())
    }
}

impl Config {
    pub async fn run(self) -> Result<(), Failure> {
        let Self::Check(asked) = self;
        let config = asked.settings.load(false)?;
        let mut findings = preflight::check(asked.service, &config, &WallClock).await;
        if let Some(service) = asked.service.filter(|_| !findings.has_errors()) {
            preflight::check_peers(service, &config, &mut findings).await;
        }
        say!("{}", serde_json::to_string_pretty(&config)?);
        if findings.has_errors() {
            return Err(Failure::Input(render(&findings)));
        }
        if !findings.0.is_empty() {
            lutong_client::output::complain(format_args!("lutong: {}", render(&findings)));
        }
        check_data(&config, asked.service, asked.create)?;
        Ok(())
    }
}
