//! Subjects that are one person, as identity tells it: what is known of one holds for all of them. Each merged subject points
//! to the one that it was merged into; whoever is reached by such steps is the same person, and taking one step back restores
//! what was before.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lutong_kernel::{SubjectId, Timestamp};

/// One step as it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub subject: SubjectId,
    /// Whom it points to from now on; `None` when it is a person of its own again.
    pub into: Option<SubjectId>,
    /// Of `subject`: a step with a smaller one comes too late.
    pub version: i64,
    pub recorded_at: Timestamp,
}

/// Who is one person.
#[derive(Debug, Clone, Default)]
pub struct Merged {
    latest: HashMap<SubjectId, (i64, Option<SubjectId>)>,
    /// For everybody who is one person with somebody else, all of them, in order.
    together: HashMap<SubjectId, Arc<[SubjectId]>>,
}

impl Merged {
    /// Whoever is one person by the steps that were known at an instant.
    pub fn as_known_at(steps: &[Step], at: Timestamp) -> Self {
        let mut merged = Self::default();
        for step in steps.iter().filter(|step| step.recorded_at <= at) {
            merged.apply(step);
        }
        merged
    }

    /// Everybody who is one person with `subject`, itself too, in order; empty when that is nobody else.
    pub fn together(&self, subject: SubjectId) -> &[SubjectId] {
        self.together.get(&subject).map_or(&[], |all| all)
    }

    /// The subjects of `subject`'s person, in order: itself, where it is alone.
    pub fn person(&self, subject: SubjectId) -> impl Iterator<Item = SubjectId> {
        let together = self.together(subject);
        let alone = together.is_empty().then_some(subject);
        alone.into_iter().chain(together.iter().copied())
    }

    /// `subjects` and everybody who is one person with one of them.
    pub fn people(&self, subjects: impl IntoIterator<Item = SubjectId>) -> BTreeSet<SubjectId> {
        subjects
            .into_iter()
            .flat_map(|subject| self.person(subject))
            .collect()
    }

    /// Takes a step, unless it comes too late: the people who are one person with somebody else than before.
    pub fn apply(&mut self, step: &Step) -> BTreeSet<SubjectId> {
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

    /// Those of `among` that steps lead to from `first`, in either direction.
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
