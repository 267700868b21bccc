//! Contradictions within a batch. Since the order of a batch has no meaning, none of the contradicting statements is stored.

use std::collections::{HashMap, HashSet};

use lutong_kernel::Violation;

use crate::fault;

use super::{KnownStatement, Name, PreparedStatement, target_field};

/// The rows of a batch that contradict each other, with their violations: one key with several contents, or several corrections or
/// retractions of one statement. Stored statements take precedence over the batch and are not considered.
pub fn contested(
    batch: &[Result<PreparedStatement, Violation>],
    known: &HashMap<Name, KnownStatement>,
) -> HashMap<usize, Violation> {
    let rows = || {
        let rows = batch.iter().enumerate();
        let new = rows.filter_map(|(row, prepared)| Some((row, prepared.as_ref().ok()?)));
        new.filter(|(_, prepared)| !known.contains_key(&prepared.name))
    };
    let (mut contents, mut twice) = (HashMap::new(), HashSet::new());
    let (mut successors, mut targets) = (HashMap::new(), HashSet::new());
    for (_, new) in rows() {
        let content = new.statement.fingerprint;
        if *contents.entry(new.name).or_insert(content) != content {
            twice.insert(new.name);
        }
        if let Some(target) = new.target
            && *successors.entry(target).or_insert(new.name) != new.name
        {
            targets.insert(target);
        }
    }
    if twice.is_empty() && targets.is_empty() {
        return HashMap::new();
    }
    let wrong = |(row, new): (usize, &PreparedStatement)| {
        if twice.contains(&new.name) {
            return Some((row, fault::facts::key_twice()));
        }
        let target = new.target.filter(|target| targets.contains(target));
        target.map(|_| (row, fault::facts::target_twice(target_field(&new.statement))))
    };
    rows().filter_map(wrong).collect()
}
