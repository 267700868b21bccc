//! Checks a certificate of our own: its names, validity period, issuer and private key.

mod client;

use std::net::Ipv6Addr;
use std::path::Path;
use std::time::Duration;

use lutong_kernel::{ServiceName, Timestamp};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use webpki::{EndEntityCert, KeyUsage};

use super::{TlsError, TlsFiles, provider, read};
use crate::health::{Check, Need, Trouble};
use crate::mesh_name::mesh_name;
use crate::wall_clock::WallClock;

pub use client::inspect_client;

/// A warning is logged when a certificate expires sooner than this.
pub const WARN_BEFORE: Duration = Duration::from_secs(14 * 86_400);

/// What is wrong with a certificate of our own, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("mTLS 文件不可用：{0} / a file of mTLS cannot be used: {0}")]
    File(#[from] TlsError),
    #[error(
        "证书 {file} 属于 {names}，不是 {expected}：请换用本服务的证书 / the certificate {file} is for {names}, not for {expected}: give this service its own"
    )]
    Name {
        file: String,
        names: String,
        expected: String,
    },
    #[error(
        "证书 {file} 已于 {at} 过期：请换发 / the certificate {file} expired at {at}: have it issued anew"
    )]
    Expired { file: String, at: Timestamp },
    #[error(
        "证书 {file} 自 {at} 起才有效：请检查系统时钟或证书 / the certificate {file} is not valid before {at}: check the clock, or the certificate"
    )]
    NotYet { file: String, at: Timestamp },
    #[error(
        "证书 {file} 不是由 {ca} 签发的（{reason}）：请使用同一签发机构 / the certificate {file} is not signed by {ca} ({reason}): use one authority for the whole mesh"
    )]
    Authority {
        file: String,
        ca: String,
        reason: String,
    },
    #[error("私钥 {key} 与证书 {file} 不匹配 / the key {key} does not belong to the certificate {file}")]
    Key { key: String, file: String },
    #[error(
        "证书 {file} 未写明任何主机：请为网关的域名签发 / the certificate {file} is for no host: have it issued for the gateway's name"
    )]
    NoHost { file: String },
    #[error(
        "签发机构 {ca} 也是网格的签发机构：请为人员、数据源和互认伙伴另设签发机构 / the authority {ca} is the mesh's too: give staff, feeds and partners authorities of their own"
    )]
    SharedAuthority { ca: String },
    #[error(
        "证书 {file} 不能用作客户端证书：请签发扩展用途含 clientAuth 的证书 / the certificate {file} is not for a client: have one issued whose extended usage has clientAuth"
    )]
    NoClient { file: String },
}

/// The validity of a certificate that can be used now.
#[derive(Debug, Clone, Copy)]
pub struct Validity {
    pub until: Timestamp,
}

impl Validity {
    /// Whether it expires within [`WARN_BEFORE`].
    pub fn ends_soon(&self, now: Timestamp) -> bool {
        self.until < now.plus(WARN_BEFORE)
    }

    /// Readiness check: not ready once the certificate has expired, since every peer refuses it then. Updates the
    /// metric `lutong_certificate_expiry_seconds`.
    pub fn check(self) -> Check {
        self.check_as("certificate", "lutong_certificate_expiry_seconds")
            .with_need(Need::Always)
    }

    /// The same for the listener of staff and feeds, which nobody else needs: degraded once it has expired. Updates the
    /// metric `lutong_staff_certificate_expiry_seconds`.
    pub fn check_of_staff(self) -> Check {
        self.check_as("staff certificate", "lutong_staff_certificate_expiry_seconds")
            .with_need(Need::Never)
    }

    /// The same for the listener of partners. Updates the metric `lutong_partner_certificate_expiry_seconds`.
    pub fn check_of_partners(self) -> Check {
        self.check_as("partner certificate", "lutong_partner_certificate_expiry_seconds")
            .with_need(Need::Never)
    }

    /// The same for the certificate that is shown to partners. Updates the metric
    /// `lutong_partner_client_certificate_expiry_seconds`.
    pub fn check_of_partner_client(self) -> Check {
        self.check_as(
            "partner client certificate",
            "lutong_partner_client_certificate_expiry_seconds",
        )
        .with_need(Need::Never)
    }

    fn check_as(self, name: &'static str, metric: &'static str) -> Check {
        Check::new(name, move || async move {
            let left = self.until.seconds() - lutong_kernel::Clock::now(&WallClock).seconds();
            // Exact below 2⁵³ seconds.
            #[allow(clippy::cast_precision_loss)]
            metrics::gauge!(metric).set(left as f64);
            if left > 0 {
                return Ok(());
            }
            Err(Trouble::Wrong(format!(
                "证书已于 {0} 过期：请换发并重新启动 / the certificate expired at {0}: have it issued anew and restart",
                self.until
            )))
        })
    }
}

/// Reads a service's certificate and returns everything that is wrong with it.
pub fn inspect(
    service: ServiceName,
    files: &TlsFiles,
    now: Timestamp,
) -> Result<Validity, Vec<CertificateError>> {
    let loaded = ServerFiles::read(files).map_err(|error| vec![error])?;
    let own = loaded
        .own
        .parsed(&files.certificate)
        .map_err(|error| vec![error])?;
    let mut wrong = Vec::new();
    wrong.extend(wrong_name(service, files, &own));
    let (until, not_now) = wrong_dates(&files.certificate, &own, now);
    match not_now {
        Some(error) => wrong.push(error),
        None => wrong.extend(wrong_authority(files, &own, &loaded, now)),
    }
    wrong.extend(loaded.own.wrong_key(&files.certificate, &files.key));
    if wrong.is_empty() {
        Ok(Validity { until })
    } else {
        Err(wrong)
    }
}

/// The same for the gateway's listeners for staff and feeds, and for partners. Their certificate is for a host name of the installation
/// and may come from another CA than the certificates of those who connect, whose CA must not be the mesh's (`mesh_ca`).
pub fn inspect_listener(
    files: &TlsFiles,
    mesh_ca: &Path,
    now: Timestamp,
) -> Result<Validity, Vec<CertificateError>> {
    let loaded = ServerFiles::read(files).map_err(|error| vec![error])?;
    let own = loaded
        .own
        .parsed(&files.certificate)
        .map_err(|error| vec![error])?;
    let mut wrong = Vec::new();
    if own.valid_dns_names().next().is_none() && !has_address(&own) {
        wrong.push(CertificateError::NoHost {
            file: files.certificate.display().to_string(),
        });
    }
    let (until, not_now) = wrong_dates(&files.certificate, &own, now);
    wrong.extend(not_now);
    wrong.extend(loaded.own.wrong_key(&files.certificate, &files.key));
    wrong.extend(super::verifier(files).err().map(CertificateError::File));
    let of_mesh = read(mesh_ca).and_then(|bytes| certificates(mesh_ca, &bytes));
    if of_mesh.is_ok_and(|of_mesh| of_mesh.iter().any(|root| loaded.roots.contains(root))) {
        wrong.push(CertificateError::SharedAuthority {
            ca: files.ca.display().to_string(),
        });
    }
    if wrong.is_empty() {
        Ok(Validity { until })
    } else {
        Err(wrong)
    }
}

/// Whether it is valid for some IP address. webpki lists a certificate's names only in the error for a name that does
/// not match.
fn has_address(own: &EndEntityCert<'_>) -> bool {
    let nobody = ServerName::IpAddress(Ipv6Addr::UNSPECIFIED.into());
    match own.verify_is_valid_for_subject_name(&nobody) {
        Ok(()) => true,
        Err(webpki::Error::CertNotValidForName(context)) => context
            .presented
            .iter()
            .any(|name| name.starts_with("IpAddress(")),
        Err(_) => false,
    }
}

/// The parsed files of a server.
struct ServerFiles {
    roots: Vec<CertificateDer<'static>>,
    own: OwnFiles,
}

impl ServerFiles {
    fn read(files: &TlsFiles) -> Result<Self, CertificateError> {
        let ca = read(&files.ca)?;
        Ok(Self {
            roots: certificates(&files.ca, &ca)?,
            own: OwnFiles::read(&files.certificate, &files.key)?,
        })
    }
}

/// A certificate with its chain, and its key.
struct OwnFiles {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl OwnFiles {
    fn read(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let (chain, private) = (read(certificate)?, read(key)?);
        Ok(Self {
            chain: certificates(certificate, &chain)?,
            key: PrivateKeyDer::from_pem_slice(&private).map_err(|error| unreadable(key, &error))?,
        })
    }

    fn parsed(&self, file: &Path) -> Result<EndEntityCert<'_>, CertificateError> {
        // `certificates` never returns an empty list.
        let own = EndEntityCert::try_from(&self.chain[0]);
        Ok(own.map_err(|error| unreadable(file, &error))?)
    }

    fn wrong_key(&self, certificate: &Path, key: &Path) -> Option<CertificateError> {
        let signing = provider().key_provider.load_private_key(self.key.clone_key());
        let fits = signing.is_ok_and(|key| CertifiedKey::new(self.chain.clone(), key).keys_match().is_ok());
        (!fits).then(|| CertificateError::Key {
            key: key.display().to_string(),
            file: certificate.display().to_string(),
        })
    }
}

fn unreadable(path: &Path, reason: &dyn std::fmt::Display) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// Every certificate of a file; an error if there is none.
fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|error| unreadable(path, &error))?;
    if all.is_empty() {
        return Err(unreadable(path, &"holds no certificate"));
    }
    Ok(all)
}

/// When it expires, and the error if it is not valid now.
fn wrong_dates(
    file: &Path,
    own: &EndEntityCert<'_>,
    now: Timestamp,
) -> (Timestamp, Option<CertificateError>) {
    let (from, until) = dates(own);
    let file = || file.display().to_string();
    let wrong = if until <= now {
        Some(CertificateError::Expired {
            file: file(),
            at: until,
        })
    } else if from > now {
        Some(CertificateError::NotYet {
            file: file(),
            at: from,
        })
    } else {
        None
    };
    (until, wrong)
}

fn wrong_authority(
    files: &TlsFiles,
    own: &EndEntityCert<'_>,
    loaded: &ServerFiles,
    now: Timestamp,
) -> Option<CertificateError> {
    let chained = chains(own, &loaded.roots, &loaded.own.chain[1..], now);
    chained.err().map(|reason| CertificateError::Authority {
        file: files.certificate.display().to_string(),
        ca: files.ca.display().to_string(),
        reason: reason.to_string(),
    })
}

fn wrong_name(service: ServiceName, files: &TlsFiles, own: &EndEntityCert<'_>) -> Option<CertificateError> {
    let expected = mesh_name(service);
    let names: Vec<_> = own.valid_dns_names().collect();
    (!names.contains(&expected.as_str())).then(|| CertificateError::Name {
        file: files.certificate.display().to_string(),
        names: if names.is_empty() {
            "nobody".to_owned()
        } else {
            names.join(", ")
        },
        expected,
    })
}

/// The validity period. webpki exposes a bound only in the error for an instant outside it, and checks the period
/// before anything else.
pub(super) fn dates(own: &EndEntityCert<'_>) -> (Timestamp, Timestamp) {
    let ask = |seconds| {
        own.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &[],
            &[],
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            KeyUsage::server_auth(),
            None,
            None,
        )
        .err()
    };
    let instant = |time: UnixTime| Timestamp::from_seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
    let from = match ask(0) {
        Some(webpki::Error::CertNotValidYet { not_before, .. }) => instant(not_before),
        _ => Timestamp::from_seconds(0),
    };
    // Beyond the year 9999, the latest that a certificate can express.
    let until = match ask(300_000_000_000) {
        Some(webpki::Error::CertExpired { not_after, .. }) => instant(not_after),
        _ => Timestamp::MAX,
    };
    (from, until)
}

/// Verifies the chain to the CA, for use as server and as client.
fn chains(
    own: &EndEntityCert<'_>,
    roots: &[CertificateDer<'_>],
    between: &[CertificateDer<'_>],
    now: Timestamp,
) -> Result<(), webpki::Error> {
    let anchors = roots
        .iter()
        .map(webpki::anchor_from_trusted_cert)
        .collect::<Result<Vec<_>, _>>()?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.seconds()).unwrap_or(0)));
    for usage in [KeyUsage::server_auth(), KeyUsage::client_auth()] {
        own.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            between,
            now,
            usage,
            None,
            None,
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
