//! The text of a list, TOML as people write and review it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lutong_kernel::Timestamp;
use lutong_token::{Issuer, Kid, TrustedKey, VerifyingKey};
use serde::Deserialize;

use super::{Agreement, Direction, KeyPurpose, Mode, PartnerKey, Quota, TrustList};
use crate::colour_maps::domain::{ColourMaps, OWN_INTERFACE};
use crate::partners::domain::PartnerId;

/// More partners than there are provinces.
const MAX_PARTNERS: usize = 64;
const MAX_KEYS: usize = 16;
const MAX_NAMES: usize = 8;
/// Characters of a version, and of a partner's name.
const MAX_TEXT: usize = 60;

/// An error in a list, and its entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{entry}: {reason}")]
pub struct TrustListError {
    pub entry: String,
    pub reason: String,
}

impl TrustListError {
    pub fn new(entry: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self {
            entry: entry.into(),
            reason: reason.to_string(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    /// Whose partners these are: two digits of GB/T 2260.
    #[serde(default = "shandong")]
    audience: String,
    #[serde(default)]
    sequence: i64,
    issued_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    #[serde(default, rename = "partner")]
    partners: Vec<Partner>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Partner {
    province: String,
    name: String,
    #[serde(rename = "key")]
    keys: Vec<Key>,
    #[serde(default)]
    tls_names: Vec<String>,
    #[serde(default = "inbound")]
    directions: Vec<Direction>,
    #[serde(default = "conversion")]
    modes: Vec<Mode>,
    #[serde(default = "own_interface")]
    interface: String,
    #[serde(default)]
    quota: Quota,
    address: Option<String>,
    #[serde(default)]
    intermediaries: Vec<String>,
}

fn inbound() -> Vec<Direction> {
    vec![Direction::Inbound]
}

fn conversion() -> Vec<Mode> {
    vec![Mode::Conversion]
}

fn shandong() -> String {
    Issuer::SHANDONG.to_string()
}

fn own_interface() -> String {
    OWN_INTERFACE.to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    /// `-----BEGIN PUBLIC KEY-----`
    #[serde(rename = "public_key")]
    pem: String,
    #[serde(default = "codes")]
    purposes: Vec<KeyPurpose>,
    not_before: Timestamp,
    not_after: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

fn codes() -> Vec<KeyPurpose> {
    vec![KeyPurpose::Codes]
}

impl TrustList {
    pub fn parse(text: &str) -> Result<Self, TrustListError> {
        let file: File = toml::from_str(text).map_err(|error| TrustListError::new("the file", error))?;
        let maps = ColourMaps::of_build().map_err(|error| TrustListError::new("interface", error))?;
        let mut reading = Reading::default();
        let audience =
            Issuer::parse(&file.audience).map_err(|error| TrustListError::new("audience", error))?;
        if file.version.is_empty() || file.version.chars().count() > MAX_TEXT {
            return Err(TrustListError::new("version", "has 1 to 60 characters"));
        }
        if file.partners.len() > MAX_PARTNERS {
            return Err(TrustListError::new("partner", "there are more than 64"));
        }
        for (n, partner) in file.partners.into_iter().enumerate() {
            let entry = format!("partner[{n}] ({})", partner.province);
            if maps.get(&partner.interface).is_none() {
                let reason = format!("the interface {:?} has no colour map", partner.interface);
                return Err(TrustListError::new(entry, reason));
            }
            if partner.province == audience.to_string() {
                return Err(TrustListError::new(entry, "nobody is a partner of its own"));
            }
            reading.partner(&entry, partner)?;
        }
        reading.check_intermediaries()?;
        let list = Self {
            version: file.version,
            audience: Some(audience),
            sequence: file.sequence,
            issued_at: file.issued_at,
            expires_at: file.expires_at,
            partners: reading.partners,
            code_keys: reading.code_keys,
            message_keys: reading.message_keys,
        };
        Ok(list)
    }
}

#[derive(Default)]
struct Reading {
    partners: BTreeMap<PartnerId, Agreement>,
    kids: BTreeSet<Kid>,
    tls_names: BTreeSet<String>,
    code_keys: lutong_token::VerifyingKeys,
    message_keys: lutong_token::VerifyingKeys,
}

impl Reading {
    fn partner(&mut self, entry: &str, partner: Partner) -> Result<(), TrustListError> {
        let wrong = |reason: &dyn std::fmt::Display| TrustListError::new(entry, reason);
        let id = PartnerId::parse(&partner.province).map_err(|error| wrong(&error))?;
        if self.partners.contains_key(&id) {
            return Err(wrong(&"the province is there twice"));
        }
        if partner.name.is_empty() || partner.name.chars().count() > MAX_TEXT {
            return Err(wrong(&"its name has 1 to 60 characters"));
        }
        if partner.keys.len() > MAX_KEYS || partner.tls_names.len() > MAX_NAMES {
            return Err(wrong(&"it has more than 16 keys or 8 names"));
        }
        for name in &partner.tls_names {
            if !is_host(name) {
                return Err(wrong(&format!("{name:?} is no host name in lower case")));
            }
            if !self.tls_names.insert(name.clone()) {
                return Err(wrong(&format!("the name {name} is there twice")));
            }
        }
        if partner
            .address
            .as_ref()
            .is_some_and(|address| !is_address(address))
        {
            return Err(wrong(
                &"its address is https://host, with a port or without, and nothing more",
            ));
        }
        let intermediaries = partner.intermediaries.iter().map(|id| PartnerId::parse(id));
        let intermediaries = intermediaries
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(&error))?;
        let mut keys = Vec::new();
        for (k, key) in partner.keys.into_iter().enumerate() {
            keys.push(self.key(&format!("{entry}.key[{k}]"), id, key)?);
        }
        let agreement = Agreement {
            name: partner.name,
            keys,
            tls_names: partner.tls_names,
            directions: partner.directions,
            modes: partner.modes,
            interface: partner.interface,
            quota: partner.quota,
            address: partner.address,
            intermediaries,
        };
        self.partners.insert(id, agreement);
        Ok(())
    }

    fn key(&mut self, entry: &str, id: PartnerId, key: Key) -> Result<PartnerKey, TrustListError> {
        let wrong = |reason: &dyn std::fmt::Display| TrustListError::new(entry, reason);
        let public = VerifyingKey::from_pem(key.pem.trim()).map_err(|error| wrong(&error))?;
        let kid = public.kid();
        if !self.kids.insert(kid) {
            return Err(wrong(&format!("the key {kid} is there twice")));
        }
        if key.not_after.is_some_and(|end| end <= key.not_before) {
            return Err(wrong(&"not_after does not lie after not_before"));
        }
        let trusted = TrustedKey {
            key: public,
            // The national platform speaks for no province: trust in it is no trust in those that it trusts.
            issuers: id.province().into_iter().collect(),
            not_before: key.not_before,
            not_after: key.not_after,
            revoked_at: key.revoked_at,
        };
        if key.purposes.contains(&KeyPurpose::Codes) {
            if id == PartnerId::National {
                return Err(wrong(&"the national platform signs no codes of a province"));
            }
            self.code_keys
                .insert(trusted.clone())
                .map_err(|error| wrong(&error))?;
        }
        if key.purposes.contains(&KeyPurpose::Messages) {
            self.message_keys
                .insert(trusted.clone())
                .map_err(|error| wrong(&error))?;
        }
        Ok(PartnerKey {
            purposes: key.purposes,
            trusted,
        })
    }

    /// Whoever passes a code on is trusted, too.
    fn check_intermediaries(&self) -> Result<(), TrustListError> {
        for (id, agreement) in &self.partners {
            let unknown = |other: &&PartnerId| *other == id || !self.partners.contains_key(other);
            if let Some(other) = agreement.intermediaries.iter().find(unknown) {
                let reason = format!("the intermediary {other} is no other partner of the list");
                return Err(TrustListError::new(format!("partner {id}"), reason));
            }
        }
        Ok(())
    }
}

fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(is_label)
}

/// Without a path and a query: what is called there, this service says. Plain HTTP on this machine only, for tests.
fn is_address(address: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|number| number.to_string() == port);
    if let Some(port) = address.strip_prefix("http://127.0.0.1:") {
        return is_port(port);
    }
    let Some(rest) = address.strip_prefix("https://") else {
        return false;
    };
    match rest.split_once(':') {
        Some((host, port)) => is_host(host) && is_port(port),
        None => is_host(rest),
    }
}

/// The text of a list of one partner with one key.
pub fn of_one_partner(
    version: &str,
    (province, name): (Issuer, &str),
    key: &VerifyingKey,
    not_before: Timestamp,
) -> Result<String, TrustListError> {
    let pem = key.to_pem().map_err(|error| TrustListError::new("key", error))?;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "version = \"{version}\"\n\n[[partner]]\nprovince = \"{province}\"\nname = \"{name}\"\n\n[[partner.key]]\n\
         public_key = \"\"\"\n{pem}\"\"\"\nnot_before = \"{not_before}\"\n"
    );
    Ok(text)
}
