//! What an operator sets for identity.

use serde::{Deserialize, Serialize};

use crate::bindings::domain::BindingPolicy;
use crate::messages::MessagesConfig;
use crate::peers::card_platform::CardPlatformConfig;
use crate::peers::real_name::RealNameConfig;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityConfig {
    /// Text messages to people.
    pub messages: MessagesConfig,
    /// The authority's real-name check.
    pub real_name: RealNameConfig,
    /// The platform of electronic health cards.
    pub card_platform: CardPlatformConfig,
    /// Whether accounts of no channel, which are those of the development identity provider, are believed without a proof. With `--dev`
    /// it is on; otherwise only where this process listens on loopback.
    pub trust_stated: bool,
    /// Family bindings.
    pub bindings: BindingPolicy,
}
