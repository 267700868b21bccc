//! A set represented by its size and an order-independent digest. It proves that a re-comparison covers every subject exactly once
//! and that the decisions of a day are complete.

use lutong_kernel::SubjectId;
use sha2::{Digest as _, Sha256};

/// The number of members and the sum of their SHA-256 digests modulo 2²⁵⁶ (an additive set hash: Bellare and Micciancio 1997). The
/// digests of parts add up to the digest of the whole, and a member that is omitted or counted twice changes it. It detects loss
/// and mistakes; an attacker who can choose members could construct another set with the same sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SetDigest {
    pub count: i64,
    sum: [u64; 4],
}

impl SetDigest {
    pub fn of(subjects: impl IntoIterator<Item = SubjectId>) -> Self {
        let mut set = Self::default();
        for subject in subjects {
            set.add(subject.uuid().as_bytes());
        }
        set
    }

    pub fn add(&mut self, member: &[u8]) {
        let digest: [u8; 32] = Sha256::digest(member).into();
        self.merge(&Self::from_parts(1, digest));
    }

    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        let mut carry = false;
        for (own, more) in self.sum.iter_mut().zip(other.sum) {
            let (sum, first) = own.overflowing_add(more);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            *own = sum;
            carry = first || second;
        }
    }

    /// Least significant byte first.
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(self.sum) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub fn from_parts(count: i64, digest: [u8; 32]) -> Self {
        let mut sum = [0; 4];
        for (word, chunk) in sum.iter_mut().zip(digest.chunks_exact(8)) {
            *word = chunk
                .iter()
                .rev()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        Self { count, sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn subject(n: u128) -> SubjectId {
        SubjectId::from_uuid(Uuid::from_u128(n))
    }

    proptest! {
        #[test]
        fn parts_in_any_order_add_up_to_the_whole(ids in proptest::collection::vec(any::<u128>(), 0..40), cut in 0_usize..40) {
            let whole = SetDigest::of(ids.iter().map(|id| subject(*id)));
            let (one, other) = ids.split_at(cut.min(ids.len()));
            let mut parts = SetDigest::of(other.iter().rev().map(|id| subject(*id)));
            parts.merge(&SetDigest::of(one.iter().map(|id| subject(*id))));
            prop_assert_eq!(parts, whole);
            prop_assert_eq!(SetDigest::from_parts(whole.count, whole.digest()), whole);
        }

        #[test]
        fn somebody_left_out_counted_twice_or_exchanged_shows(ids in proptest::collection::hash_set(any::<u128>(), 2..40)) {
            let ids: Vec<_> = ids.into_iter().collect();
            let whole = SetDigest::of(ids.iter().map(|id| subject(*id)));
            prop_assert_ne!(SetDigest::of(ids[1..].iter().map(|id| subject(*id))), whole);
            let exchanged = ids[1..].iter().chain([&ids[1]]).map(|id| subject(*id));
            prop_assert_ne!(SetDigest::of(exchanged), whole);
        }
    }
}
