//! `serve`, `migrate`, `config check`.

use std::sync::Arc;

use clap::{Args, Subcommand};
use figment::value::{Dict, Value};
use lutong_chassis::entropy::Entropy;
use lutong_chassis::telemetry;
use lutong_chassis::wall_clock::WallClock;
use lutong_kernel::ServiceName;
use lutong_node::config::NodeConfig;
use lutong_node::{StartError, one_process, one_service, wiring};

use super::data::DataFolder;
use super::{Failure, Settings};

#[derive(Debug, Args)]
pub struct Serve {
    /// One of the mesh; none: all of them in this process.
    #[arg(value_parser = super::service)]
    service: Option<ServiceName>,
    /// Sign in as anybody (development identity provider); loopback only.
    #[arg(long)]
    dev: bool,
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
        NodeConfig::load(self.config.as_deref(), flags).map_err(|error| Failure::Input(error.to_string()))
    }
}

impl Serve {
    pub async fn run(self) -> Result<(), Failure> {
        let config = self.settings.load(self.dev)?;
        check(self.service, &config).map_err(|error| Failure::Input(error.to_string()))?;
        let name = self.service.map_or("lutong", ServiceName::as_str);
        if self.service.is_none() && !config.data.exists() {
            // The first start makes it; whoever mistyped `--data` sees it here.
            println!("lutong: a new data folder is made: {}", config.data.display());
        }
        let telemetry = telemetry::init(&config.telemetry, name)?;
        let (clock, random) = (Arc::new(WallClock), Arc::new(Entropy));
        let running = match self.service {
            None => one_process::start(&config, clock, random, telemetry.render()).await?,
            Some(service) => one_service::start(service, &config, clock, random, telemetry.render()).await?,
        };
        println!("lutong: {name} serves on {}", running.address);
        tracing::info!(service = name, address = %running.address, "serving");
        running.until_signal().await?;
        drop(telemetry);
        Ok(())
    }
}

/// What can be known to be wrong before a port is bound.
fn check(service: Option<ServiceName>, config: &NodeConfig) -> Result<(), StartError> {
    lutong_declaration::sources(&config.declaration)?;
    lutong_federation::trust_list(&config.federation)?;
    let Some(service) = service else { return Ok(()) };
    let missing = |key, reason: &str| {
        Err(StartError::Setting {
            key,
            reason: reason.to_owned(),
        })
    };
    if service != ServiceName::Gateway && config.storage.url.expose().is_empty() {
        return missing(
            "storage.url",
            "a service of the mesh needs its database, for example LUTONG_STORAGE__URL=postgres://…",
        );
    }
    if config.tls.ca.as_os_str().is_empty() || config.tls.certificate.as_os_str().is_empty() {
        return missing(
            "tls",
            "a service of the mesh needs its certificate: `lutong certs dev`, then LUTONG_TLS__CA, __CERTIFICATE, __KEY",
        );
    }
    Ok(())
}

impl Migrate {
    pub async fn run(self) -> Result<(), Failure> {
        let service = self.service;
        let (_, storage) = self.folder.open(service)?;
        wiring::migrate(service, &storage)
            .await
            .map_err(|source| StartError::Migrate { service, source })?;
        println!("{service}: the schema is up to date");
        Ok(())
    }
}

impl Config {
    pub fn run(self) -> Result<(), Failure> {
        let Self::Check(asked) = self;
        let config = asked.settings.load(false)?;
        check(asked.service, &config).map_err(|error| Failure::Input(error.to_string()))?;
        let shown = serde_json::to_string_pretty(&config)?;
        println!("{shown}");
        Ok(())
    }
}
