//! Merges of subjects that are the same person, as published by identity. A fact about one subject applies to all subjects of the
//! person. Each merged subject refers to the one that it was merged into; subjects connected by such steps form one person, and
//! undoing a step restores the previous state.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lutong_kernel::{SubjectId, Timestamp};

/// One merge or unmerge, as published by identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeStep {
    pub subject: SubjectId,
    /// The subject that it refers to from now on; `None`: it is a person of its own again.
    pub into: Option<SubjectId>,
    /// Counts the steps of `subject`. A step whose version is not greater than the last one is ignored.
    pub version: i64,
    pub recorded_at: Timestamp,
}

/// Which subjects are one person.
#[derive(Debug, Clone, Default)]
pub struct MergedPeople {
    latest: HashMap<SubjectId, (i64, Option<SubjectId>)>,
    /// For each subject of a person with several subjects: all subjects of the person, sorted.
    together: HashMap<SubjectId, Arc<[SubjectId]>>,
}

impl MergedPeople {
    /// The state that follows from the steps recorded by an instant.
    pub fn as_known_at(steps: &[MergeStep], at: Timestamp) -> Self {
        let mut merged = Self::default();
        for step in steps.iter().filter(|step| step.recorded_at <= at) {
            merged.apply(step);
        }
        merged
    }

    /// All subjects of the person of `subject`, sorted and including `subject`; empty if there is no other.
    pub fn together(&self, subject: SubjectId) -> &[SubjectId] {
        self.together.get(&subject).map_or(&[], |all| all)
    }

    /// All subjects of the person of `subject`, sorted; only `subject` if there is no other.
    pub fn person(&self, subject: SubjectId) -> impl Iterator<Item = SubjectId> {
        let together = self.together(subject);
        let alone = together.is_empty().then_some(subject);
        alone.into_iter().chain(together.iter().copied())
    }

    /// All subjects of the persons of `subjects`.
    pub fn people(&self, subjects: impl IntoIterator<Item = SubjectId>) -> BTreeSet<SubjectId> {
        subjects
            .into_iter()
            .flat_map(|subject| self.person(subject))
            .collect()
    }

    /// Applies a step and returns the subjects whose person has changed; none if the step is outdated.
    pub fn apply(&mut self, step: &MergeStep) -> BTreeSet<SubjectId> {
        let known = self.latest.get(&step.subject);
        if known.is_some_and(|(version, _)| step.version <= *version) {
            return BTreeSet::new();
        }
        let concerned = self.people([step.subject].into_iter().chain(step.into));
        self.latest.insert(step.subject, (step.version, step.into));
        for subject in &concerned {
            self.together.remove(subject);
        }
        let mut left = concerned.clone();
        while let Some(first) = left.pop_first() {
            let group = self.reached(first, &concerned);
            left.retain(|subject| !group.contains(subject));
            if group.len() > 1 {
                let all: Arc<[SubjectId]> = group.iter().copied().collect();
                for subject in group {
                    self.together.insert(subject, Arc::clone(&all));
                }
            }
        }
        concerned
    }

    fn into(&self, subject: SubjectId) -> Option<SubjectId> {
        self.latest.get(&subject).and_then(|(_, into)| *into)
    }

    /// The subjects of `among` that are connected to `first` by steps in either direction.
    fn reached(&self, first: SubjectId, among: &BTreeSet<SubjectId>) -> BTreeSet<SubjectId> {
        let mut group = BTreeSet::from([first]);
        loop {
            let before = group.len();
            for subject in among {
                if let Some(into) = self.into(*subject)
                    && (group.contains(subject) || group.contains(&into))
                {
                    group.extend([*subject, into]);
                }
            }
            if group.len() == before {
                return group;
            }
        }
    }
}

#[cfg(test)]
mod tests;
