//! Federation's part of the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Federation's configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FederationConfig {
    /// The file of the trust list. Without one no partner is trusted.
    pub trust_list: Option<PathBuf>,
}
