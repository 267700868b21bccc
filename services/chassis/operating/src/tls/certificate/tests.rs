use super::*;
use crate::tls::write_development_certificates;

fn files(dir: &Path, certificate: &str, key: &str) -> TlsFiles {
    TlsFiles {
        ca: dir.join("ca.pem"),
        certificate: dir.join(certificate),
        key: dir.join(key),
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-28T20:00:00+08:00").unwrap()
}

/// Writes a certificate of its own authority for identity, valid between two years.
fn write(dir: &Path, from: i32, until: i32) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(dir.join("ca.pem"), ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    let mut own = CertificateParams::new(vec!["identity.lutong.internal".to_owned()]).unwrap();
    own.not_before = rcgen::date_time_ymd(from, 1, 1);
    own.not_after = rcgen::date_time_ymd(until, 1, 1);
    let own = own.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    std::fs::write(dir.join("own.pem"), own.pem()).unwrap();
    std::fs::write(dir.join("own.key"), key.serialize_pem()).unwrap();
}

#[test]
fn a_services_own_certificate_is_good_and_anothers_is_not() {
    let dir = tempfile::tempdir().unwrap();
    write_development_certificates(dir.path()).unwrap();
    let own = files(dir.path(), "identity.pem", "identity.key");
    assert!(inspect(ServiceName::Identity, &own, now()).is_ok());
    let wrong = inspect(ServiceName::Complaint, &own, now()).unwrap_err();
    let [CertificateError::Name { names, expected, .. }] = &wrong[..] else {
        panic!("{wrong:?}");
    };
    assert_eq!(
        (names.as_str(), expected.as_str()),
        ("identity.lutong.internal", "complaint.lutong.internal")
    );
    // Everything at once.
    let both = files(dir.path(), "identity.pem", "complaint.key");
    let wrong = inspect(ServiceName::Complaint, &both, now()).unwrap_err();
    assert!(
        matches!(
            wrong[..],
            [CertificateError::Name { .. }, CertificateError::Key { .. }]
        ),
        "{wrong:?}"
    );
    let missing = files(dir.path(), "nobody.pem", "identity.key");
    let wrong = inspect(ServiceName::Identity, &missing, now()).unwrap_err();
    assert!(wrong[0].to_string().contains("nobody.pem"), "{wrong:?}");
}

#[test]
fn a_certificate_holds_between_its_dates_and_is_warned_of_before_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let own = files(dir.path(), "own.pem", "own.key");
    write(dir.path(), 2020, 2025);
    let wrong = inspect(ServiceName::Identity, &own, now()).unwrap_err();
    assert!(
        matches!(wrong[..], [CertificateError::Expired { .. }]),
        "{wrong:?}"
    );
    write(dir.path(), 2030, 2035);
    let wrong = inspect(ServiceName::Identity, &own, now()).unwrap_err();
    assert!(
        matches!(wrong[..], [CertificateError::NotYet { .. }]),
        "{wrong:?}"
    );
    write(dir.path(), 2020, 2027);
    let validity = inspect(ServiceName::Identity, &own, now()).unwrap();
    assert_eq!(validity.until, Timestamp::parse("2027-01-01T00:00:00Z").unwrap());
    assert!(!validity.ends_soon(now()));
    assert!(validity.ends_soon(now().plus(Duration::from_secs(25 * 86_400))));
}

#[test]
fn a_certificate_of_another_authority_is_named() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_development_certificates(dir.path()).unwrap();
    write_development_certificates(other.path()).unwrap();
    let mut mixed = files(dir.path(), "identity.pem", "identity.key");
    mixed.ca = other.path().join("ca.pem");
    let wrong = inspect(ServiceName::Identity, &mixed, now()).unwrap_err();
    assert!(
        matches!(wrong[..], [CertificateError::Authority { .. }]),
        "{wrong:?}"
    );
}
