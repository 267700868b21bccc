//! Federation's part of the configuration.

use std::path::PathBuf;

use lutong_token::Issuer;
use serde::{Deserialize, Serialize};

use crate::peers::national::NationalConfig;

/// Federation's configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FederationConfig {
    /// The file of a list that is not signed. It stands until the first signed one is activated. Without either no partner is trusted.
    pub trust_list: Option<PathBuf>,
    /// Two digits of GB/T 2260: whose system this is, as sender and audience of messages.
    pub province: String,
    /// The file of the public root keys (PEM) that sign trust lists. Without one no signed list is taken.
    pub trust_root: Option<PathBuf>,
    /// The national platform, asked for health codes; without `gateway.url` it is not.
    pub national: NationalConfig,
}

impl Default for FederationConfig {
    fn default() -> Self {
        Self {
            trust_list: None,
            province: Issuer::SHANDONG.to_string(),
            trust_root: None,
            national: NationalConfig::default(),
        }
    }
}
