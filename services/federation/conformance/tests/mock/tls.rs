//! A system behind mutual TLS: reached with a certificate, under the authority that the kit is told to trust.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lutong_conformance::client::{Connection, ConnectionError, WireClient};
use lutong_conformance::declaration::Declaration;
use lutong_conformance::mock::faults::FaultScript;
use lutong_conformance::run::run;
use lutong_conformance::session::Kit;
use lutong_conformance::verdict::Finding;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};

use crate::bed::{bare_declaration, listen, speaker};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for a name, and its key.
fn certify(authority: &Authority, name: &str) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap(), key)
}

/// The mock behind a server that asks for a certificate of `authority`; its address.
async fn behind_tls(authority: &Authority) -> String {
    let inner = listen(&bare_declaration(), FaultScript::default()).await;
    let inner = inner.trim_start_matches("http://").to_owned();
    let (certificate, key) = certify(authority, "localhost");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, inner) = (acceptor.clone(), inner.clone());
            tokio::spawn(async move {
                let Ok(mut outer) = acceptor.accept(socket).await else {
                    return;
                };
                let mut inner = TcpStream::connect(inner).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    format!("https://localhost:{port}")
}

/// How the first case ends over a connection.
async fn first(address: &str, connection: &Connection) -> Option<Finding> {
    let kit = Kit {
        speaker: speaker(),
        peer: Declaration::parse(&bare_declaration()).unwrap(),
        address: address.to_owned(),
        client: WireClient::new(connection).unwrap(),
    };
    let ran = run(&kit, |_| {}).await;
    ran[0]
        .verdict
        .clone()
        .unwrap()
        .err()
        .map(|failure| failure.finding)
}

#[tokio::test]
async fn a_system_behind_mutual_tls_is_reached_with_a_certificate_alone() {
    let (own, other) = (authority(), authority());
    let address = behind_tls(&own).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, pem: String| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    };
    let identity = |name: &str, authority: &Authority| {
        let (certificate, key) = certify(authority, "kit.example.cn");
        let certificate = write(&format!("{name}.pem"), certificate.pem());
        (certificate, write(&format!("{name}.key"), key.serialize_pem()))
    };
    let (ca, other_ca) = (write("ca.pem", own.pem()), write("other.pem", other.pem()));
    let (known, stranger) = (identity("known", &own), identity("stranger", &other));
    let connection = |ca: &PathBuf, identity: Option<&(PathBuf, PathBuf)>| Connection {
        ca: Some(ca.clone()),
        identity: identity.cloned(),
        timeout: Duration::from_secs(5),
    };
    assert_eq!(first(&address, &connection(&ca, Some(&known))).await, None);
    for (name, refused) in [
        ("no certificate", connection(&ca, None)),
        ("a certificate of a stranger", connection(&ca, Some(&stranger))),
        ("a system of a stranger", connection(&other_ca, Some(&known))),
    ] {
        assert_eq!(
            first(&address, &refused).await,
            Some(Finding::TlsRefused),
            "{name}"
        );
    }
}

#[test]
fn files_of_a_connection_that_are_wrong_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let missing = folder.path().join("missing.pem");
    for (ca, identity) in [
        (Some(empty.clone()), None),
        (Some(missing.clone()), None),
        (None, Some((empty.clone(), missing.clone()))),
        (None, Some((missing, empty))),
    ] {
        let connection = Connection {
            ca,
            identity,
            timeout: Duration::from_secs(1),
        };
        let error = WireClient::new(&connection).err().unwrap();
        assert!(matches!(error, ConnectionError::File { .. }), "{error}");
        assert!(error.to_string().contains(".pem: "), "{error}");
    }
}
