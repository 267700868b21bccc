//! The two keys that the whole mesh shares: what internal tokens and sessions are made with.

use std::path::Path;

use lutong_chassis::Foundation;
use lutong_chassis::access::PrincipalKey;
use lutong_chassis::crypto::{KeyFile, KeyFileError};
use lutong_kernel::{Random, ServiceName};

/// For every service, and for the gateway.
#[derive(Debug, Clone)]
pub struct MeshKeys {
    pub principal: PrincipalKey,
    pub session: PrincipalKey,
}

impl MeshKeys {
    /// Reads `mesh.keys` in the folder, making it when there is none.
    pub fn open(folder: &Path, random: &dyn Random) -> Result<Self, KeyFileError> {
        let file = KeyFile::open(&folder.join("mesh.keys"), &["principal", "session"], random)?;
        Ok(Self {
            principal: PrincipalKey::internal(*file.key("principal")?.expose()),
            session: PrincipalKey::session(*file.key("session")?.expose()),
        })
    }
}

/// Makes every service's key file that is not there yet, as the first start of each would.
pub fn init(folder: &Path, random: &dyn Random) -> Result<(), KeyFileError> {
    MeshKeys::open(folder, random)?;
    for service in ServiceName::WITH_STORAGE {
        let more: &[&str] = match service {
            ServiceName::CodeRendering => &[lutong_code_rendering::DYNAMIC_ID_KEY],
            ServiceName::RiskRules => &[lutong_risk_rules::CHAIN_KEY],
            _ => &[],
        };
        Foundation::service_keys(folder, service, more, random)?;
    }
    Ok(())
}
