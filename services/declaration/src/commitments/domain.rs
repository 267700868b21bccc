//! The published versions of the commitment. Their texts are files of this crate and never change; what changes is a version of its own.

use lutong_kernel::LocalDay;
use lutong_storage::crypto::hex;
use sha2::{Digest as _, Sha256};

/// A published version of the commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedCommitment {
    pub version: &'static str,
    /// From this local day on it may be accepted.
    pub published_on: LocalDay,
    /// From this local day on it may not be accepted any more.
    pub withdrawn_on: Option<LocalDay>,
    pub zh: &'static str,
    pub en: &'static str,
}

/// All versions, the newest first.
const PUBLISHED: [PublishedCommitment; 1] = [PublishedCommitment {
    version: "2020-02",
    // 2020-02-15
    published_on: LocalDay::from_days(18_307),
    withdrawn_on: None,
    zh: include_str!("../../data/commitments/2020-02.zh.md"),
    en: include_str!("../../data/commitments/2020-02.en.md"),
}];

/// What was accepted, as a declaration keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcceptedCommitment {
    pub version: String,
    /// SHA-256 of the text, hex; empty for what was accepted before texts were published.
    pub digest: String,
}

impl PublishedCommitment {
    /// SHA-256, hex, of the Chinese text followed by the English one.
    pub fn digest(&self) -> String {
        let digest = Sha256::new()
            .chain_update(self.zh)
            .chain_update(self.en)
            .finalize();
        hex(&digest)
    }

    /// Whether it has been published.
    pub fn is_published(&self, today: LocalDay) -> bool {
        self.published_on <= today
    }

    fn is_acceptable(&self, today: LocalDay) -> bool {
        self.is_published(today) && self.withdrawn_on.is_none_or(|end| today < end)
    }

    pub fn accepted(&self) -> AcceptedCommitment {
        AcceptedCommitment {
            version: self.version.to_owned(),
            digest: self.digest(),
        }
    }
}

/// The versions that have been published by a day, withdrawn ones included, the newest first.
pub fn published(today: LocalDay) -> impl Iterator<Item = &'static PublishedCommitment> {
    PUBLISHED.iter().filter(move |one| one.is_published(today))
}

/// A version that may be accepted on a day.
pub fn acceptable(version: &str, today: LocalDay) -> Option<&'static PublishedCommitment> {
    acceptable_of(&PUBLISHED, today).find(|one| one.version == version)
}

/// The newest version that may be accepted on a day.
pub fn latest(today: LocalDay) -> Option<&'static PublishedCommitment> {
    acceptable_of(&PUBLISHED, today).next()
}

fn acceptable_of(
    versions: &[PublishedCommitment],
    today: LocalDay,
) -> impl Iterator<Item = &PublishedCommitment> {
    versions.iter().filter(move |one| one.is_acceptable(today))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> LocalDay {
        LocalDay::parse(text).unwrap()
    }

    #[test]
    fn a_version_is_accepted_from_its_publication_until_its_withdrawal() {
        let first = PublishedCommitment {
            withdrawn_on: Some(day("2022-12-01")),
            ..PUBLISHED[0]
        };
        let second = PublishedCommitment {
            version: "2022-11",
            published_on: day("2022-11-01"),
            ..PUBLISHED[0]
        };
        let on = |today: &str| -> Vec<&str> {
            let versions = [second, first];
            acceptable_of(&versions, day(today))
                .map(|one| one.version)
                .collect()
        };
        assert_eq!(on("2020-02-14"), [""; 0]);
        assert_eq!(on("2020-02-15"), ["2020-02"]);
        assert_eq!(on("2022-11-01"), ["2022-11", "2020-02"]);
        assert_eq!(on("2022-12-01"), ["2022-11"]);
    }

    #[test]
    fn the_digest_is_that_of_the_files() {
        let [only] = PUBLISHED;
        assert_eq!(only.published_on, day("2020-02-15"));
        assert_eq!(only.digest(), DIGEST, "a published text never changes");
    }

    const DIGEST: &str = "6c4dbb60d3f39f9495bd0f445fd4db136e9fa61f0f8f8046320923b49a6ee135";

    #[test]
    fn every_version_has_its_own_name_and_the_newest_is_first() {
        for pair in PUBLISHED.windows(2) {
            assert!(pair[0].published_on >= pair[1].published_on);
            assert_ne!(pair[0].version, pair[1].version);
        }
    }
}
