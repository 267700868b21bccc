//! The two keys that the whole mesh shares: what internal tokens and sessions are made with.

use std::path::Path;

use lutong_chassis::access::PrincipalKey;
use lutong_chassis::crypto::{KeyFile, KeyFileError};
use lutong_kernel::Random;

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
