//! The trust list: partner provinces and the keys that may speak for them.

use std::collections::HashMap;
use std::fmt::Write as _;

use lutong_kernel::Timestamp;
use lutong_token::{Issuer, TrustedKey, VerifyingKey, VerifyingKeys};
use serde::Deserialize;

/// An error in a list, and its entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{entry}: {reason}")]
pub struct TrustListError {
    pub entry: String,
    pub reason: String,
}

/// A checked list.
#[derive(Debug, Clone, Default)]
pub struct TrustList {
    pub version: String,
    pub keys: VerifyingKeys,
    names: HashMap<Issuer, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    /// `-----BEGIN PUBLIC KEY-----`
    #[serde(rename = "public_key")]
    pem: String,
    not_before: Timestamp,
    not_after: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

fn wrong(entry: impl Into<String>, reason: impl std::fmt::Display) -> TrustListError {
    TrustListError {
        entry: entry.into(),
        reason: reason.to_string(),
    }
}

impl TrustList {
    pub fn parse(text: &str) -> Result<Self, TrustListError> {
        let file: File = toml::from_str(text).map_err(|error| wrong("the file", error))?;
        let mut list = Self {
            version: file.version,
            ..Self::default()
        };
        for (n, partner) in file.partners.into_iter().enumerate() {
            let entry = format!("partner[{n}] ({})", partner.province);
            let issuer = Issuer::parse(&partner.province).map_err(|error| wrong(&entry, error))?;
            if issuer == Issuer::SHANDONG {
                return Err(wrong(&entry, "Shandong is no partner of its own"));
            }
            if list.names.insert(issuer, partner.name).is_some() {
                return Err(wrong(&entry, "the province is there twice"));
            }
            for (k, key) in partner.keys.into_iter().enumerate() {
                let entry = format!("{entry}.key[{k}]");
                let public = VerifyingKey::from_pem(key.pem.trim()).map_err(|error| wrong(&entry, error))?;
                let kid = public.kid();
                if list.keys.get(kid).is_some() {
                    return Err(wrong(&entry, format!("the key {kid} is there twice")));
                }
                let trusted = TrustedKey {
                    key: public,
                    issuers: vec![issuer],
                    not_before: key.not_before,
                    not_after: key.not_after,
                    revoked_at: key.revoked_at,
                };
                list.keys.insert(trusted).map_err(|error| wrong(&entry, error))?;
            }
        }
        Ok(list)
    }

    /// The province's name, for people.
    pub fn name(&self, issuer: Issuer) -> &str {
        self.names.get(&issuer).map_or("", String::as_str)
    }

    /// The partner provinces.
    pub fn issuers(&self) -> Vec<Issuer> {
        self.names.keys().copied().collect()
    }
}

/// The text of a list of one partner with one key.
pub fn of_one_partner(
    version: &str,
    (province, name): (Issuer, &str),
    key: &VerifyingKey,
    not_before: Timestamp,
) -> Result<String, TrustListError> {
    let pem = key.to_pem().map_err(|error| wrong("key", error))?;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "version = \"{version}\"\n\n[[partner]]\nprovince = \"{province}\"\nname = \"{name}\"\n\n[[partner.key]]\n\
         public_key = \"\"\"\n{pem}\"\"\"\nnot_before = \"{not_before}\"\n"
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_kernel::random::SeededRandom;
    use lutong_token::{Algorithm, SigningKey};

    fn one() -> String {
        let key = SigningKey::generate(Algorithm::Es256, &SeededRandom::new(1)).unwrap();
        let since = Timestamp::parse("2022-01-01T00:00:00+08:00").unwrap();
        let jiangsu = Issuer::parse("32").unwrap();
        of_one_partner("2022-11", (jiangsu, "江苏"), key.verifying_key(), since).unwrap()
    }

    #[test]
    fn a_list_as_written_is_read() {
        let list = TrustList::parse(&one()).unwrap();
        assert_eq!((list.version.as_str(), list.keys.len()), ("2022-11", 1));
        assert_eq!(list.name(Issuer::parse("32").unwrap()), "江苏");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_entry() {
        for (from, to, entry) in [
            ("province = \"32\"", "province = \"37\"", "partner[0] (37)"),
            ("province = \"32\"", "province = \"320\"", "partner[0] (320)"),
            ("-----BEGIN", "-----BEGINN", "partner[0] (32).key[0]"),
            ("not_before = \"2022", "not_before = \"x2022", "the file"),
            ("version", "versions", "the file"),
        ] {
            let error = TrustList::parse(&one().replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.entry, entry, "{error}");
        }
        let partner = one();
        let twice = format!("{partner}\n{}", &partner[partner.find("[[partner]]").unwrap()..]);
        assert!(TrustList::parse(&twice).unwrap_err().reason.contains("twice"));
    }
}
