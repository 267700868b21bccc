//! Whether a message comes over a connection of its sender. Pure.

use crate::partners::domain::PartnerId;
use crate::trust_lists::domain::{Agreement, TrustList};

/// The connection over which a message came in, as the gateway states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// The public listener, where nobody shows a certificate.
    Public,
    /// The listener for partners: the hosts that the verified certificate names, in lower case.
    Certified(Vec<String>),
}

/// Why a message is refused for the connection over which it came. The names are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum RefusedConnection {
    /// The certificate is not the sender's.
    WrongCertificate,
    /// The sender has to come with a certificate.
    NoCertificate,
}

impl Connection {
    /// Whether a message of a partner may come over it. A partner with names comes with a certificate of one of them, and over the public
    /// listener only where that is accepted; one without names has no certificate that would be its own.
    pub fn check(&self, sender: &Agreement, accepts_public: bool) -> Result<(), RefusedConnection> {
        match self {
            Self::Certified(names) if names.iter().any(|name| sender.tls_names.contains(name)) => Ok(()),
            Self::Certified(_) => Err(RefusedConnection::WrongCertificate),
            Self::Public if sender.tls_names.is_empty() || accepts_public => Ok(()),
            Self::Public => Err(RefusedConnection::NoCertificate),
        }
    }

    /// The partner whose certificate it is, which the handshake has proven; none for a host that the list does not name.
    pub fn owner(&self, list: &TrustList) -> Option<PartnerId> {
        let Self::Certified(names) = self else {
            return None;
        };
        let mut all = list.partners.iter();
        let found = all.find(|(_, agreed)| agreed.tls_names.iter().any(|name| names.contains(name)));
        found.map(|(id, _)| *id)
    }
}
