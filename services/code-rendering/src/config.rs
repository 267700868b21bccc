//! What an operator sets for code-rendering.

use std::time::Duration;

use lutong_chassis::BuildError;
use lutong_token::{Algorithm, Issuer};
use serde::{Deserialize, Serialize};

use crate::SERVICE;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CodeRenderingConfig {
    /// Doors.
    pub doors: DoorPolicy,
    /// What a key that is made signs with: the first one and those of `lutong keys create` and `rotate`. A key that stands keeps its own.
    pub key_algorithm: KeyAlgorithm,
    /// Two digits of GB/T 2260: whose codes these are. It is federation's setting, so that a system is of one province.
    #[serde(skip, default = "shandong")]
    pub province: String,
}

fn shandong() -> String {
    Issuer::SHANDONG.to_string()
}

impl Default for CodeRenderingConfig {
    fn default() -> Self {
        Self {
            doors: DoorPolicy::default(),
            key_algorithm: KeyAlgorithm::default(),
            province: shandong(),
        }
    }
}

impl CodeRenderingConfig {
    /// For whom keys sign, and with what the next one does.
    pub(crate) fn signing(&self) -> Result<(Issuer, Algorithm), BuildError> {
        let issuer = Issuer::parse(&self.province).map_err(|error| BuildError::Config {
            service: SERVICE,
            reason: format!("federation.province {:?}: {error}", self.province),
        })?;
        Ok((issuer, self.key_algorithm.into()))
    }
}

/// The algorithms that a province may choose for its keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyAlgorithm {
    /// RFC 8032. The fastest.
    #[default]
    Ed25519,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// SM2 with SM3 (GB/T 32918.2-2016), where the national algorithms are required.
    Sm2,
}

impl From<KeyAlgorithm> for Algorithm {
    fn from(chosen: KeyAlgorithm) -> Self {
        match chosen {
            KeyAlgorithm::Ed25519 => Self::Ed25519,
            KeyAlgorithm::Es256 => Self::Es256,
            KeyAlgorithm::Sm2 => Self::Sm2,
        }
    }
}

/// The province's policy for doors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DoorPolicy {
    /// Seconds between two heartbeats of a device.
    pub heartbeat_s: u64,
    /// Seconds after which a device or a door of which nothing was heard is silent.
    pub silent_after_s: u64,
    /// Seconds within which an officer acknowledges a report.
    pub acknowledge_within_s: u64,
    /// Seconds after its scan within which a report is accepted from a door that had no connection.
    pub report_within_s: u64,
    /// Seconds after which a member of staff who signed in at a device is signed out.
    pub staff_sign_in_s: u64,
    /// Days after which a closed report is deleted.
    pub keep_closed_days: u64,
}

impl Default for DoorPolicy {
    fn default() -> Self {
        Self {
            heartbeat_s: 60,
            silent_after_s: 600,
            acknowledge_within_s: 1_800,
            report_within_s: 72 * 3_600,
            staff_sign_in_s: 12 * 3_600,
            keep_closed_days: 180,
        }
    }
}

/// Keys for tokens are published for fifteen days after their last use, and paper tokens are valid for as long.
const LONGEST_REPORT_DELAY: u64 = 14 * 86_400;
const DAY: u64 = 86_400;

impl DoorPolicy {
    pub const fn heartbeat(self) -> Duration {
        Duration::from_secs(self.heartbeat_s)
    }

    pub const fn silent_after(self) -> Duration {
        Duration::from_secs(self.silent_after_s)
    }

    pub const fn acknowledge_within(self) -> Duration {
        Duration::from_secs(self.acknowledge_within_s)
    }

    pub const fn report_within(self) -> Duration {
        Duration::from_secs(self.report_within_s)
    }

    pub const fn staff_sign_in(self) -> Duration {
        Duration::from_secs(self.staff_sign_in_s)
    }

    pub const fn keep_closed(self) -> Duration {
        Duration::from_secs(self.keep_closed_days.saturating_mul(DAY))
    }

    /// Refuses a policy that could not be kept, naming the key.
    pub(crate) fn check(self) -> Result<(), BuildError> {
        let bounds = [
            ("heartbeat_s", self.heartbeat_s, 5, 3_600),
            ("silent_after_s", self.silent_after_s, self.heartbeat_s + 1, DAY),
            ("acknowledge_within_s", self.acknowledge_within_s, 60, DAY),
            ("report_within_s", self.report_within_s, 60, LONGEST_REPORT_DELAY),
            ("staff_sign_in_s", self.staff_sign_in_s, 600, DAY),
            ("keep_closed_days", self.keep_closed_days, 1, 3_650),
        ];
        for (key, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(BuildError::Config {
                    service: SERVICE,
                    reason: format!("code_rendering.doors.{key} is between {least} and {most}"),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> String {
        let config: CodeRenderingConfig = serde_json::from_str(json).unwrap();
        config.doors.check().unwrap_err().to_string()
    }

    #[test]
    fn a_policy_that_cannot_be_kept_is_refused_by_its_key() {
        assert!(DoorPolicy::default().check().is_ok());
        for (json, key) in [
            (r#"{"doors": {"heartbeat_s": 0}}"#, "heartbeat_s"),
            (r#"{"doors": {"heartbeat_s": 600}}"#, "silent_after_s"),
            (
                r#"{"doors": {"acknowledge_within_s": 1}}"#,
                "acknowledge_within_s",
            ),
            (r#"{"doors": {"report_within_s": 2592000}}"#, "report_within_s"),
            (r#"{"doors": {"staff_sign_in_s": 60}}"#, "staff_sign_in_s"),
            (r#"{"doors": {"keep_closed_days": 0}}"#, "keep_closed_days"),
        ] {
            let text = refused(json);
            assert!(text.contains(&format!("doors.{key} is between")), "{text}");
        }
        assert!(serde_json::from_str::<CodeRenderingConfig>(r#"{"door": {}}"#).is_err());
    }

    #[test]
    fn the_algorithm_of_new_keys_is_chosen_by_its_name() {
        for algorithm in ["ed25519", "es256", "sm2"] {
            let json = format!(r#"{{"key_algorithm": "{algorithm}"}}"#);
            let config: CodeRenderingConfig = serde_json::from_str(&json).unwrap();
            assert_eq!(Algorithm::from(config.key_algorithm).to_string(), algorithm);
        }
        for json in [r#"{"key_algorithm": "rsa"}"#, r#"{"key_algorithm": "SM2"}"#] {
            assert!(
                serde_json::from_str::<CodeRenderingConfig>(json).is_err(),
                "{json}"
            );
        }
    }
}
