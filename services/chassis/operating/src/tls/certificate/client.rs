//! The certificate that we show to servers outside.

use std::path::Path;
use std::time::Duration;

use lutong_kernel::Timestamp;
use rustls::pki_types::UnixTime;
use webpki::{EndEntityCert, KeyUsage};

use super::{CertificateError, OwnFiles, Validity, wrong_dates};

/// Reads a client certificate and its key, and returns everything that is wrong with them. Whether its authority is the right one, the
/// servers decide.
pub fn inspect_client(
    certificate: &Path,
    key: &Path,
    now: Timestamp,
) -> Result<Validity, Vec<CertificateError>> {
    let files = OwnFiles::read(certificate, key).map_err(|error| vec![error])?;
    let own = files.parsed(certificate).map_err(|error| vec![error])?;
    let mut wrong = Vec::new();
    let (until, not_now) = wrong_dates(certificate, &own, now);
    match not_now {
        Some(error) => wrong.push(error),
        None => wrong.extend(wrong_usage(certificate, &own, now)),
    }
    if own.valid_dns_names().next().is_none() {
        wrong.push(CertificateError::NoHost {
            file: certificate.display().to_string(),
        });
    }
    wrong.extend(files.wrong_key(certificate, key));
    if wrong.is_empty() {
        Ok(Validity { until })
    } else {
        Err(wrong)
    }
}

/// webpki checks the usage of a certificate before it looks for an issuer, of which there is none here.
fn wrong_usage(file: &Path, own: &EndEntityCert<'_>, now: Timestamp) -> Option<CertificateError> {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.seconds()).unwrap_or(0)));
    let refused = own.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &[],
        &[],
        now,
        KeyUsage::client_auth(),
        None,
        None,
    );
    match refused.err() {
        Some(webpki::Error::RequiredEkuNotFoundContext(_) | webpki::Error::CaUsedAsEndEntity) => {
            Some(CertificateError::NoClient {
                file: file.display().to_string(),
            })
        }
        _ => None,
    }
}
