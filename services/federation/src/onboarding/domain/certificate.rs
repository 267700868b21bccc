//! The two certificates of a folder.

use std::collections::BTreeMap;

use lutong_kernel::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;

use super::Folder;
use super::finding::{Check, Finding};

/// The certificate for mutual TLS, and that of the authority.
const TLS: &str = "tls.pem";
const CA: &str = "ca.pem";
const DAY_SECONDS: i64 = 86_400;
/// The longest lives.
const TLS_DAYS: i64 = 731;
const CA_DAYS: i64 = 1_462;
/// Whoever joins now does not renew in a month.
const LEFT_DAYS: i64 = 30;
const MIN_RSA_BITS: usize = 3_072;
/// `id-ecPublicKey`, P-256, P-384, Ed25519, RSA.
const EC: &str = "1.2.840.10045.2.1";
const CURVES: [&str; 2] = ["1.2.840.10045.3.1.7", "1.3.132.0.34"];
const ED25519: &str = "1.3.101.112";
const RSA: &str = "1.2.840.113549.1.1.1";
/// ECDSA and RSA with SHA-256, -384 and -512, and Ed25519.
const SIGNATURES: [&str; 7] = [
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    ED25519,
];

/// Checks both certificates, and notes their keys as SubjectPublicKeyInfo.
pub fn check(
    folder: &Folder,
    tls_names: &[String],
    now: Timestamp,
    keys: &mut BTreeMap<&'static str, Vec<u8>>,
    findings: &mut Vec<Finding>,
) {
    let tls = blocks(folder, TLS, findings);
    let ca = blocks(folder, CA, findings);
    let (tls, ca) = (parsed(&tls, TLS, findings), parsed(&ca, CA, findings));
    for (name, found) in [(TLS, &tls), (CA, &ca)] {
        if let Some(certificate) = found {
            let mut wrong = |check, reason: &str| findings.push(Finding::new(name, check, reason));
            check_key(certificate, &mut wrong);
            check_time(certificate, name == CA, now, &mut wrong);
            keys.insert(name, certificate.public_key().raw.to_vec());
        }
    }
    if let Some(certificate) = &tls {
        let mut wrong = |check, reason: &str| findings.push(Finding::new(TLS, check, reason));
        check_host(certificate, tls_names, &mut wrong);
        let issued = ca.as_ref().is_none_or(|ca| is_issued_by(certificate, ca));
        if !issued {
            wrong(Check::Chain, "the authority of ca.pem has not issued it");
        }
    }
    if let Some(certificate) = &ca {
        let mut wrong = |check, reason: &str| findings.push(Finding::new(CA, check, reason));
        check_authority(certificate, &mut wrong);
    }
}

/// The certificates in a file.
fn blocks(folder: &Folder, name: &str, findings: &mut Vec<Finding>) -> Vec<Pem> {
    let Some(bytes) = folder.get(name) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for block in Pem::iter_from_buffer(bytes) {
        match block {
            Ok(block) if block.label == "CERTIFICATE" => found.push(block),
            Ok(block) => findings.push(Finding::new(
                name,
                Check::Pem,
                format!("it has a {}", block.label),
            )),
            Err(error) => {
                findings.push(Finding::new(name, Check::Pem, error.to_string()));
                return found;
            }
        }
    }
    match found.len() {
        0 => findings.push(Finding::new(name, Check::Pem, "it has no certificate")),
        1 => {}
        _ => findings.push(Finding::new(
            name,
            Check::Chain,
            "it has more than one certificate",
        )),
    }
    found
}

/// The first certificate.
fn parsed<'a>(blocks: &'a [Pem], name: &str, findings: &mut Vec<Finding>) -> Option<X509Certificate<'a>> {
    match X509Certificate::from_der(&blocks.first()?.contents) {
        Ok(([], certificate)) => Some(certificate),
        Ok(_) => {
            findings.push(Finding::new(name, Check::Pem, "bytes follow the certificate"));
            None
        }
        Err(error) => {
            findings.push(Finding::new(name, Check::Pem, error.to_string()));
            None
        }
    }
}

fn check_key(certificate: &X509Certificate<'_>, wrong: &mut impl FnMut(Check, &str)) {
    let signature = certificate.signature_algorithm.algorithm.to_id_string();
    if !SIGNATURES.contains(&signature.as_str()) {
        wrong(
            Check::SignatureAlgorithm,
            &format!("it is signed with {signature}"),
        );
    }
    let algorithm = &certificate.public_key().algorithm;
    let kind = algorithm.algorithm.to_id_string();
    // Parameters of a curve that are written out are no named curve.
    let curve = algorithm
        .parameters
        .as_ref()
        .and_then(|curve| curve.as_oid().ok());
    let curve = curve.map(|curve| curve.to_id_string()).unwrap_or_default();
    let is_known = match kind.as_str() {
        EC => CURVES.contains(&curve.as_str()),
        ED25519 | RSA => true,
        _ => false,
    };
    if !is_known {
        wrong(Check::KeyKind, &format!("its key is {kind} {curve}"));
    }
    if let Ok(PublicKey::RSA(key)) = certificate.public_key().parsed()
        && key.key_size() < MIN_RSA_BITS
    {
        wrong(Check::KeySize, &format!("its key has {} bits", key.key_size()));
    }
}

fn check_time(
    certificate: &X509Certificate<'_>,
    is_authority: bool,
    now: Timestamp,
    wrong: &mut impl FnMut(Check, &str),
) {
    let validity = certificate.validity();
    let (from, until) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    if now.seconds() < from {
        wrong(
            Check::NotYetValid,
            &format!("from {}", Timestamp::from_seconds(from)),
        );
    }
    if until <= now.seconds() {
        wrong(
            Check::Expired,
            &format!("until {}", Timestamp::from_seconds(until)),
        );
    } else if until < now.plus_seconds(LEFT_DAYS * DAY_SECONDS).seconds() {
        let reason = format!(
            "it ends within {LEFT_DAYS} days, {}",
            Timestamp::from_seconds(until)
        );
        wrong(Check::ValidityRange, &reason);
    }
    let days = if is_authority { CA_DAYS } else { TLS_DAYS };
    if days * DAY_SECONDS < until.saturating_sub(from) {
        wrong(Check::ValidityRange, &format!("it lives more than {days} days"));
    }
}

fn check_host(certificate: &X509Certificate<'_>, tls_names: &[String], wrong: &mut impl FnMut(Check, &str)) {
    if certificate.is_ca() {
        wrong(Check::BasicConstraints, "it is an authority's");
    }
    let usage = certificate.key_usage().ok().flatten().map(|usage| usage.value);
    if !usage.is_some_and(|usage| usage.digital_signature() && !usage.key_cert_sign()) {
        wrong(
            Check::Usage,
            "it does not sign digitally, or signs certificates, too",
        );
    }
    let extended = certificate
        .extended_key_usage()
        .ok()
        .flatten()
        .map(|usage| usage.value);
    if !extended.is_some_and(|usage| usage.server_auth && usage.client_auth && !usage.any) {
        wrong(
            Check::ExtendedUsage,
            "it is not for both sides of a connection, or for everything",
        );
    }
    let subject = certificate.subject();
    let is = |mut values: Vec<&str>| values.pop().is_some_and(|value| !value.trim().is_empty());
    let country: Vec<&str> = subject
        .iter_country()
        .filter_map(|value| value.as_str().ok())
        .collect();
    let organisation = subject
        .iter_organization()
        .filter_map(|value| value.as_str().ok())
        .collect();
    let common = subject
        .iter_common_name()
        .filter_map(|value| value.as_str().ok())
        .collect();
    if country != ["CN"] || !is(organisation) || !is(common) {
        wrong(Check::Subject, &format!("it is {subject}"));
    }
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let known: Vec<&str> = alternative.map_or_else(Vec::new, |names| {
        let hosts = names.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(host) => Some(*host),
            _ => None,
        });
        hosts.collect()
    });
    for name in tls_names {
        if !known.contains(&name.as_str()) {
            wrong(Check::TlsNames, &format!("{name} is not in it"));
        }
    }
}

fn check_authority(certificate: &X509Certificate<'_>, wrong: &mut impl FnMut(Check, &str)) {
    if !certificate.is_ca() {
        wrong(Check::BasicConstraints, "it is no authority's");
    }
    let usage = certificate.key_usage().ok().flatten().map(|usage| usage.value);
    if !usage.is_some_and(x509_parser::extensions::KeyUsage::key_cert_sign) {
        wrong(Check::Usage, "it does not sign certificates");
    }
}

fn is_issued_by(certificate: &X509Certificate<'_>, authority: &X509Certificate<'_>) -> bool {
    let signed = certificate.verify_signature(Some(authority.public_key()));
    certificate.issuer() == authority.subject() && signed.is_ok()
}
