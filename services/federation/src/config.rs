//! Federation's part of the configuration.

use std::path::PathBuf;

use lutong_token::Issuer;
use serde::{Deserialize, Serialize};

use crate::peers::national::NationalConfig;
use crate::peers::partner_tls::PartnerTlsConfig;

/// Federation's configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FederationConfig {
    /// The file of a list that is not signed. It stands until the first signed one is activated. Without either no partner is trusted.
    pub trust_list: Option<PathBuf>,
    /// Two digits of GB/T 2260: whose system this is, as sender and audience of messages.
    #[serde(deserialize_with = "digits")]
    pub province: String,
    /// The file of the public root keys (PEM) that sign trust lists. Without one no signed list is taken.
    pub trust_root: Option<PathBuf>,
    /// How partners' servers are called.
    pub partner_tls: PartnerTlsConfig,
    /// Whether a message of a partner with `tls_names` is accepted over a connection without a certificate too: at the gateway's public
    /// listener.
    pub accept_without_certificate: bool,
    /// The national platform, asked for health codes; without `gateway.url` it is not.
    pub national: NationalConfig,
}

/// A code of digits, which variables and YAML read as a number unless it is quoted.
fn digits<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Digits {
        Text(String),
        Number(u32),
    }
    Ok(match Digits::deserialize(deserializer)? {
        Digits::Text(text) => text,
        Digits::Number(number) => number.to_string(),
    })
}

impl Default for FederationConfig {
    fn default() -> Self {
        Self {
            trust_list: None,
            province: Issuer::SHANDONG.to_string(),
            trust_root: None,
            partner_tls: PartnerTlsConfig::default(),
            accept_without_certificate: false,
            national: NationalConfig::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_province_is_read_with_and_without_quotes() {
        for json in [r#"{"province": "32"}"#, r#"{"province": 32}"#] {
            let config: FederationConfig = serde_json::from_str(json).unwrap();
            assert_eq!(config.province, "32");
        }
        assert!(serde_json::from_str::<FederationConfig>(r#"{"province": ["32"]}"#).is_err());
    }
}
