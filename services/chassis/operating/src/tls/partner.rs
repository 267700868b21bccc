//! Certificates of partners: a partner that calls the gateway shows one that names its hosts among the subject alternative names. Which
//! partner has which host says the trust list, and so only federation.
//!
//! They have authorities of their own. A certificate of the mesh or of an account is refused where those are kept apart, and would be no
//! partner's where they are not: no trust list names a host of the mesh.

use std::sync::Arc;

use lutong_kernel::Timestamp;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::named::named_server_config;
use super::{TlsError, TlsFiles, certificate};

/// Hosts that a certificate may name: a trust list has at most eight of a partner.
pub const MAX_NAMES: usize = 16;

/// The server side: every peer must show a certificate of the partners' authorities that names 1 to 16 hosts.
pub fn server_config(files: &TlsFiles) -> Result<Arc<rustls::ServerConfig>, TlsError> {
    named_server_config(files, |certificate| partner_of(certificate).is_some())
}

/// What the certificate of a connection names, at the gateway's listener for partners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerPartner {
    /// Hosts, in lower case.
    pub names: Arc<[String]>,
    /// When the certificate expires. The connection may outlive it, so every call checks.
    pub until: Timestamp,
}

/// The hosts that the peer's certificate names, and when the certificate expires.
pub fn partner_of_connection(connection: &rustls::ServerConnection) -> Option<PeerPartner> {
    partner_of(connection.peer_certificates()?.first()?)
}

/// `None` if the certificate names no host, or too many.
fn partner_of(certificate: &CertificateDer<'_>) -> Option<PeerPartner> {
    let parsed = EndEntityCert::try_from(certificate).ok()?;
    let names: Arc<[String]> = parsed.valid_dns_names().map(str::to_ascii_lowercase).collect();
    (1..=MAX_NAMES).contains(&names.len()).then(|| PeerPartner {
        names,
        until: certificate::dates(&parsed).1,
    })
}
