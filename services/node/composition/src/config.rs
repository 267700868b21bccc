//! The settings of both shapes: file, `LUTONG_*` variables, flags.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use figment::value::Dict;
use lutong_code_rendering::CodeRenderingConfig;
use lutong_complaint::ComplaintConfig;
use lutong_declaration::DeclarationConfig;
use lutong_federation::FederationConfig;
use lutong_gateway::GatewayConfig;
use lutong_identity::IdentityConfig;
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
    /// One process: folder of databases and keys.
    pub data: PathBuf,
    /// One service: its mesh address, mTLS.
    pub listen: SocketAddr,
    /// Address of `/healthz/live`, `/healthz/ready` and `/metrics`; if unset they are not served.
    pub admin_listen: Option<SocketAddr>,
    /// One service: its database.
    pub storage: StorageConfig,
    /// One service: Redis for the doorbell and the gateway's shared limits, for example `redis://redis:6379`.
    pub redis: Option<String>,
    /// One service: addresses of the others.
    pub peers: PeersConfig,
    /// One service: its mesh identity.
    pub tls: TlsFiles,
    /// One service: folder of the key files.
    pub keys: PathBuf,
    pub server: ListenConfig,
    pub gateway: GatewayConfig,
    pub identity: IdentityConfig,
    pub declaration: DeclarationConfig,
    pub code_rendering: CodeRenderingConfig,
    pub complaint: ComplaintConfig,
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
            identity: IdentityConfig::default(),
            declaration: DeclarationConfig::default(),
            code_rendering: CodeRenderingConfig::default(),
            complaint: ComplaintConfig::default(),
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
        known.gateway.partner_listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 8444)));
        known.complaint.relief_policy = Some(PathBuf::new());
        known.federation.trust_list = Some(PathBuf::new());
        known.federation.trust_root = Some(PathBuf::new());
        known.federation.national.gateway.secret_file = Some(PathBuf::new());
        known.federation.national.gateway.ca_file = Some(PathBuf::new());
        known.identity.messages.file = Some(PathBuf::new());
        known.identity.messages.credential_file = Some(PathBuf::new());
        known.identity.messages.ca_file = Some(PathBuf::new());
        known.identity.real_name.credential_file = Some(PathBuf::new());
        known.identity.real_name.ca_file = Some(PathBuf::new());
        known.gateway.channels.ca_file = Some(PathBuf::new());
        known.gateway.channels.aishandong.secret_file = Some(PathBuf::new());
        known.telemetry.otlp_endpoint = Some(String::new());
        config::load(&Self::default(), &known, file, flags)
    }
}

impl NodeConfig {
    /// Identity's part, with what follows from the others: messages lie in the data folder, and `--dev` believes what is stated.
    pub fn identity(&self) -> IdentityConfig {
        let mut identity = self.identity.clone();
        let file = identity.messages.file.take();
        identity.messages.file = Some(file.unwrap_or_else(|| self.data.join("messages.ndjson")));
        identity.trust_stated |= self.gateway.dev;
        identity
    }
}

impl NodeConfig {
    /// Code-rendering's part: it issues the codes of the province as which federation speaks.
    pub fn code_rendering(&self) -> CodeRenderingConfig {
        CodeRenderingConfig {
            province: self.federation.province.clone(),
            ..self.code_rendering.clone()
        }
    }
}

impl PeersConfig {
    /// The addresses of a service.
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
