//! Key files: those of the services, and the two keys that the whole mesh shares, for internal tokens and for sessions.

use std::path::Path;

use lutong_chassis::{KeyFolder, key_names};
use lutong_gateway::SessionKeys;
use lutong_kernel::{Random, ServiceName};
use lutong_storage::crypto::{KeyFile, KeyFileError};
use lutong_transport::access::PrincipalKey;

const MESH_KEYS: [&str; 2] = ["principal", "session"];

/// The keys that the mesh shares.
#[derive(Debug, Clone)]
pub struct MeshKeys {
    pub principal: PrincipalKey,
    pub session: SessionKeys,
}

impl MeshKeys {
    /// Reads `mesh.keys` in the folder; creates a missing one if the folder allows that.
    pub fn open(folder: &KeyFolder, random: &dyn Random) -> Result<Self, KeyFileError> {
        let path = folder.path.join("mesh.keys");
        let file = if folder.makes {
            KeyFile::open(&path, &MESH_KEYS, random)?
        } else {
            KeyFile::open_existing(&path, &MESH_KEYS)?
        };
        Ok(Self {
            principal: PrincipalKey::internal(*file.key("principal")?.expose()),
            session: SessionKeys::new(*file.key("session")?.expose()),
        })
    }
}

/// The names of the keys in a service's file.
pub fn names(service: ServiceName) -> Vec<&'static str> {
    key_names(match service {
        ServiceName::CodeRendering => &[lutong_code_rendering::DYNAMIC_ID_KEY],
        ServiceName::RiskRules => &[lutong_risk_rules::CHAIN_KEY],
        _ => &[],
    })
}

/// Creates every missing key file, for a new installation.
pub fn init(folder: &Path, random: &dyn Random) -> Result<(), KeyFileError> {
    let folder = KeyFolder::making(folder);
    MeshKeys::open(&folder, random)?;
    for service in ServiceName::WITH_STORAGE {
        KeyFile::open(&folder.file(service), &names(service), random)?;
    }
    Ok(())
}
