//! The connection to a gateway: plain, or TLS with a CA to trust and an account's certificate. JSON and gRPC share the
//! connector.

mod stream;
mod trouble;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use clap::Args;
use futures::future::BoxFuture;
use hyper_util::rt::TokioIo;
use lutong_kernel::Clock as _;
use lutong_operating::tls::account::account_of;
use lutong_operating::wall_clock::WallClock;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower::Service;

use crate::Failure;
use crate::output::in_language;
use stream::Stream;

pub use trouble::{tls_trouble, unreachable};

/// The gateway that this process calls, for error messages.
static TRANSPORT: OnceLock<Transport> = OnceLock::new();

/// The gateway's address, and the files for TLS.
#[derive(Debug, Clone, Args)]
pub struct Connection {
    /// The gateway: an address, with or without its scheme.
    #[arg(long, env = "LUTONG_ENDPOINT", default_value = "http://127.0.0.1:8080")]
    endpoint: String,
    /// For https://, the CA of the gateway's certificate (PEM); default: the CAs that this system trusts.
    #[arg(long, env = "LUTONG_CA")]
    ca: Option<PathBuf>,
    /// For https://, the certificate of the calling account (PEM), instead of a session.
    #[arg(long, env = "LUTONG_CERTIFICATE")]
    certificate: Option<PathBuf>,
    /// The private key of that certificate (PEM).
    #[arg(long, env = "LUTONG_KEY")]
    key: Option<PathBuf>,
}

/// A validated gateway address with its TLS configuration.
#[derive(Debug, Clone)]
pub struct Transport {
    base: String,
    tls: Option<ClientConfig>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
}

impl Connection {
    /// Whether a client certificate is given.
    pub fn has_certificate(&self) -> bool {
        self.certificate.is_some() || self.key.is_some()
    }

    pub fn transport(&self) -> Result<Transport, Failure> {
        let wants_tls = self.ca.is_some() || self.has_certificate();
        let base = base_of(&self.endpoint, wants_tls)?;
        let is_https = base.starts_with("https://");
        if self.has_certificate() && !is_https {
            return Err(Failure::Input(lang!(
                "--endpoint {base}: 使用 --certificate 时网关地址须为 https://",
                "--endpoint {base}: with --certificate the gateway is https://HOST:PORT"
            )));
        }
        let tls = is_https.then(|| self.tls()).transpose()?;
        let transport = Transport {
            base,
            tls,
            ca: self.ca.clone(),
            certificate: self.certificate.clone(),
        };
        let _ = TRANSPORT.set(transport.clone());
        Ok(transport)
    }

    fn tls(&self) -> Result<ClientConfig, Failure> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let trusting = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.roots()?);
        match (&self.certificate, &self.key) {
            (None, None) => Ok(trusting.with_no_client_auth()),
            (Some(certificate), Some(key)) => {
                let chain = certificates("--certificate", certificate)?;
                check_account(certificate, &chain[0])?;
                let private =
                    PrivateKeyDer::from_pem_file(key).map_err(|error| unusable("--key", key, &error))?;
                trusting.with_client_auth_cert(chain, private).map_err(|_| {
                    let key = key.display();
                    Failure::Input(lang!(
                        "--key {key}：私钥与证书不匹配",
                        "--key {key}: it does not belong to the certificate"
                    ))
                })
            }
            _ => Err(Failure::Input(lang!(
                "--certificate 与 --key（LUTONG_CERTIFICATE、LUTONG_KEY）须同时给出",
                "--certificate and --key (LUTONG_CERTIFICATE, LUTONG_KEY) are given together"
            ))),
        }
    }

    fn roots(&self) -> Result<RootCertStore, Failure> {
        let mut roots = RootCertStore::empty();
        if let Some(ca) = &self.ca {
            for certificate in certificates("--ca", ca)? {
                roots
                    .add(certificate)
                    .map_err(|error| unusable("--ca", ca, &error))?;
            }
            return Ok(roots);
        }
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(Failure::Input(lang!(
                "本系统没有可信的签发机构：请用 --ca（LUTONG_CA）指明网关证书的签发机构",
                "this system trusts no authority: name that of the gateway's certificate with --ca (LUTONG_CA)"
            )));
        }
        Ok(roots)
    }
}

/// Every certificate of a file; an error if there is none.
fn certificates(flag: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(all) if all.is_empty() => Err(unusable(
            flag,
            path,
            &in_language("文件中没有证书", "there is no certificate in it"),
        )),
        Ok(all) => Ok(all),
        Err(error) => Err(unusable(flag, path, &error)),
    }
}

fn unusable(flag: &str, path: &Path, reason: &dyn std::fmt::Display) -> Failure {
    let path = path.display();
    Failure::Input(lang!(
        "{flag} {path}: {reason}: 请给出可读的 PEM 文件",
        "{flag} {path}: {reason}: name a PEM file that can be read"
    ))
}

/// Checks the account certificate before calling the gateway.
fn check_account(path: &Path, certificate: &CertificateDer<'_>) -> Result<(), Failure> {
    let path = path.display();
    let wrong = match account_of(certificate) {
        None => lang!(
            "--certificate {path}：证书未写明账号，请换用账号证书（lutong certs account）",
            "--certificate {path}: it names no account; use one of an account (lutong certs account)"
        ),
        Some(account) if account.until <= WallClock.now() => {
            let at = account.until.to_rfc3339();
            lang!(
                "--certificate {path}：证书已于 {at} 过期，请换发",
                "--certificate {path}: it expired at {at}; have it issued anew"
            )
        }
        Some(_) => return Ok(()),
    };
    Err(Failure::Input(wrong))
}

/// Adds the scheme to an address without one: http://, or https:// if TLS is wanted.
fn base_of(endpoint: &str, wants_tls: bool) -> Result<String, Failure> {
    let endpoint = endpoint.trim().trim_end_matches('/');
    let scheme = if wants_tls { "https" } else { "http" };
    let base = if endpoint.contains("://") {
        endpoint.to_owned()
    } else {
        format!("{scheme}://{endpoint}")
    };
    let is_address = base
        .parse::<http::Uri>()
        .is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()) && uri.path() == "/");
    let scheme = base.split("://").next().unwrap_or_default();
    if !is_address || !["http", "https"].contains(&scheme) {
        return Err(Failure::Input(lang!(
            "--endpoint {endpoint}: 网关地址应为 主机:端口、http://主机:端口 或 https://主机:端口",
            "--endpoint {endpoint}: a gateway is HOST:PORT, http://HOST:PORT or https://HOST:PORT"
        )));
    }
    Ok(base)
}

impl Transport {
    /// A gateway without TLS.
    pub fn plain(base: &str) -> Result<Self, Failure> {
        let transport = Self {
            base: base_of(base, false)?,
            tls: None,
            ca: None,
            certificate: None,
        };
        let _ = TRANSPORT.set(transport.clone());
        Ok(transport)
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// Whether a client certificate names the calling account.
    pub fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    /// A connector for one version of HTTP: `h2` or `http/1.1`.
    pub fn connector(&self, protocol: &str) -> Connector {
        let tls = self.tls.clone().map(|mut tls| {
            tls.alpn_protocols = vec![protocol.as_bytes().to_vec()];
            TlsConnector::from(Arc::new(tls))
        });
        let uri = self.base.parse::<http::Uri>().unwrap_or_default();
        let default_port = if tls.is_some() { 443 } else { 80 };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Connector {
            port: uri.port_u16().unwrap_or(default_port),
            host,
            tls,
        }
    }
}

/// Opens connections to one gateway, ignoring the requested address.
#[derive(Clone)]
pub struct Connector {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
}

impl Connector {
    async fn connect(self) -> std::io::Result<TokioIo<Stream>> {
        let tcp = TcpStream::connect((&*self.host, self.port)).await?;
        tcp.set_nodelay(true)?;
        trouble::connected();
        let Some(tls) = self.tls else {
            return Ok(TokioIo::new(Stream::new(tcp)));
        };
        let name = ServerName::try_from(self.host).map_err(std::io::Error::other)?;
        match tls.connect(name, tcp).await {
            Ok(stream) => Ok(TokioIo::new(Stream::new(stream))),
            Err(error) => {
                trouble::note(&error);
                Err(error)
            }
        }
    }
}

impl Service<http::Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = std::io::Error;
    type Future = BoxFuture<'static, std::io::Result<TokioIo<Stream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_its_scheme_or_not() {
        for (said, base) in [
            ("127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("http://gateway:80/", Some("http://gateway:80")),
            ("https://gateway:8443", Some("https://gateway:8443")),
            ("[::1]:8080", Some("http://[::1]:8080")),
            ("ftp://x", None),
            ("http://x/v1", None),
            ("", None),
            ("a b", None),
        ] {
            assert_eq!(base_of(said, false).ok().as_deref(), base, "{said}");
        }
        assert_eq!(
            base_of("gateway:8443", true).ok().as_deref(),
            Some("https://gateway:8443")
        );
    }
}
