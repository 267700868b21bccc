//! The services of the mesh by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceName {
    Identity,
    Declaration,
    RiskRules,
    CodeRendering,
    Complaint,
    Federation,
    Gateway,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no service {0:?}: a service is one of identity, declaration, risk-rules, code-rendering, complaint, federation, gateway"
)]
pub struct UnknownService(pub String);

impl ServiceName {
    pub const ALL: [Self; 7] = [
        Self::Identity,
        Self::Declaration,
        Self::RiskRules,
        Self::CodeRendering,
        Self::Complaint,
        Self::Federation,
        Self::Gateway,
    ];

    /// Every service that keeps a database of its own: all but the gateway.
    pub const WITH_STORAGE: [Self; 6] = [
        Self::Identity,
        Self::Declaration,
        Self::RiskRules,
        Self::CodeRendering,
        Self::Complaint,
        Self::Federation,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Declaration => "declaration",
            Self::RiskRules => "risk-rules",
            Self::CodeRendering => "code-rendering",
            Self::Complaint => "complaint",
            Self::Federation => "federation",
            Self::Gateway => "gateway",
        }
    }

    /// The same with `_`, as proto packages, databases and environment variables spell it.
    pub const fn as_snake(self) -> &'static str {
        match self {
            Self::RiskRules => "risk_rules",
            Self::CodeRendering => "code_rendering",
            other => other.as_str(),
        }
    }

    /// The service that serves a proto package such as `lutong.risk_rules.v1`.
    pub fn of_package(package: &str) -> Option<Self> {
        let name = package.strip_prefix("lutong.")?.split('.').next()?;
        Self::WITH_STORAGE
            .into_iter()
            .find(|service| service.as_snake() == name)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ServiceName {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, UnknownService> {
        Self::ALL
            .into_iter()
            .find(|service| service.as_str() == text)
            .ok_or_else(|| UnknownService(text.to_owned()))
    }
}
