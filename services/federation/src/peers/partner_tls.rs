//! What is believed of partners' servers and shown to them.

use std::path::{Path, PathBuf};

use lutong_https::{Authorities, ClientTls, TrustError};
use lutong_kernel::Timestamp;
use lutong_operating::tls::certificate::{CertificateError, Validity, inspect_client};
use serde::{Deserialize, Serialize};

/// Files of the connections to partners' servers, PEM. They are read at the start; a new certificate takes effect with a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartnerTlsConfig {
    /// The authorities that sign the certificates of partners' servers. Without this and `system_roots` no partner is called over HTTPS.
    pub ca: PathBuf,
    /// The certificate that is shown to partners' servers, its chain after it, and its private key: both or neither.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Whether the authorities that this machine trusts are believed as well.
    pub system_roots: bool,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PartnerTlsError {
    #[error(
        "certificate 与 key 须同时设置 / certificate and key are set together or not at all: the certificate that is shown to partners is proven by its key"
    )]
    Half,
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    Trust(#[from] TrustError),
}

fn set(path: &Path) -> Option<&Path> {
    (!path.as_os_str().is_empty()).then_some(path)
}

impl PartnerTlsConfig {
    /// The authorities of partners' servers.
    pub fn authorities(&self) -> Authorities<'_> {
        match (set(&self.ca), self.system_roots) {
            (None, false) => Authorities::Nobody,
            (None, true) => Authorities::System,
            (Some(file), false) => Authorities::File(file),
            (Some(file), true) => Authorities::SystemAndFile(file),
        }
    }

    /// The certificate and its key, where one is shown.
    fn identity(&self) -> Result<Option<(&Path, &Path)>, PartnerTlsError> {
        match (set(&self.certificate), set(&self.key)) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
            _ => Err(PartnerTlsError::Half),
        }
    }

    /// Reads the files; everything that is wrong with them, and how long the certificate is valid, where one is shown.
    pub fn open(&self, now: Timestamp) -> Result<(ClientTls, Option<Validity>), Vec<PartnerTlsError>> {
        let one = |error: PartnerTlsError| vec![error];
        let Some((certificate, key)) = self.identity().map_err(one)? else {
            let tls = ClientTls::new(self.authorities()).map_err(|error| one(error.into()))?;
            return Ok((tls, None));
        };
        let validity = inspect_client(certificate, key, now)
            .map_err(|wrong| wrong.into_iter().map(PartnerTlsError::from).collect::<Vec<_>>())?;
        let tls = ClientTls::with_certificate(self.authorities(), certificate, key)
            .map_err(|error| one(error.into()))?;
        Ok((tls, Some(validity)))
    }
}

#[cfg(test)]
mod tests {
    use lutong_kernel::Clock as _;
    use lutong_operating::tls::development::{write_development_certificates, write_partner_certificate};
    use lutong_operating::wall_clock::WallClock;

    use super::*;

    const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

    fn wrong(config: &PartnerTlsConfig, now: Timestamp) -> String {
        let wrong = config.open(now).unwrap_err();
        let texts: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        texts.join("\n")
    }

    #[test]
    fn files_that_cannot_be_used_are_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        write_development_certificates(dir).unwrap();
        let now = WallClock.now();
        let [certificate, key] = write_partner_certificate(dir, "federation.sd.example", now, DAY).unwrap();
        let good = PartnerTlsConfig {
            ca: dir.join("partners-ca.pem"),
            certificate,
            key,
            system_roots: false,
        };
        let (_, validity) = good.open(now).unwrap();
        assert!(validity.is_some_and(|validity| validity.until <= now.plus(DAY)));
        assert!(PartnerTlsConfig::default().open(now).unwrap().1.is_none());
        let with = |change: &dyn Fn(&mut PartnerTlsConfig)| {
            let mut config = good.clone();
            change(&mut config);
            config
        };
        std::fs::write(dir.join("empty.pem"), "").unwrap();
        let cases: [(&str, PartnerTlsConfig); 7] = [
            ("together", with(&|config| config.key = PathBuf::new())),
            (
                "nowhere.pem",
                with(&|config| config.certificate = dir.join("nowhere.pem")),
            ),
            (
                "nowhere.key",
                with(&|config| config.key = dir.join("nowhere.key")),
            ),
            (
                "does not belong",
                with(&|config| config.key = dir.join("identity.key")),
            ),
            (
                "nowhere-ca.pem",
                with(&|config| config.ca = dir.join("nowhere-ca.pem")),
            ),
            ("empty.pem", with(&|config| config.ca = dir.join("empty.pem"))),
            (
                "gateway-partners.pem is not for a client",
                with(&|config| {
                    config.certificate = dir.join("gateway-partners.pem");
                    config.key = dir.join("gateway-partners.key");
                }),
            ),
        ];
        for (named, config) in cases {
            let text = wrong(&config, now);
            assert!(text.contains(named), "{named}: {text}");
        }
        let late = wrong(&good, now.plus(DAY * 2));
        assert!(late.contains("expired at"), "{late}");
    }
}
