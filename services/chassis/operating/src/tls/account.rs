//! Operators' certificates: staff and feeds present to the gateway a certificate that names their account in one URI
//! `urn:lutong:account:<account id, percent-encoded>` among its subject alternative names.
//!
//! They have a CA of their own. A mesh certificate names no account, so it is refused even where both share a CA by
//! mistake; a certificate that names two accounts is refused too.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::named::named_server_config;
use super::{TlsError, TlsFiles, certificate};
use lutong_kernel::Timestamp;

const URN: &str = "urn:lutong:account:";

/// RFC 3986's unreserved characters are not encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The name of an account in a certificate.
pub fn urn_of_account(account: &str) -> String {
    format!("{URN}{}", utf8_percent_encode(account, ENCODED))
}

/// The account named by a URI in a certificate; identity decides whether the account exists.
fn account_of_urn(urn: &str) -> Option<String> {
    let account = percent_decode_str(urn.strip_prefix(URN)?).decode_utf8().ok()?;
    (!account.is_empty()).then(|| account.into_owned())
}

/// The server side: every peer must show a certificate of the operators' authority that names one account.
pub fn server_config(files: &TlsFiles) -> Result<Arc<rustls::ServerConfig>, TlsError> {
    named_server_config(files, |certificate| account_of(certificate).is_some())
}

/// The account that the certificate of a connection names, at the gateway's listener for staff and feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAccount {
    pub account: Arc<str>,
    /// When the certificate expires. The connection may outlive it, so every call checks.
    pub until: Timestamp,
}

/// The account that the peer's certificate names, and when the certificate expires.
pub fn account_of_connection(connection: &rustls::ServerConnection) -> Option<PeerAccount> {
    account_of(connection.peer_certificates()?.first()?)
}

/// `None` if the certificate names no account, or more than one.
pub fn account_of(certificate: &CertificateDer<'_>) -> Option<PeerAccount> {
    let parsed = EndEntityCert::try_from(certificate).ok()?;
    let mut accounts = parsed.valid_uri_names().filter_map(account_of_urn);
    let account = accounts.next()?;
    let (_, until) = certificate::dates(&parsed);
    accounts.next().is_none().then(|| PeerAccount {
        account: account.into(),
        until,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_the_account_that_it_was_made_of() {
        for account in ["officer-1", "wx:o6_bmj", "a@b.cn", "50%"] {
            assert_eq!(account_of_urn(&urn_of_account(account)).as_deref(), Some(account));
        }
        assert_eq!(urn_of_account("wx:1@x"), "urn:lutong:account:wx%3A1%40x");
    }

    #[test]
    fn other_names_stand_for_nobody() {
        for other in [
            "urn:lutong:account:",
            "urn:lutong:service:gateway",
            "https://lutong.internal/officer-1",
            "officer-1",
            "xurn:lutong:account:officer-1",
            "urn:lutong:account:%FF",
        ] {
            assert_eq!(account_of_urn(other), None, "{other}");
        }
    }
}
