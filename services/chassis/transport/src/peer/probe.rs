//! Probes whether a peer answers, has the right identity, and has this mesh's keys.
//!
//! The probe is a gRPC health check that carries an internal token: a peer with other keys refuses the token. If there
//! is no answer, a bare TLS handshake with each of the peer's addresses distinguishes an absent peer from a wrong one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use http::Uri;
use lutong_kernel::{Clock, ServiceName};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::access::{PRINCIPAL_HEADER, Principal, PrincipalKey};
use crate::client::MeshChannel;
use lutong_operating::health::{Check, Need, Trouble};
use lutong_operating::mesh_name::{caller_of, mesh_name};

const PATIENCE: Duration = Duration::from_millis(1_500);

/// One peer as seen from one service.
#[derive(Clone)]
pub struct Probe {
    pub from: ServiceName,
    pub to: ServiceName,
    /// Comma-separated URIs.
    pub addresses: String,
    /// The authority of the mesh, PEM.
    pub ca: PathBuf,
    pub channel: MeshChannel,
    pub key: PrincipalKey,
    pub clock: Arc<dyn Clock>,
}

impl Probe {
    /// As a dependency of this process.
    pub fn check(self, need: Need) -> Check {
        Check::new(format!("peer {}", self.to), move || {
            let probe = self.clone();
            async move { probe.run().await }
        })
        .with_need(need)
    }

    pub async fn run(&self) -> Result<(), Trouble> {
        let mut request = Request::new(HealthCheckRequest::default());
        request.set_timeout(PATIENCE);
        request.metadata_mut().insert(PRINCIPAL_HEADER, self.token());
        let answer = HealthClient::new(self.channel.clone()).check(request).await;
        match answer {
            Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => Ok(()),
            Ok(_) => Err(Trouble::Away(format!("{0} 尚未就绪 / {0} is not ready", self.to))),
            // An older version without the health service: it answers.
            Err(status) if status.code() == Code::Unimplemented => Ok(()),
            Err(status) if status.code() == Code::Unauthenticated => Err(Trouble::Wrong(format!(
                "{0} 与 {1} 的 mesh.keys 不同，或时钟相差过大：请使用同一套密钥文件 / {0} and {1} have different mesh.keys, or their clocks differ: give both the same key files",
                self.from, self.to
            ))),
            Err(status) => match self.diagnose().await {
                Some(wrong) => Err(Trouble::Wrong(wrong)),
                None => Err(Trouble::Away(format!(
                    "{0} 没有应答（{1}）/ {0} does not answer at {1}: {2}",
                    self.to,
                    self.addresses,
                    status.message()
                ))),
            },
        }
    }

    fn token(&self) -> MetadataValue<Ascii> {
        let principal = Principal::service(caller_of(self.from).as_str_name());
        let sealed = self.key.seal(&principal, self.clock.now().plus_seconds(60));
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sealed);
        // Base64 is always valid metadata; the peer would refuse an empty token.
        text.parse().unwrap_or_else(|_| MetadataValue::from_static(""))
    }

    /// What a TLS handshake reveals to be wrong with one of the addresses.
    async fn diagnose(&self) -> Option<String> {
        let tls = self.tls_config()?;
        for address in self.addresses.split(',').map(str::trim) {
            let handshake = tokio::time::timeout(PATIENCE / 3, self.try_handshake(address, &tls));
            if let Ok(Some(wrong)) = handshake.await {
                return Some(wrong);
            }
        }
        None
    }

    /// Without a client certificate: only the server's certificate, which comes first, matters here.
    fn tls_config(&self) -> Option<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(&self.ca).ok()? {
            roots.add(certificate.ok()?).ok()?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .ok()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Some(Arc::new(config))
    }

    async fn try_handshake(&self, address: &str, tls: &Arc<ClientConfig>) -> Option<String> {
        let uri: Uri = address.parse().ok()?;
        let socket = TcpStream::connect((uri.host()?, uri.port_u16().unwrap_or(443)))
            .await
            .ok()?;
        let expected = mesh_name(self.to);
        let name = ServerName::try_from(expected.clone()).ok()?;
        let error = tokio_rustls::TlsConnector::from(Arc::clone(tls))
            .connect(name, socket)
            .await
            .err()?;
        let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
        let rustls::Error::InvalidCertificate(reason) = error else {
            return Some(format!(
                "{address} 不是本系统的服务（{error}）/ {address} is no service of the mesh ({error}): correct peers.{}",
                self.to.as_snake()
            ));
        };
        Some(match reason {
            CertificateError::NotValidForNameContext { presented, .. } => {
                let names = presented.join(", ");
                format!(
                    "{address} 是 {names}，不是 {expected}：请更正 peers.{0} / at {address} answers {names}, not {expected}: correct peers.{0}",
                    self.to.as_snake()
                )
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => format!(
                "{0} 的证书已过期：请换发 / the certificate of {0} has expired: have it issued anew",
                self.to
            ),
            CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
                "{0} 的证书由另一机构签发：全网须使用同一签发机构 / the certificate of {0} is of another authority: the whole mesh uses one",
                self.to
            ),
            other => format!(
                "{0} 的证书不可用 / the certificate of {0} cannot be used: {other}",
                self.to
            ),
        })
    }
}
