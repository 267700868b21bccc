//! Why a process does not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use lutong_chassis::BuildError;
use lutong_operating::config::ConfigError;
use lutong_operating::telemetry::TelemetryError;
use lutong_operating::tls::TlsError;
use lutong_storage::crypto::KeyFileError;

use crate::wiring::WiringError;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("configuration: {0}")]
    Config(#[from] ConfigError),
    #[error("configuration: {key}: {reason}")]
    Setting { key: &'static str, reason: String },
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    #[error("mTLS: {0}")]
    Tls(#[from] TlsError),
    #[error("telemetry: {0}")]
    Telemetry(#[from] TelemetryError),
    #[error("the contract: {0}")]
    Contract(String),
    #[error("{address}: {source}")]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("{path}: {reason}")]
    Data { path: PathBuf, reason: String },
    #[error("migrating {service}: {source}")]
    Migrate {
        service: lutong_kernel::ServiceName,
        source: lutong_storage::installation::InstallationError,
    },
}

impl From<WiringError> for StartError {
    fn from(error: WiringError) -> Self {
        match error {
            WiringError::Build(error) => Self::Build(error),
            WiringError::Tls(error) => Self::Tls(error),
        }
    }
}
