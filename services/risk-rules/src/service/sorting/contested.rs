//! Two versions at once: neither is the one. The order of a batch means nothing, so that none of them is stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lutong_kernel::Violation;

use super::{Key, Known, Statement, target_field};

/// The rows of a batch that contradict each other, with what is wrong: one key with several contents, or several
/// corrections or retractions of one statement. What is stored already is not contested by what comes later.
pub fn contested(
    batch: &[Result<Statement, Violation>],
    known: &HashMap<Key, Known>,
) -> BTreeMap<usize, Violation> {
    let mut by_key: BTreeMap<(&str, &str), Vec<(usize, &Statement)>> = BTreeMap::new();
    let mut by_target: BTreeMap<(&str, &str), Vec<(usize, &Statement)>> = BTreeMap::new();
    for (row, statement) in batch.iter().enumerate() {
        let Ok(statement) = statement else { continue };
        if known.contains_key(&(statement.source.clone(), statement.key.clone())) {
            continue;
        }
        let key = (&*statement.source, &*statement.key);
        by_key.entry(key).or_default().push((row, statement));
        if let Some(target) = statement.target() {
            let target = (&*statement.source, target);
            by_target.entry(target).or_default().push((row, statement));
        }
    }
    let mut wrong = BTreeMap::new();
    for versions in by_target.into_values() {
        let keys: BTreeSet<_> = versions.iter().map(|(_, one)| &one.key).collect();
        if keys.len() > 1 {
            wrong.extend(versions.into_iter().map(|(row, one)| (row, two_successors(one))));
        }
    }
    for versions in by_key.into_values() {
        let contents: BTreeSet<_> = versions.iter().map(|(_, one)| one.fingerprint).collect();
        if contents.len() > 1 {
            wrong.extend(versions.into_iter().map(|(row, _)| (row, two_contents())));
        }
    }
    wrong
}

fn two_contents() -> Violation {
    Violation::new(
        "key",
        "KEY_TWICE",
        "同一批中该编号对应不同内容，均未保存",
        "this key stands for different contents in one batch: none of them was stored",
    )
}

fn two_successors(statement: &Statement) -> Violation {
    Violation::new(
        target_field(statement),
        "TARGET_TWICE",
        "同一批中有多条更正或撤回针对同一记录，均未保存",
        "several corrections or retractions of one statement stand in one batch: none of them was stored",
    )
}
