//! `serve`, `migrate`, `config check`.

use std::sync::Arc;

use clap::{Args, Subcommand};
use figment::value::{Dict, Value};
use lutong_kernel::ServiceName;
use lutong_node::config::NodeConfig;
use lutong_node::preflight::{Finding, Findings};
use lutong_node::{StartError, one_process, one_service, preflight, wiring};
use lutong_operating::entropy::Entropy;
use lutong_operating::telemetry;
use lutong_operating::wall_clock::WallClock;

use super::data::{self, DataFolder};
use super::{Failure, Settings};
use crate::output::{in_language, of_both};

/// How long a start waits for its database before it says that it is alive.
const BRIEF_MS: u64 = 700;

#[derive(Debug, Args)]
pub struct Serve {
    /// One of the mesh; none: all of them in this process.
    #[arg(value_parser = super::service)]
    service: Option<ServiceName>,
    /// Sign in as anybody (development identity provider); loopback only. Makes the data folder where there is none.
    #[arg(long)]
    dev: bool,
    /// Make the data folder where there is none yet.
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
    /// Read the configuration as `serve` would, and say what is wrong or what is in force.
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
            .map_err(|error| Failure::Input(of_both(&error.to_string())))
    }
}

/// In one process: a mistyped `--data` would begin an empty folder. Whoever develops may start with nothing.
fn check_data(config: &NodeConfig, service: Option<ServiceName>, create: bool) -> Result<(), Failure> {
    if service.is_some() || create || config.gateway.dev {
        return Ok(());
    }
    data::check_folder(&config.data)
}

/// What was found, a line each.
fn listed(findings: &Findings) -> String {
    let line = |finding: &Finding| {
        let kind = if finding.refuses {
            in_language("错误", "error")
        } else {
            in_language("警告", "warning")
        };
        format!("{kind}: {}", of_both(&finding.text))
    };
    let lines: Vec<_> = findings.0.iter().map(line).collect();
    lines.join("\n")
}

impl Serve {
    pub async fn run(self) -> Result<(), Failure> {
        let config = self.settings.load(self.dev)?;
        let (clock, random) = (Arc::new(WallClock), Arc::new(Entropy));
        // A database that is away is waited for later, when the process can already be asked how it is.
        let mut brief = config.clone();
        brief.storage.acquire_timeout_ms = brief.storage.acquire_timeout_ms.min(BRIEF_MS);
        let findings = preflight::check(self.service, &brief, &*clock).await;
        if findings.refuse_start() {
            let all = listed(&findings);
            return Err(Failure::Input(lang!(
                "不能启动：\n{all}",
                "this cannot be started:\n{all}"
            )));
        }
        check_data(&config, self.service, self.create)?;
        let name = self.service.map_or("lutong", ServiceName::as_str);
        if self.service.is_none() && !config.data.exists() {
            // The first start makes it; whoever mistyped `--data` sees it here.
            let data = config.data.display();
            announce(&lang!(
                "新建数据目录：{data}",
                "a new data folder is made: {data}"
            ));
        }
        let telemetry = telemetry::init(&config.telemetry, name)?;
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
            crate::output::announce(format_args!("  {text}: https://{staff}"));
        }
        if self.service.is_none() {
            greet(&config, running.address);
        }
        tracing::info!(service = name, address = %running.address, "serving");
        running.until_signal().await?;
        drop(telemetry);
        Ok(())
    }
}

fn announce(text: &str) {
    crate::output::announce(format_args!("lutong: {text}"));
}

/// What somebody who starts it for the first time wants to know: where it is, where it keeps what it is told, how to sign
/// in, and what to try next.
fn greet(config: &NodeConfig, address: std::net::SocketAddr) {
    let line = |zh: &str, en: &str, value: &str| {
        crate::output::announce(format_args!("  {}: {value}", in_language(zh, en)));
    };
    line("接口文档", "API", &format!("http://{address}/docs"));
    let data = std::path::absolute(&config.data).unwrap_or_else(|_| config.data.clone());
    line("数据目录", "data", &data.display().to_string());
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
    } else {
        line(
            "登录",
            "sign in",
            in_language(
                "目前无人可以登录：尚未接入身份提供方。试用请加 --dev（仅限本机）",
                "nobody can sign in: no identity provider is set up. To try it, start with --dev (this machine only)",
            ),
        );
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
        if let Some(service) = asked.service.filter(|_| !findings.refuse_start()) {
            preflight::check_peers(service, &config, &mut findings).await;
        }
        say!("{}", serde_json::to_string_pretty(&config)?);
        if findings.refuse_start() {
            return Err(Failure::Input(listed(&findings)));
        }
        if !findings.0.is_empty() {
            crate::output::complain(format_args!("lutong: {}", listed(&findings)));
        }
        check_data(&config, asked.service, asked.create)?;
        Ok(())
    }
}
