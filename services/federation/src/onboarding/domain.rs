//! Checks the folder of a new partner before anybody signs a trust list with it: every finding has a name and says what to do. Pure.
//!
//! ```text
//! partner.toml    province = "32", name = "江苏", tls_names = ["federation.example.cn"]
//! tls.pem         the certificate for mutual TLS, alone
//! ca.pem          the certificate of the authority that issued it
//! codes.pub       the public key that signs codes (PEM, Ed25519 or P-256)
//! messages.pub    the public key that signs messages, another one
//! ```

mod certificate;
mod finding;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use lutong_kernel::Timestamp;
use lutong_token::{Issuer, VerifyingKey};
use serde::Deserialize;

use crate::partners::domain::PartnerId;

pub use finding::{Check, Finding};

/// The files, all of which must be there, and nothing else.
pub const FILES: [&str; 5] = ["partner.toml", "tls.pem", "ca.pem", "codes.pub", "messages.pub"];
/// The greatest length of a file.
pub const MAX_FILE: usize = 64 * 1024;
/// Characters of a name.
const MAX_NAME: usize = 60;

/// Files by name.
pub type Folder = BTreeMap<String, Vec<u8>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Partner {
    province: String,
    name: String,
    tls_names: Vec<String>,
}

/// Everything that is wrong with a folder; nothing is found in a good one.
pub fn check(folder: &Folder, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in FILES {
        if !folder.contains_key(name) {
            findings.push(Finding::new(name, Check::FileMissing, "it is not there"));
        }
    }
    for (name, bytes) in folder {
        if !FILES.contains(&name.as_str()) {
            findings.push(Finding::new(name, Check::FileUnknown, "it is none of the five"));
        }
        if bytes.windows(11).any(|found| found == b"PRIVATE KEY") {
            findings.push(Finding::new(
                name,
                Check::PrivateKey,
                "it has a private key in it",
            ));
        }
        if MAX_FILE < bytes.len() {
            findings.push(Finding::new(name, Check::Pem, "it has more than 64 KiB"));
        }
    }
    let tls_names = partner(folder, &mut findings);
    let mut keys = BTreeMap::new();
    certificate::check(folder, &tls_names, now, &mut keys, &mut findings);
    for name in ["codes.pub", "messages.pub"] {
        if let Some(bytes) = folder.get(name) {
            match public_key(bytes) {
                Ok(key) => drop(keys.insert(name, key)),
                Err(reason) => findings.push(Finding::new(name, Check::KeyKind, reason)),
            }
        }
    }
    findings.extend(shared(&keys));
    findings
}

/// The TLS names that the partner states.
fn partner(folder: &Folder, findings: &mut Vec<Finding>) -> Vec<String> {
    let Some(bytes) = folder.get("partner.toml") else {
        return Vec::new();
    };
    let mut wrong = |reason: String| findings.push(Finding::new("partner.toml", Check::Partner, reason));
    let read = std::str::from_utf8(bytes).map_err(|error| error.to_string());
    let read = read.and_then(|text| toml::from_str::<Partner>(text).map_err(|error| error.to_string()));
    let partner = match read {
        Ok(partner) => partner,
        Err(reason) => {
            wrong(reason);
            return Vec::new();
        }
    };
    match PartnerId::parse(&partner.province) {
        Ok(id) if id.province() == Some(Issuer::SHANDONG) => {
            wrong("province: Shandong is no partner of its own".to_owned());
        }
        Ok(_) => {}
        Err(error) => wrong(format!("province: {error}")),
    }
    if partner.name.is_empty() || MAX_NAME < partner.name.chars().count() {
        wrong("name: has 1 to 60 characters".to_owned());
    }
    if partner.tls_names.is_empty() {
        wrong("tls_names: names the certificate's host at least once".to_owned());
    }
    partner.tls_names
}

/// The key as SubjectPublicKeyInfo.
fn public_key(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let key = VerifyingKey::from_pem(text.trim()).map_err(|error| error.to_string())?;
    key.to_spki_der().map_err(|error| error.to_string())
}

/// A key does one thing: whoever loses one of them loses no other.
fn shared(keys: &BTreeMap<&'static str, Vec<u8>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, key) in keys {
        let other = keys.iter().find(|(other, known)| *other < name && *known == key);
        if let Some((other, _)) = other {
            findings.push(Finding::new(
                *name,
                Check::KeyShared,
                format!("it is the key of {other}, too"),
            ));
        }
    }
    findings
}
