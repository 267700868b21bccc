//! Who may call what. The policy comes from the contract and is enforced by the layer in [`crate::server`]. An admitted
//! call carries a [`Grant`], from which the use case must make a permit to reach a person's data.

mod grant;
mod permit;
mod principal;
mod table;
mod token;

pub use grant::{AnyPermit, Grant, Origin};
pub use permit::{
    BearerPermit, CasePermit, DeclarantPermit, DivisionPermit, FeedPermit, NoPermit, Permit,
    PermittedSubject, SelfPermit, WardPermit, outside,
};
pub use principal::{FeedGrant, Principal, Roles};
pub use table::{AccessTable, Refusal, RpcPolicy};
pub use token::{PrincipalKey, SessionClaims, TokenError};

/// Metadata key of the internal token, base64url without padding.
pub const PRINCIPAL_HEADER: &str = "lutong-principal";
/// Metadata key of the network from which an outside call came, as a keyed hash that the gateway makes; never an address.
pub const NETWORK_HEADER: &str = "lutong-network";
/// The most characters of such a hash.
pub const MAX_NETWORK: usize = 64;
/// Metadata key of the hosts that the certificate of an outside connection names, where it came in at the gateway's listener for
/// partners: in lower case, separated by commas.
pub const PARTNER_HEADER: &str = "lutong-partner";
