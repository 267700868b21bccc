//! The chain of a subject's decisions: each entry is an HMAC under the subject's key over the content of a decision and the previous
//! entry. A changed, removed or reordered decision breaks the chain. Erasing the key and the content keeps the entries, so that the
//! chain remains verifiable (DESIGN 5, History).

use lutong_kernel::{LocalDay, SubjectId};
pub use lutong_storage::crypto::{BEGINNING, ChainKey, Entry};
use lutong_storage::crypto::{Key, keyed_hash};
use sha2::{Digest as _, Sha256};
use strum::{EnumString, IntoStaticStr};

use lutong_risk_engine::set_digest::SetDigest;

/// The domain separator of decision entries. The key of a subject is derived from the service's key and a salt that is stored with
/// the subject; deleting the salt destroys the key.
pub const CHAIN_LABEL: &str = "lutong-decision/1\n";

/// Makes the chain keys of subjects from the service's key, and proofs under that key.
#[derive(Debug, Clone)]
pub struct ChainKeys(Key);

impl ChainKeys {
    pub const fn new(key: Key) -> Self {
        Self(key)
    }

    /// The chain key of a subject: the service's key over the subject's id and salt.
    pub fn of_subject(&self, subject: SubjectId, salt: &[u8]) -> ChainKey {
        let material = [subject.uuid().as_bytes(), salt].concat();
        ChainKey::new(&keyed_hash(&self.0, &material), CHAIN_LABEL)
    }

    /// Proves that the service sealed a root.
    pub fn proof(&self, root: &Entry) -> [u8; 32] {
        keyed_hash(&self.0, root)
    }
}

/// A defect in the history of a subject, at a version. The text form is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Break {
    /// The content or the entry was changed.
    Changed,
    /// A version is missing, repeated or out of order.
    Gap,
    /// The last entry differs from the one in the subject's row: decisions at the end were removed or added.
    Head,
}

/// The properties of a stored decision that its chain depends on.
#[derive(Debug, Clone)]
pub struct Link {
    pub version: i64,
    pub entry: Entry,
    /// `None`: erased.
    pub content: Option<Vec<u8>>,
}

/// The result of verifying the history of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChainReport {
    pub intact: i64,
    pub erased: i64,
    /// Versions with a defect, in ascending order.
    pub breaks: Vec<(i64, Break)>,
}

/// Verifies the history of a subject, given oldest first. If the key was erased, the order of the entries and the head are still
/// verified.
pub fn verify(key: Option<&ChainKey>, links: &[Link], head: (i64, Entry)) -> ChainReport {
    let mut verified = ChainReport::default();
    let (mut version, mut previous) = (0, BEGINNING);
    for link in links {
        let in_order = link.version == version + 1;
        match (in_order, key, &link.content) {
            (false, ..) => verified.breaks.push((link.version, Break::Gap)),
            (true, Some(key), Some(content)) if key.entry(&previous, content) == link.entry => {
                verified.intact += 1;
            }
            (true, _, None) => verified.erased += 1,
            // Content that no key can prove counts as changed.
            (true, _, Some(_)) => verified.breaks.push((link.version, Break::Changed)),
        }
        (version, previous) = (link.version, link.entry);
    }
    if (version, previous) != head {
        verified.breaks.push((version, Break::Head));
    }
    verified
}

/// Number of buckets of a day. The bucket of a decision is the last byte of its subject id, so that a change is located.
pub const BUCKETS: usize = 256;

/// The digest of the decisions of a local day, one set of entries for each bucket. Erased decisions keep their entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayDigest(Vec<SetDigest>);

impl Default for DayDigest {
    fn default() -> Self {
        Self(vec![SetDigest::default(); BUCKETS])
    }
}

impl DayDigest {
    pub fn add(&mut self, subject: SubjectId, version: i64, entry: &Entry) {
        let id = subject.uuid();
        let mut member = [0; 56];
        member[..16].copy_from_slice(id.as_bytes());
        member[16..24].copy_from_slice(&version.to_be_bytes());
        member[24..].copy_from_slice(entry);
        self.0[usize::from(id.as_bytes()[15])].add(&member);
    }

    pub fn decisions(&self) -> i64 {
        self.0.iter().map(|bucket| bucket.count).sum()
    }

    /// The root of the day: a hash over its buckets and the root of the previous day.
    pub fn root(&self, day: LocalDay, previous: &Entry) -> Entry {
        let mut hash = Sha256::new();
        hash.update(b"lutong-day/1\n");
        hash.update(day.days().to_be_bytes());
        hash.update(previous);
        hash.update(self.to_bytes());
        hash.finalize().into()
    }

    /// The buckets that differ from another digest of the same day.
    pub fn differing(&self, other: &Self) -> Vec<u8> {
        let pairs = (0..=u8::MAX).zip(self.0.iter().zip(&other.0));
        pairs
            .filter(|(_, (one, two))| one != two)
            .map(|(bucket, _)| bucket)
            .collect()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let part = |bucket: &SetDigest| [&bucket.count.to_be_bytes()[..], &bucket.digest()].concat();
        self.0.iter().flat_map(part).collect()
    }

    /// `None` if the bytes are no digest of a day.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (parts, rest) = bytes.as_chunks::<40>();
        let read = |part: &[u8; 40]| {
            let (count, digest) = part.split_first_chunk::<8>()?;
            Some(SetDigest::from_parts(
                i64::from_be_bytes(*count),
                digest.try_into().ok()?,
            ))
        };
        let buckets = parts.iter().map(read).collect::<Option<Vec<_>>>()?;
        (rest.is_empty() && buckets.len() == BUCKETS).then_some(Self(buckets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ChainKey {
        ChainKey::new(&[7; 32], CHAIN_LABEL)
    }

    fn chain(contents: &[&str]) -> Vec<Link> {
        let mut previous = BEGINNING;
        let link = |(version, content): (i64, &&str)| {
            previous = key().entry(&previous, content.as_bytes());
            Link {
                version,
                entry: previous,
                content: Some(content.as_bytes().to_vec()),
            }
        };
        (1..).zip(contents).map(link).collect()
    }

    fn head(links: &[Link]) -> (i64, Entry) {
        links
            .last()
            .map_or((0, BEGINNING), |last| (last.version, last.entry))
    }

    fn breaks(links: &[Link], head: (i64, Entry)) -> Vec<(i64, Break)> {
        verify(Some(&key()), links, head).breaks
    }

    #[test]
    fn a_history_as_written_is_intact() {
        let links = chain(&["a", "b", "c"]);
        let verified = verify(Some(&key()), &links, head(&links));
        assert_eq!((verified.intact, verified.breaks), (3, vec![]));
        assert_eq!(breaks(&[], (0, BEGINNING)), vec![]);
    }

    #[test]
    fn a_changed_a_removed_and_a_reordered_decision_are_found_where_they_are() {
        let links = chain(&["a", "b", "c"]);
        let mut changed = links.clone();
        changed[1].content = Some(b"B".to_vec());
        assert_eq!(breaks(&changed, head(&links)), [(2, Break::Changed)]);
        let removed = [links[0].clone(), links[2].clone()];
        assert_eq!(breaks(&removed, head(&links)), [(3, Break::Gap)]);
        assert_eq!(breaks(&links[..2], head(&links)), [(2, Break::Head)]);
        let mut renumbered = vec![links[1].clone(), links[0].clone(), links[2].clone()];
        for (version, link) in (1..).zip(&mut renumbered) {
            link.version = version;
        }
        assert!(!breaks(&renumbered, head(&links)).is_empty());
    }

    #[test]
    fn an_erased_history_says_so_and_its_order_is_still_checked() {
        let mut links = chain(&["a", "b", "c"]);
        for link in &mut links {
            link.content = None;
        }
        let erased = verify(None, &links, head(&links));
        assert_eq!((erased.erased, erased.breaks), (3, vec![]));
        let gone = verify(None, &links[1..], head(&links));
        assert_eq!(gone.breaks, [(2, Break::Gap)]);
    }

    #[test]
    fn a_day_is_the_same_in_any_order_and_a_change_is_found_in_its_bucket() {
        let subject = |n: u128| SubjectId::from_uuid(uuid::Uuid::from_u128(n));
        let (mut one, mut other) = (DayDigest::default(), DayDigest::default());
        for n in 0..1_000 {
            one.add(subject(n), 1, &[1; 32]);
            other.add(subject(999 - n), 1, &[1; 32]);
        }
        assert_eq!(one, other);
        assert_eq!(DayDigest::from_bytes(&one.to_bytes()), Some(one.clone()));
        other.add(subject(0x0a07), 2, &[1; 32]);
        assert_eq!(one.differing(&other), [7]);
        assert_ne!(
            one.root(LocalDay::from_days(1), &[0; 32]),
            other.root(LocalDay::from_days(1), &[0; 32])
        );
    }
}
