//! mTLS between services, mTLS for staff, feeds and partners at the gateway, and the development CAs of `lutong certs`.

pub mod account;
pub mod certificate;
pub mod development;
mod named;
pub mod partner;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lutong_kernel::ServiceName;
use lutong_proto::policy::Caller;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use serde::{Deserialize, Serialize};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::mesh_name::{caller_of_name, mesh_name};

pub use account::PeerAccount;
pub use development::write_development_certificates;
pub use partner::PeerPartner;

/// Files of one server's identity, PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsFiles {
    /// The authority that signs the certificates of its peers.
    pub ca: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{path}: {reason}")]
    File { path: PathBuf, reason: String },
    #[error("the certificates do not fit together: {0}")]
    Config(String),
    #[error("peer address {0:?} is not a URI such as https://identity:9000")]
    Address(String),
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::File {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The server side: every peer must show a certificate of the mesh's authority.
pub fn server_config(files: &TlsFiles) -> Result<Arc<rustls::ServerConfig>, TlsError> {
    let mut server = mutual(files, verifier(files)?)?;
    server.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(server))
}

fn unfit(error: &dyn std::fmt::Display) -> TlsError {
    TlsError::Config(error.to_string())
}

/// Accepts client certificates signed by the CA of `files`.
fn verifier(files: &TlsFiles) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let broken = |reason: String| TlsError::File {
        path: files.ca.clone(),
        reason,
    };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&read(&files.ca)?) {
        let certificate = certificate.map_err(|error| broken(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| broken(error.to_string()))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| unfit(&error))
}

/// A TLS 1.3 server configuration whose clients must pass `verifier`.
fn mutual(files: &TlsFiles, verifier: Arc<dyn ClientCertVerifier>) -> Result<rustls::ServerConfig, TlsError> {
    let broken = |path: &Path, reason: String| TlsError::File {
        path: path.to_owned(),
        reason,
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(&files.certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|error| broken(&files.certificate, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
        .map_err(|error| broken(&files.key, error.to_string()))?;
    rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| unfit(&error))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| unfit(&error))
}

/// The mesh caller that the peer's certificate names.
pub fn caller_of_connection(connection: &rustls::ServerConnection) -> Option<Caller> {
    let certificate = connection.peer_certificates()?.first()?;
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    parsed.valid_dns_names().find_map(caller_of_name)
}

/// The TLS configuration of a client of `part`: its own certificate, and the name it expects of the server.
pub fn client_config(part: ServiceName, files: &TlsFiles) -> Result<ClientTlsConfig, TlsError> {
    Ok(ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(&files.ca)?))
        .identity(Identity::from_pem(read(&files.certificate)?, read(&files.key)?))
        .domain_name(mesh_name(part)))
}

/// The endpoint of one replica, with its timeouts.
pub fn endpoint(uri: String, tls: &ClientTlsConfig) -> Result<Endpoint, TlsError> {
    let endpoint = Endpoint::from_shared(uri.clone())
        .map_err(|_| TlsError::Address(uri))?
        .tls_config(tls.clone())
        .map_err(|error| TlsError::Config(error.to_string()))?;
    Ok(endpoint
        .connect_timeout(Duration::from_secs(2))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true))
}
