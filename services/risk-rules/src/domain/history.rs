//! The chain of one subject's decisions: each entry an HMAC under the subject's own key over what was decided and the entry
//! before it. Whoever changes, removes or reorders a decision breaks it; erasing key and content leaves the entries, and so
//! the places of what was erased, as they are (DESIGN 5, History).

use lutong_kernel::{LocalDay, SubjectId};
pub use lutong_storage::crypto::{BEGINNING, ChainKey, Entry};
use sha2::{Digest as _, Sha256};

use super::set_digest::SetDigest;

/// What a decision's entry begins with. A subject's key is made of the service's key and a salt that lies with the
/// subject: without the salt there is no key.
pub const CHAIN_LABEL: &str = "lutong-decision/1\n";

/// What is wrong with a subject's history, at a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The content is not what the entry was made over, or the entry was changed.
    Changed,
    /// A version is missing, or stands twice or out of order.
    Gap,
    /// The last entry is not the one that the subject's row names: something at the end is missing or was added.
    Head,
}

impl Break {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Gap => "removed or reordered",
            Self::Head => "cut off at its end",
        }
    }
}

/// One stored decision as its chain sees it.
#[derive(Debug, Clone)]
pub struct Link {
    pub version: i64,
    pub entry: Entry,
    /// `None`: erased.
    pub content: Option<Vec<u8>>,
}

/// How a subject's history stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    pub intact: i64,
    pub erased: i64,
    /// Versions at which it is broken, in order.
    pub breaks: Vec<(i64, Break)>,
}

/// Checks a subject's history, oldest first. Without a key (erased) the entries' order and the head are still checked.
pub fn verify(key: Option<&ChainKey>, links: &[Link], head: (i64, Entry)) -> Verified {
    let mut verified = Verified::default();
    let (mut version, mut previous) = (0, BEGINNING);
    for link in links {
        let in_order = link.version == version + 1;
        match (in_order, key, &link.content) {
            (false, ..) => verified.breaks.push((link.version, Break::Gap)),
            (true, Some(key), Some(content)) if key.entry(&previous, content) == link.entry => {
                verified.intact += 1;
            }
            (true, _, None) => verified.erased += 1,
            // Content without the key that proves it is as good as changed.
            (true, _, Some(_)) => verified.breaks.push((link.version, Break::Changed)),
        }
        (version, previous) = (link.version, link.entry);
    }
    if (version, previous) != head {
        verified.breaks.push((version, Break::Head));
    }
    verified
}

/// Parts of a day, by the last byte of the subject id, so that a change is found near where it is.
pub const BUCKETS: usize = 256;

/// A local day's decisions: each bucket's entries as a set. What was erased keeps its entry, and so its place here.
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

    /// The day's root: over its buckets and the root of the day before.
    pub fn root(&self, day: LocalDay, previous: &Entry) -> Entry {
        let mut hash = Sha256::new();
        hash.update(b"lutong-day/1\n");
        hash.update(day.days().to_be_bytes());
        hash.update(previous);
        hash.update(self.to_bytes());
        hash.finalize().into()
    }

    /// Buckets that differ from another account of the same day.
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

    /// `None`: these bytes are of no day.
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
        ChainKey::new(&[7; 32], CHAIN_LABEL).unwrap()
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
