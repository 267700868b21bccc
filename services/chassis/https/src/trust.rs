//! The certificate authorities that a client trusts, and the certificate that it shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("this machine trusts no authority: name one")]
    NoAuthority,
    #[error("{0}")]
    Tls(#[from] rustls::Error),
}

/// What a client believes of servers and shows them; read once, for as many clients as need it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClientTls(Arc<ClientConfig>);

/// The authorities that may sign the certificates of servers.
#[derive(Debug, Clone, Copy)]
pub enum Authorities<'a> {
    /// None: no server is believed, and HTTPS reaches nobody.
    Nobody,
    /// Those that this machine trusts.
    System,
    /// Those of a file (PEM).
    File(&'a Path),
    /// Both.
    SystemAndFile(&'a Path),
}

impl ClientTls {
    /// Verifies servers, and shows them nothing.
    pub fn new(authorities: Authorities<'_>) -> Result<Self, TrustError> {
        let config = trusting(authorities)?.with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// Verifies servers, and shows them a certificate with its chain (PEM), proven by its private key (PEM), where they ask for one.
    pub fn with_certificate(
        authorities: Authorities<'_>,
        certificate: &Path,
        key: &Path,
    ) -> Result<Self, TrustError> {
        let chain = certificates(certificate)?;
        let private = read(key)?;
        let private = PrivateKeyDer::from_pem_slice(&private).map_err(|error| broken(key, &error))?;
        let config = trusting(authorities)?
            .with_client_auth_cert(chain, private)
            .map_err(|error| broken(certificate, &error))?;
        Ok(Self(Arc::new(config)))
    }

    /// For a client that `HttpsClient` is not.
    pub fn config(&self) -> ClientConfig {
        (*self.0).clone()
    }
}

fn trusting(
    authorities: Authorities<'_>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, TrustError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(authorities)?))
}

fn roots(authorities: Authorities<'_>) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    if matches!(authorities, Authorities::System | Authorities::SystemAndFile(_)) {
        let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if added == 0 {
            return Err(TrustError::NoAuthority);
        }
    }
    if let Authorities::File(path) | Authorities::SystemAndFile(path) = authorities {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| broken(path, &error))?;
        }
    }
    Ok(roots)
}

/// Every certificate of a file; an error if there is none.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let pem = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let all = all.map_err(|error| broken(path, &error))?;
    if all.is_empty() {
        return Err(broken(path, &"holds no certificate"));
    }
    Ok(all)
}

fn read(path: &Path) -> Result<Vec<u8>, TrustError> {
    std::fs::read(path).map_err(|error| broken(path, &error))
}

fn broken(path: &Path, reason: &dyn std::fmt::Display) -> TrustError {
    TrustError::File {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
