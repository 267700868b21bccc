//! Development certificates: a CA of the mesh with one certificate per service, a CA of the operators with the certificate of the gateway's
//! staff listener, and a CA of the partners with that of its listener for partners. In production they come from CAs of their own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lutong_kernel::{ServiceName, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use super::account::urn_of_account;
use super::{TlsError, read, unfit};
use crate::private;

/// An authority beside the mesh's, which signs the certificate of one of the gateway's listeners and of those who connect there.
struct Outside {
    /// Its common name.
    name: &'static str,
    ca: &'static str,
    ca_key: &'static str,
    /// File name, without its ending, of the listener's certificate.
    listener: &'static str,
}

const OPERATORS: Outside = Outside {
    name: "Lutong development authority of operators",
    ca: "operators-ca.pem",
    ca_key: "operators-ca.key",
    listener: "gateway-staff",
};
const PARTNERS: Outside = Outside {
    name: "Lutong development authority of partners",
    ca: "partners-ca.pem",
    ca_key: "partners-ca.key",
    listener: "gateway-partners",
};
/// `not_before` lies this far in the past, so that a peer whose clock is slightly behind accepts a new certificate.
const BACKDATED: Duration = Duration::from_secs(300);

/// Writes the three CAs and the certificates of each service, the operator and the gateway's listeners for staff and for partners into
/// `dir`. Never overwrites files.
pub fn write_development_certificates(dir: &Path) -> Result<Vec<PathBuf>, TlsError> {
    std::fs::create_dir_all(dir).map_err(|error| TlsError::File {
        path: dir.to_owned(),
        reason: error.to_string(),
    })?;
    let mut written = mesh(dir)?;
    written.extend(outside(dir, &OPERATORS)?);
    written.extend(outside(dir, &PARTNERS)?);
    Ok(written)
}

fn mesh(dir: &Path) -> Result<Vec<PathBuf>, TlsError> {
    let (issuer, mut written) = write_authority(dir, "Lutong development authority", ["ca.pem", "ca.key"])?;
    let names = ServiceName::ALL
        .iter()
        .map(ServiceName::into_str)
        .chain(["operator"]);
    for name in names {
        let host = format!("{name}.{}", crate::mesh_name::MESH_DOMAIN);
        let mut params = CertificateParams::new(vec![host.clone()]).map_err(|error| unfit(&error))?;
        params.distinguished_name.push(DnType::CommonName, host);
        written.extend(write_signed(dir, name, &params, &issuer)?);
    }
    Ok(written)
}

fn outside(dir: &Path, authority: &Outside) -> Result<Vec<PathBuf>, TlsError> {
    let files = [authority.ca, authority.ca_key];
    let (issuer, mut written) = write_authority(dir, authority.name, files)?;
    let hosts = ["localhost", "gateway", "gateway.lutong.svc"].map(str::to_owned);
    let mut params = CertificateParams::new(hosts).map_err(|error| unfit(&error))?;
    params.subject_alt_names.extend([
        SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
        SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
    ]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
        .distinguished_name
        .push(DnType::CommonName, authority.listener);
    written.extend(write_signed(dir, authority.listener, &params, &issuer)?);
    Ok(written)
}

/// The parameters of a CA; always the same, so that an issuer can be rebuilt from its key alone.
fn authority(name: &str) -> Result<CertificateParams, TlsError> {
    let mut authority = CertificateParams::new(Vec::new()).map_err(|error| unfit(&error))?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.distinguished_name.push(DnType::CommonName, name);
    Ok(authority)
}

fn write_authority(
    dir: &Path,
    name: &str,
    [certificate_file, key_file]: [&str; 2],
) -> Result<(Issuer<'static, KeyPair>, Vec<PathBuf>), TlsError> {
    let params = authority(name)?;
    let key = KeyPair::generate().map_err(|error| unfit(&error))?;
    let certificate = params.self_signed(&key).map_err(|error| unfit(&error))?;
    let written = vec![
        write(dir, certificate_file, &certificate.pem())?,
        write(dir, key_file, &key.serialize_pem())?,
    ];
    Ok((Issuer::new(params, key), written))
}

fn write_signed(
    dir: &Path,
    name: &str,
    params: &CertificateParams,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<[PathBuf; 2], TlsError> {
    let key = KeyPair::generate().map_err(|error| unfit(&error))?;
    let certificate = params.signed_by(&key, issuer).map_err(|error| unfit(&error))?;
    Ok([
        write(dir, &format!("{name}.pem"), &certificate.pem())?,
        write(dir, &format!("{name}.key"), &key.serialize_pem())?,
    ])
}

fn write(dir: &Path, name: &str, text: &str) -> Result<PathBuf, TlsError> {
    let path = dir.join(name);
    private::write(&path, text.as_bytes()).map_err(|error| TlsError::File {
        path: path.clone(),
        reason: error.to_string(),
    })?;
    Ok(path)
}

/// Writes a certificate and key for a staff or feed account, signed by the operators' development CA in `dir`, and
/// returns their paths. Never overwrites files.
pub fn write_account_certificate(
    dir: &Path,
    account: &str,
    now: Timestamp,
    valid_for: Duration,
) -> Result<[PathBuf; 2], TlsError> {
    let urn = urn_of_account(account)
        .try_into()
        .map_err(|error: rcgen::Error| unfit(&error))?;
    let client = Client {
        file: format!("account-{account}"),
        name: account,
        names: vec![SanType::URI(urn)],
        usages: vec![ExtendedKeyUsagePurpose::ClientAuth],
    };
    write_client(dir, &OPERATORS, client, (now, valid_for))
}

/// Writes a certificate and key for a partner's host, with which it calls and is called, signed by the partners' development CA in `dir`,
/// and returns their paths. Never overwrites files.
pub fn write_partner_certificate(
    dir: &Path,
    host: &str,
    now: Timestamp,
    valid_for: Duration,
) -> Result<[PathBuf; 2], TlsError> {
    let dns = host.try_into().map_err(|error: rcgen::Error| unfit(&error))?;
    if host.parse::<IpAddr>().is_ok() {
        return Err(TlsError::Config(format!("{host} is an address and no host name")));
    }
    let client = Client {
        file: format!("partner-{host}"),
        name: host,
        names: vec![SanType::DnsName(dns)],
        usages: vec![
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::ServerAuth,
        ],
    };
    write_client(dir, &PARTNERS, client, (now, valid_for))
}

/// Whoever connects to a listener of the gateway.
struct Client<'a> {
    /// File name, without its ending.
    file: String,
    name: &'a str,
    names: Vec<SanType>,
    usages: Vec<ExtendedKeyUsagePurpose>,
}

fn write_client(
    dir: &Path,
    authority: &Outside,
    client: Client<'_>,
    (now, valid_for): (Timestamp, Duration),
) -> Result<[PathBuf; 2], TlsError> {
    let key_file = dir.join(authority.ca_key);
    let key = String::from_utf8_lossy(&read(&key_file)?).into_owned();
    let key = KeyPair::from_pem(&key).map_err(|error| TlsError::File {
        path: key_file,
        reason: error.to_string(),
    })?;
    let issuer = Issuer::new(self::authority(authority.name)?, key);
    let mut params = CertificateParams::new(Vec::new()).map_err(|error| unfit(&error))?;
    params.subject_alt_names = client.names;
    params.extended_key_usages = client.usages;
    params.distinguished_name.push(DnType::CommonName, client.name);
    let since_1970 = Duration::from_secs(u64::try_from(now.seconds()).unwrap_or(0));
    let now = rcgen::date_time_ymd(1970, 1, 1) + since_1970;
    params.not_before = now - BACKDATED;
    params.not_after = now + valid_for;
    // Checks that the key belongs to the CA certificate in the folder before writing anything.
    let trial = KeyPair::generate().and_then(|key| params.signed_by(&key, &issuer));
    let trial = trial.map_err(|error| unfit(&error))?;
    is_of_authority(trial.der(), &dir.join(authority.ca), since_1970)?;
    write_signed(dir, &client.file, &params, &issuer)
}

fn is_of_authority(certificate: &CertificateDer<'_>, ca: &Path, now: Duration) -> Result<(), TlsError> {
    let broken = |reason: String| TlsError::File {
        path: ca.to_owned(),
        reason,
    };
    let root = CertificateDer::from_pem_slice(&read(ca)?).map_err(|error| broken(error.to_string()))?;
    let anchor = webpki::anchor_from_trusted_cert(&root).map_err(|error| broken(error.to_string()))?;
    let own = EndEntityCert::try_from(certificate).map_err(|error| unfit(&error))?;
    own.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &[anchor],
        &[],
        UnixTime::since_unix_epoch(now),
        KeyUsage::client_auth(),
        None,
        None,
    )
    .map(drop)
    .map_err(|error| {
        broken(format!(
            "is not the authority that `lutong certs dev` made: {error}"
        ))
    })
}
