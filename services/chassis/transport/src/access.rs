//! Who may call what. The policy comes from the contract; the layer in [`crate::server`] enforces it; what it
//! leaves for the use case is a [`Grant`], from which a permit must be made to reach another person's data.

mod grant;
mod permit;
mod principal;
mod table;
mod token;

pub use grant::{AnyPermit, Grant};
pub use permit::{
    BearerPermit, CasePermit, DeclarantPermit, DivisionPermit, FeedPermit, NoPermit, Permit,
    PermittedSubject, SelfPermit, WardPermit,
};
pub use principal::{FeedGrant, Principal, Roles};
pub use table::{AccessTable, Refusal, RpcPolicy};
pub use token::{Channel, PrincipalKey, SessionClaims, TokenError};

/// Metadata key of the internal token, base64url without padding.
pub const PRINCIPAL_HEADER: &str = "lutong-principal";
