//! The listener for staff and feeds: who is admitted, as which account, and the errors of the others.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lutong_kernel::{Clock as _, Timestamp};
use lutong_operating::tls::PeerAccount;
use lutong_operating::tls::certificate;
use lutong_operating::tls::certificate::CertificateError;
use lutong_operating::tls::development::{write_account_certificate, write_development_certificates};
use lutong_operating::tls::{TlsFiles, account};
use lutong_operating::wall_clock::WallClock;
use lutong_transport::server::{ListenConfig, Listener, TransportSecurity};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, ClientConfig, Error, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

const DAY: Duration = Duration::from_secs(86_400);
const LONG: Duration = Duration::from_secs(20);

fn staff_files(dir: &Path) -> TlsFiles {
    TlsFiles {
        ca: dir.join("operators-ca.pem"),
        certificate: dir.join("gateway-staff.pem"),
        key: dir.join("gateway-staff.key"),
    }
}

/// A listener, and the folder with the development certificates of its installation.
pub struct Served {
    pub address: SocketAddr,
    pub folder: tempfile::TempDir,
    stop: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Listens with what `secure` makes of the certificates in a folder, and answers who the connection's certificate says is there.
pub async fn listen(
    config: ListenConfig,
    secure: impl FnOnce(&Path) -> TransportSecurity,
    who: fn(&http::Extensions) -> String,
) -> Served {
    let folder = tempfile::tempdir().unwrap();
    write_development_certificates(folder.path()).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Listener::bind(address, config, secure(folder.path()))
        .await
        .unwrap();
    let service = tower::service_fn(move |request: http::Request<Body>| async move {
        let body = Body::new(who(request.extensions()));
        Ok::<_, std::convert::Infallible>(http::Response::new(body))
    });
    let (address, stop) = (listener.address().unwrap(), CancellationToken::new());
    tokio::spawn(listener.serve(service, stop.clone()));
    Served {
        address,
        folder,
        stop,
    }
}

/// Answers the account that the connection's certificate names.
async fn serve(config: ListenConfig) -> Served {
    let secure = |dir: &Path| TransportSecurity::Accounts(account::server_config(&staff_files(dir)).unwrap());
    listen(config, secure, |extensions| {
        let account = extensions.get::<PeerAccount>();
        account.map_or("nobody", |peer| &peer.account).to_owned()
    })
    .await
}

impl Served {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn account(&self, name: &str, holds: Duration) -> [PathBuf; 2] {
        write_account_certificate(self.path(), name, WallClock.now(), holds).unwrap()
    }

    /// Connects with these files and returns the listener's answer.
    async fn ask(&self, files: Option<[PathBuf; 2]>) -> Result<String, Error> {
        let client = client(&self.path().join("operators-ca.pem"), files);
        ask_at(self.address, client, "localhost").await
    }
}

pub fn client(ca: &Path, files: Option<[PathBuf; 2]>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trusting = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let Some([certificate, key]) = files else {
        return trusting.with_no_client_auth();
    };
    let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
    trusting
        .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap())
        .unwrap()
}

fn of_tls(error: &std::io::Error) -> Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    inner
        .cloned()
        .unwrap_or_else(|| panic!("the reason is lost: {error:?}"))
}

pub async fn ask_at(address: SocketAddr, client: ClientConfig, host: &str) -> Result<String, Error> {
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let connecting = TlsConnector::from(Arc::new(client)).connect(name, tcp);
    let mut stream = connecting.await.map_err(|error| of_tls(&error))?;
    get(&mut stream).await.map_err(|error| of_tls(&error))
}

async fn get(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> std::io::Result<String> {
    let request = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    // A server that has refused reveals why on the next read.
    let _ = stream.write_all(request).await;
    let mut answer = String::new();
    let read = tokio::time::timeout(LONG, stream.read_to_string(&mut answer)).await;
    read.expect("an answer or an end")?;
    Ok(answer.rsplit("\r\n").next().unwrap_or_default().to_owned())
}

/// A certificate signed by the folder's operators' CA; `change` adapts it.
fn signed_by_operators(dir: &Path, change: impl FnOnce(&mut rcgen::CertificateParams)) -> [PathBuf; 2] {
    let name = "Lutong development authority of operators";
    signed_by(dir, ("operators-ca.key", name), change)
}

/// A certificate signed by a CA of the folder; `change` adapts it.
pub fn signed_by(
    dir: &Path,
    (ca_key, name): (&str, &str),
    change: impl FnOnce(&mut rcgen::CertificateParams),
) -> [PathBuf; 2] {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    let ca_key = std::fs::read_to_string(dir.join(ca_key)).unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.distinguished_name.push(DnType::CommonName, name);
    let issuer = Issuer::new(ca, KeyPair::from_pem(&ca_key).unwrap());
    let mut own = CertificateParams::new(Vec::new()).unwrap();
    change(&mut own);
    let key = KeyPair::generate().unwrap();
    let files = [dir.join("made.pem"), dir.join("made.key")];
    std::fs::write(&files[0], own.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    std::fs::write(&files[1], key.serialize_pem()).unwrap();
    files
}

fn uri(text: &str) -> rcgen::SanType {
    rcgen::SanType::URI(text.to_owned().try_into().unwrap())
}

#[tokio::test]
async fn a_certificate_of_the_operators_authority_says_which_account_calls() {
    let served = serve(ListenConfig::default()).await;
    for account in ["officer-1", "wx:a@b.cn"] {
        let files = served.account(account, DAY);
        assert_eq!(served.ask(Some(files)).await.unwrap(), account);
    }
}

#[tokio::test]
async fn a_peer_without_a_certificate_is_told_that_one_is_needed() {
    let served = serve(ListenConfig::default()).await;
    let refused = served.ask(None).await.unwrap_err();
    assert_eq!(
        refused,
        Error::AlertReceived(AlertDescription::CertificateRequired)
    );
}

#[tokio::test]
async fn a_certificate_of_the_mesh_or_of_another_authority_is_refused_every_time() {
    let served = serve(ListenConfig::default()).await;
    let other = tempfile::tempdir().unwrap();
    write_development_certificates(other.path()).unwrap();
    let foreign = write_account_certificate(other.path(), "officer-1", WallClock.now(), DAY).unwrap();
    let of_mesh = |name: &str| {
        [
            served.path().join(format!("{name}.pem")),
            served.path().join(format!("{name}.key")),
        ]
    };
    // Repeated, because a connection reset could hide the reason.
    for _ in 0..20 {
        for files in [of_mesh("operator"), of_mesh("gateway"), foreign.clone()] {
            let refused = served.ask(Some(files)).await.unwrap_err();
            let Error::AlertReceived(alert) = refused else {
                panic!("{refused:?}");
            };
            let expected = [AlertDescription::UnknownCA, AlertDescription::DecryptError];
            assert!(expected.contains(&alert), "{alert:?}");
        }
    }
}

#[tokio::test]
async fn a_certificate_of_the_right_authority_that_names_no_account_or_two_is_refused() {
    let served = serve(ListenConfig::default()).await;
    let staff = served.path().join("gateway-staff.pem");
    let refused = served
        .ask(Some([staff, served.path().join("gateway-staff.key")]))
        .await;
    // The gateway's own certificate is for servers only.
    assert_eq!(
        refused.unwrap_err(),
        Error::AlertReceived(AlertDescription::UnsupportedCertificate)
    );
    let names: [&[&str]; 4] = [
        &[],
        &["urn:lutong:account:"],
        &["urn:lutong:service:gateway"],
        &["urn:lutong:account:officer-1", "urn:lutong:account:officer-2"],
    ];
    for names in names {
        let files = signed_by_operators(served.path(), |own| {
            own.subject_alt_names = names.iter().map(|name| uri(name)).collect();
        });
        let refused = served.ask(Some(files)).await.unwrap_err();
        assert_eq!(
            refused,
            Error::AlertReceived(AlertDescription::AccessDenied),
            "{names:?}"
        );
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let served = serve(ListenConfig::default()).await;
    let files = signed_by_operators(served.path(), |own| {
        own.subject_alt_names = vec![uri("urn:lutong:account:officer-1")];
        own.not_before = rcgen::date_time_ymd(2020, 1, 1);
        own.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let refused = served.ask(Some(files)).await.unwrap_err();
    assert_eq!(
        refused,
        Error::AlertReceived(AlertDescription::CertificateExpired)
    );
}

#[tokio::test]
async fn a_client_refuses_the_listener_under_another_host_name() {
    let served = serve(ListenConfig::default()).await;
    let files = served.account("officer-1", DAY);
    let client = client(&served.path().join("operators-ca.pem"), Some(files));
    let refused = ask_at(served.address, client, "evil.example").await.unwrap_err();
    assert!(matches!(refused, Error::InvalidCertificate(_)), "{refused:?}");
}

#[tokio::test]
async fn nothing_older_than_tls_1_3_is_spoken() {
    let served = serve(ListenConfig::default()).await;
    let [certificate, key] = served.account("officer-1", DAY);
    let mut roots = RootCertStore::empty();
    let ca = served.path().join("operators-ca.pem");
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![CertificateDer::from_pem_file(certificate).unwrap()],
            PrivateKeyDer::from_pem_file(key).unwrap(),
        )
        .unwrap();
    let refused = ask_at(served.address, client, "localhost").await.unwrap_err();
    assert_eq!(refused, Error::AlertReceived(AlertDescription::ProtocolVersion));
}

#[tokio::test]
async fn plain_http_is_told_that_the_port_takes_tls() {
    let served = serve(ListenConfig::default()).await;
    let mut plain = TcpStream::connect(served.address).await.unwrap();
    let body = get(&mut plain).await.unwrap();
    let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["reason"], "TLS_REQUIRED");
    assert!(problem["message"]["en"].as_str().unwrap().contains("https://"));
}

#[tokio::test]
async fn a_peer_that_is_slow_in_its_handshake_is_cut_off_however_far_it_came() {
    let served = serve(ListenConfig {
        handshake_timeout_ms: 200,
        ..ListenConfig::default()
    })
    .await;
    // Nothing; the first byte of a TLS record; a record header that announces more.
    for said in [&b""[..], &[22], &[22, 3, 1, 2, 0, 1, 0, 1, 252]] {
        let mut slow = TcpStream::connect(served.address).await.unwrap();
        slow.write_all(said).await.unwrap();
        let mut rest = Vec::new();
        // A reset ends the connection too.
        let _ = tokio::time::timeout(LONG, slow.read_to_end(&mut rest))
            .await
            .expect("the connection is still open");
    }
}

#[test]
fn what_is_wrong_with_the_files_of_the_listener_is_named() {
    let dir = tempfile::tempdir().unwrap();
    write_development_certificates(dir.path()).unwrap();
    let (files, mesh_ca) = (staff_files(dir.path()), dir.path().join("ca.pem"));
    let now = WallClock.now();
    certificate::inspect_listener(&files, &mesh_ca, now).unwrap();
    // The single process has no mesh CA.
    certificate::inspect_listener(&files, Path::new(""), now).unwrap();
    let wrong = |change: fn(&mut TlsFiles, &Path)| {
        let mut files = files.clone();
        change(&mut files, dir.path());
        certificate::inspect_listener(&files, &mesh_ca, now).unwrap_err()
    };
    let shared = wrong(|files, dir| files.ca = dir.join("ca.pem"));
    assert!(
        matches!(shared[..], [CertificateError::SharedAuthority { .. }]),
        "{shared:?}"
    );
    let key = wrong(|files, dir| files.key = dir.join("identity.key"));
    assert!(matches!(key[..], [CertificateError::Key { .. }]), "{key:?}");
    let missing = wrong(|files, dir| files.certificate = dir.join("nowhere.pem"));
    assert!(missing[0].to_string().contains("nowhere.pem"), "{missing:?}");
    let [account, account_key] = write_account_certificate(dir.path(), "officer-1", now, DAY).unwrap();
    let of_account = TlsFiles {
        certificate: account,
        key: account_key,
        ..files.clone()
    };
    let no_host = certificate::inspect_listener(&of_account, &mesh_ca, now).unwrap_err();
    assert!(
        matches!(no_host[..], [CertificateError::NoHost { .. }]),
        "{no_host:?}"
    );
    let later = Timestamp::parse("9000-01-01T00:00:00Z").unwrap();
    let expired = certificate::inspect_listener(&files, &mesh_ca, later).unwrap_err();
    assert!(
        matches!(expired[..], [CertificateError::Expired { .. }]),
        "{expired:?}"
    );
}

#[test]
fn keys_are_for_their_owner_alone_and_no_file_is_written_over() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    write_development_certificates(dir.path()).unwrap();
    let now = WallClock.now();
    let [_, key] = write_account_certificate(dir.path(), "officer-1", now, DAY).unwrap();
    for key in [key, dir.path().join("operators-ca.key")] {
        let mode = std::fs::metadata(&key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", key.display());
    }
    write_account_certificate(dir.path(), "officer-1", now, DAY).unwrap_err();
    // A CA that `certs dev` did not create.
    std::fs::copy(dir.path().join("ca.pem"), dir.path().join("operators-ca.pem")).unwrap();
    let refused = write_account_certificate(dir.path(), "officer-2", now, DAY).unwrap_err();
    assert!(refused.to_string().contains("certs dev"), "{refused}");
    assert!(!dir.path().join("account-officer-2.pem").exists());
}
