//! An authority's database over HTTPS: one request a page, within a time and a size; redirects are not followed.

mod page;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use lutong_kernel::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prost::bytes::Bytes;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::pulls::domain::PullFailure;
pub use page::Page;

/// Bytes of one page: a thousand records have less than a quarter of it.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// What proves to the database who asks.
#[derive(Debug)]
pub enum Credential {
    None,
    Text(Secret<String>),
    File(PathBuf),
}

/// Where a database is, and how it is asked.
pub struct Endpoint {
    url: Uri,
    host: String,
    port: u16,
    /// Absent on this machine.
    tls: Option<(TlsConnector, ServerName<'static>)>,
    credential: Credential,
    timeout: Duration,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Endpoint({}:{})", self.host, self.port)
    }
}

impl Endpoint {
    /// An error names the key of the configuration that is wrong.
    pub fn open(
        url: &str,
        credential: Credential,
        ca: Option<&Path>,
        timeout: Duration,
    ) -> Result<Self, (&'static str, String)> {
        let wrong = |reason: &str| ("url", reason.to_owned());
        let url: Uri = url.parse().map_err(|_| wrong("is not a URL"))?;
        let authority = url.authority().ok_or_else(|| wrong("names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a credential belongs into credential_file"));
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let tls = match url.scheme_str() {
            Some("https") => {
                let name = ServerName::try_from(host.clone());
                let name = name.map_err(|_| wrong("its host is no name of a certificate"))?;
                Some((connector(ca)?, name))
            }
            Some("http") if is_here(&host) => None,
            _ => return Err(wrong("begins with https:// (http:// only on this machine)")),
        };
        let port = authority
            .port_u16()
            .unwrap_or(if tls.is_some() { 443 } else { 80 });
        Ok(Self {
            url,
            host,
            port,
            tls,
            credential,
            timeout,
        })
    }

    /// The records after `cursor`.
    pub async fn page(&self, cursor: &str, limit: u32) -> Result<Page, PullFailure> {
        let answer = tokio::time::timeout(self.timeout, self.ask(cursor, limit));
        let bytes = answer.await.map_err(|_elapsed| timed_out(self.timeout))??;
        Page::parse(&bytes)
    }

    async fn ask(&self, cursor: &str, limit: u32) -> Result<Bytes, PullFailure> {
        let request = self.request(cursor, limit)?;
        let stream = TcpStream::connect((self.host.as_str(), self.port));
        let stream = stream.await.map_err(|error| unreachable(&error))?;
        match &self.tls {
            None => exchange(stream, request).await,
            Some((connector, name)) => {
                let secured = connector.connect(name.clone(), stream).await;
                exchange(secured.map_err(|error| tls_refused(&error))?, request).await
            }
        }
    }

    fn request(&self, cursor: &str, limit: u32) -> Result<Request<Empty<Bytes>>, PullFailure> {
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        let join = if path.contains('?') { '&' } else { '?' };
        let after = utf8_percent_encode(cursor, NON_ALPHANUMERIC);
        let host = self.url.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::get(format!("{path}{join}after={after}&limit={limit}"))
            .header(HOST, host)
            .header(ACCEPT, "application/json");
        if let Some(credential) = self.authorization()? {
            request = request.header(AUTHORIZATION, credential);
        }
        request.body(Empty::new()).map_err(|error| unreachable(&error))
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, PullFailure> {
        let missing = || {
            PullFailure::new(
                "CREDENTIAL_MISSING",
                "无法读取访问凭证",
                "the credential cannot be read or is no token",
            )
        };
        let text = match &self.credential {
            Credential::None => return Ok(None),
            Credential::Text(text) => text.clone(),
            Credential::File(path) => Secret::new(std::fs::read_to_string(path).map_err(|_| missing())?),
        };
        let token = text.expose().trim();
        if token.is_empty() {
            return Err(missing());
        }
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| missing())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// One request on a connection of its own, which ends with it.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Empty<Bytes>>,
) -> Result<Bytes, PullFailure> {
    let opened = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = opened.map_err(|error| unreachable(&error))?;
    // Dropped, and the connection with it, however this ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| unreachable(&error))?;
    let status = answer.status();
    if status.is_redirection() {
        return Err(PullFailure::new(
            "REDIRECTED",
            "对方要求转到其他地址，未予跟随",
            "the database sent us elsewhere, which is not followed",
        ));
    }
    if status != http::StatusCode::OK {
        let code = status.as_u16();
        return Err(PullFailure::new(
            "HTTP_STATUS",
            format!("对方返回状态{code}"),
            format!("the database answered with status {code}"),
        ));
    }
    match Limited::new(answer.into_body(), MAX_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(PullFailure::new(
            "TOO_LARGE",
            "一页超过4 MiB",
            "a page has more than 4 MiB",
        )),
        Err(error) => Err(unreachable(&*error)),
    }
}

fn is_here(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector, (&'static str, String)> {
    let wrong = |reason: String| ("ca_file", reason);
    let mut roots = rustls::RootCertStore::empty();
    if let Some(path) = ca {
        let broken = |error: &dyn std::fmt::Display| wrong(format!("{}: {error}", path.display()));
        let pem = std::fs::read(path).map_err(|error| broken(&error))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| broken(&error))?;
            roots.add(certificate).map_err(|error| broken(&error))?;
        }
        if roots.is_empty() {
            return Err(broken(&"holds no certificate"));
        }
    } else {
        let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if added == 0 {
            return Err(wrong("this machine trusts no authority: name one".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The cause stays in the log of whoever debugs it: an error of the transport holds nothing of an answer.
fn unreachable(error: &dyn std::fmt::Display) -> PullFailure {
    tracing::debug!(%error, "a database could not be asked");
    PullFailure::new(
        "UNREACHABLE",
        "无法连接对方，或连接中断",
        "the database cannot be reached, or broke off",
    )
}

fn tls_refused(error: &std::io::Error) -> PullFailure {
    tracing::debug!(%error, "a database's certificate was refused");
    PullFailure::new(
        "TLS_REFUSED",
        "对方的证书不可信，或加密连接失败",
        "the database's certificate is not trusted, or it speaks no TLS",
    )
}

fn timed_out(within: Duration) -> PullFailure {
    let seconds = within.as_secs();
    PullFailure::new(
        "TIMEOUT",
        format!("对方未在{seconds}秒内答复完毕"),
        format!("the whole answer was not there within {seconds} s"),
    )
}
