//! Federation's part of the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FederationConfig {
    /// The trust list; without one no partner is trusted.
    pub trust_list: Option<PathBuf>,
}
