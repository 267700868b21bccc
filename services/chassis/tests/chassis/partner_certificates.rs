//! The listener for partners: whom the handshake admits, under which names, and the errors of the others.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lutong_kernel::Clock as _;
use lutong_operating::tls::development::{
    write_account_certificate, write_development_certificates, write_partner_certificate,
};
use lutong_operating::tls::{PeerPartner, TlsFiles, partner};
use lutong_operating::wall_clock::WallClock;
use lutong_transport::server::{ListenConfig, TransportSecurity};
use rustls::{AlertDescription, Error};

use crate::account_certificates::{Served, ask_at, client, listen, signed_by};

const DAY: Duration = Duration::from_secs(86_400);
const CA: &str = "Lutong development authority of partners";

struct Partners(Served);

/// Answers the names of the connection's certificate.
async fn serve() -> Partners {
    let secure = |dir: &Path| {
        let files = TlsFiles {
            ca: dir.join("partners-ca.pem"),
            certificate: dir.join("gateway-partners.pem"),
            key: dir.join("gateway-partners.key"),
        };
        TransportSecurity::Partners(partner::server_config(&files).unwrap())
    };
    let served = listen(ListenConfig::default(), secure, |extensions| {
        let partner = extensions.get::<PeerPartner>();
        partner.map_or("nobody".to_owned(), |peer| peer.names.join(","))
    });
    Partners(served.await)
}

impl Partners {
    fn path(&self) -> &Path {
        self.0.folder.path()
    }

    async fn ask(&self, files: Option<[PathBuf; 2]>) -> Result<String, Error> {
        let client = client(&self.path().join("partners-ca.pem"), files);
        ask_at(self.0.address, client, "localhost").await
    }

    /// A certificate of the partners' authority.
    fn signed(&self, change: impl FnOnce(&mut rcgen::CertificateParams)) -> [PathBuf; 2] {
        signed_by(self.path(), ("partners-ca.key", CA), change)
    }

    async fn refusal(&self, files: Option<[PathBuf; 2]>) -> AlertDescription {
        match self.ask(files).await {
            Err(Error::AlertReceived(alert)) => alert,
            other => panic!("{other:?}"),
        }
    }
}

fn hosts(names: &[&str]) -> Vec<rcgen::SanType> {
    let name = |name: &&str| rcgen::SanType::DnsName((*name).to_owned().try_into().unwrap());
    names.iter().map(name).collect()
}

#[tokio::test]
async fn a_certificate_of_the_partners_authority_says_which_hosts_call() {
    let served = serve().await;
    let dir = served.path();
    let files = write_partner_certificate(dir, "federation.js.example", WallClock.now(), DAY).unwrap();
    assert_eq!(served.ask(Some(files)).await.unwrap(), "federation.js.example");
    // While a certificate is rotated, both are good; names are compared in lower case.
    let both = served.signed(|own| own.subject_alt_names = hosts(&["A.example", "b.example"]));
    assert_eq!(served.ask(Some(both)).await.unwrap(), "a.example,b.example");
}

#[tokio::test]
async fn a_missing_an_expired_a_foreign_and_a_servers_certificate_are_refused_in_the_handshake() {
    let served = serve().await;
    let dir = served.path();
    assert_eq!(served.refusal(None).await, AlertDescription::CertificateRequired);
    let expired = served.signed(|own| {
        own.subject_alt_names = hosts(&["a.example"]);
        own.not_before = rcgen::date_time_ymd(2020, 1, 1);
        own.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    assert_eq!(
        served.refusal(Some(expired)).await,
        AlertDescription::CertificateExpired
    );
    let early = served.signed(|own| {
        own.subject_alt_names = hosts(&["a.example"]);
        own.not_before = rcgen::date_time_ymd(2090, 1, 1);
        own.not_after = rcgen::date_time_ymd(2091, 1, 1);
    });
    assert_eq!(
        served.refusal(Some(early)).await,
        AlertDescription::CertificateExpired
    );
    let server = served.signed(|own| {
        own.subject_alt_names = hosts(&["a.example"]);
        own.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    assert_eq!(
        served.refusal(Some(server)).await,
        AlertDescription::UnsupportedCertificate
    );
    let other = tempfile::tempdir().unwrap();
    write_development_certificates(other.path()).unwrap();
    let now = WallClock.now();
    let foreign = write_partner_certificate(other.path(), "a.example", now, DAY).unwrap();
    let account = write_account_certificate(dir, "officer-1", now, DAY).unwrap();
    let mesh = [dir.join("operator.pem"), dir.join("operator.key")];
    for files in [foreign, account, mesh] {
        let alert = served.refusal(Some(files)).await;
        let expected = [AlertDescription::UnknownCA, AlertDescription::DecryptError];
        assert!(expected.contains(&alert), "{alert:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_names_no_host_or_too_many_is_refused_in_the_handshake() {
    let served = serve().await;
    let many: Vec<String> = (0..17).map(|number| format!("h{number}.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for names in [&[][..], &many] {
        let files = served.signed(|own| own.subject_alt_names = hosts(names));
        assert_eq!(
            served.refusal(Some(files)).await,
            AlertDescription::AccessDenied,
            "{names:?}"
        );
    }
}
