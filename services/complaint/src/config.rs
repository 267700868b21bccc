//! What an operator sets for complaint.

use std::path::PathBuf;

use lutong_chassis::BuildError;
use serde::{Deserialize, Serialize};

use crate::domain::relief::ReliefPolicy;
use crate::{SERVICE, damaged};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComplaintConfig {
    /// File of the province's policy of interim relief; unset: that of the build, which gives none.
    pub relief_policy: Option<PathBuf>,
}

/// The policy of interim relief, read from its file where there is one.
pub fn relief_policy(config: &ComplaintConfig) -> Result<ReliefPolicy, BuildError> {
    let Some(path) = &config.relief_policy else {
        return ReliefPolicy::of_province().map_err(|error| damaged(&error));
    };
    let unreadable = |reason: &dyn std::fmt::Display| BuildError::Config {
        service: SERVICE,
        reason: format!("complaint.relief_policy {}: {reason}", path.display()),
    };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    ReliefPolicy::parse(&text).map_err(|error| unreadable(&error))
}
