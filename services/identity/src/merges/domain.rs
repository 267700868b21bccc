//! Subjects that are one person. A merge points from a subject to another one; all subjects connected by merges are the same person.
//! A subject is merged into one other subject at a time, so that undoing a merge restores the state before it.

use std::collections::BTreeSet;

use lutong_kernel::{SubjectId, Timestamp};

/// The most subjects of one person. More indicate a mistake.
pub const MAX_SUBJECTS: usize = 16;

/// A merge, which is in force until it is undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    pub from: SubjectId,
    pub into: SubjectId,
    /// The version of `from`, which grows with every merge and undoing.
    pub version: i64,
    pub merged_at: Timestamp,
    pub unmerged_at: Option<Timestamp>,
}

/// The id of a merge: its subject and the version that the merge gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeId {
    pub from: SubjectId,
    pub version: i64,
}

impl MergeId {
    /// Parses `0193a3c0-….1`. Returns `None` for any other spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, version) = text.split_once('.')?;
        let id = Self {
            from: from.parse().ok()?,
            version: version.parse().ok()?,
        };
        (id.version > 0 && id.to_string() == text).then_some(id)
    }
}

impl std::fmt::Display for MergeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.from, self.version)
    }
}

impl Merge {
    /// The next merge of `from`, after its latest one.
    pub fn after(before: Option<&Self>, from: SubjectId, into: SubjectId, at: Timestamp) -> Self {
        Self {
            from,
            into,
            // The merge before and its undoing have a version each.
            version: before.map_or(1, |before| before.version + 2),
            merged_at: at,
            unmerged_at: None,
        }
    }

    pub const fn id(&self) -> MergeId {
        MergeId {
            from: self.from,
            version: self.version,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    #[error("they are one person already")]
    OnePerson,
    #[error("it was merged into another subject: unmerge it first")]
    MergedElsewhere,
    #[error("one person has at most {MAX_SUBJECTS} subjects")]
    TooMany,
}

/// Whether `from` may be merged into `into`. `with_from` and `with_into` are the subjects that are one person with each now,
/// `points_elsewhere` says that a merge of `from` is in force.
pub fn check_merge(
    from: SubjectId,
    with_from: &BTreeSet<SubjectId>,
    into: SubjectId,
    with_into: &BTreeSet<SubjectId>,
    points_elsewhere: bool,
) -> Result<(), MergeError> {
    if from == into || with_from.contains(&into) {
        return Err(MergeError::OnePerson);
    }
    if points_elsewhere {
        return Err(MergeError::MergedElsewhere);
    }
    if with_from.union(with_into).count() > MAX_SUBJECTS {
        return Err(MergeError::TooMany);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(n: u128) -> SubjectId {
        SubjectId::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn check(from: u128, with_from: &[u128], into: u128, with_into: &[u128]) -> Result<(), MergeError> {
        let all = |of: &[u128]| of.iter().map(|n| subject(*n)).collect();
        check_merge(
            subject(from),
            &all(with_from),
            subject(into),
            &all(with_into),
            false,
        )
    }

    #[test]
    fn whoever_is_one_person_already_is_not_merged_again_in_either_direction() {
        assert_eq!(check(1, &[1], 1, &[1]), Err(MergeError::OnePerson));
        assert_eq!(check(1, &[1, 2], 2, &[1, 2]), Err(MergeError::OnePerson));
        assert_eq!(check(2, &[1, 2], 1, &[1, 2]), Err(MergeError::OnePerson));
        assert_eq!(check(1, &[1], 2, &[2, 3]), Ok(()));
    }

    #[test]
    fn one_person_has_at_most_sixteen_subjects() {
        let fifteen: Vec<u128> = (100..115).collect();
        assert_eq!(check(1, &[1], 100, &fifteen), Ok(()));
        let sixteen: Vec<u128> = (100..116).collect();
        assert_eq!(check(1, &[1], 100, &sixteen), Err(MergeError::TooMany));
    }
}
