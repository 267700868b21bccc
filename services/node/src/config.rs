//! What an operator may set, for both shapes: file, `LUTONG_*` variables, flags.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use figment::value::Dict;
use lutong_declaration::DeclarationConfig;
use lutong_federation::FederationConfig;
use lutong_gateway::GatewayConfig;
use lutong_kernel::ServiceName;
use lutong_operating::config;
use lutong_operating::config::ConfigError;
use lutong_operating::telemetry::TelemetryConfig;
use lutong_operating::tls::TlsFiles;
use lutong_storage::StorageConfig;
use lutong_transport::server::ListenConfig;
use serde::{Deserialize, Serialize};

/// The whole configuration of a process.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeConfig {
    /// One process: where databases and keys lie.
    pub data: PathBuf,
    /// One service: its mesh address, mTLS.
    pub listen: SocketAddr,
    /// `/healthz/live`, `/healthz/ready`, `/metrics`; none: not served.
    pub admin_listen: Option<SocketAddr>,
    /// One service: its database.
    pub storage: StorageConfig,
    /// One service: the doorbell and the gateway's shared limits, for example `redis://redis:6379`.
    pub redis: Option<String>,
    /// One service: where the others are.
    pub peers: PeersConfig,
    /// One service: its mesh identity.
    pub tls: TlsFiles,
    /// One service: folder of the key files.
    pub keys: PathBuf,
    pub server: ListenConfig,
    pub gateway: GatewayConfig,
    pub declaration: DeclarationConfig,
    pub federation: FederationConfig,
    pub telemetry: TelemetryConfig,
}

/// Addresses of the services: comma-separated URIs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeersConfig {
    pub identity: String,
    pub declaration: String,
    pub risk_rules: String,
    pub code_rendering: String,
    pub complaint: String,
    pub federation: String,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./lutong-data"),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9000)),
            admin_listen: None,
            storage: StorageConfig::default(),
            redis: None,
            peers: PeersConfig::default(),
            tls: TlsFiles::default(),
            keys: PathBuf::from("./lutong-keys"),
            server: ListenConfig::default(),
            gateway: GatewayConfig::default(),
            declaration: DeclarationConfig::default(),
            federation: FederationConfig::default(),
            telemetry: TelemetryConfig::default(),
        }
    }
}

impl NodeConfig {
    pub fn load(file: Option<&Path>, flags: Dict) -> Result<Self, ConfigError> {
        let mut known = Self {
            admin_listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9090))),
            redis: Some(String::new()),
            ..Self::default()
        };
        known.gateway.staff_listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)));
        known.federation.trust_list = Some(PathBuf::new());
        known.telemetry.otlp_endpoint = Some(String::new());
        config::load(&Self::default(), &known, file, flags)
    }
}

impl PeersConfig {
    /// Where a service is.
    pub fn of(&self, service: ServiceName) -> &str {
        match service {
            ServiceName::Identity => &self.identity,
            ServiceName::Declaration => &self.declaration,
            ServiceName::RiskRules => &self.risk_rules,
            ServiceName::CodeRendering => &self.code_rendering,
            ServiceName::Complaint => &self.complaint,
            ServiceName::Federation => &self.federation,
            ServiceName::Gateway => "",
        }
    }
}
