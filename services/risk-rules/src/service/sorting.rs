//! Sorting a batch of statements into new ones, known ones and refused ones. The order of a batch means nothing.

mod contested;

use std::collections::HashMap;

use lutong_kernel::{FactId, Random, SubjectId, Timestamp, Violation};

use crate::domain::attributes::Attributes;
use crate::domain::correction::{Original, check_correction, check_retraction};
use crate::domain::fact::FactKind;
use crate::store::statements::{NewStatement, StatementRow};

/// One statement, checked in itself.
#[derive(Debug, Clone)]
pub struct Statement {
    pub source: String,
    pub key: String,
    pub subject: SubjectId,
    pub content: Content,
    /// Keyed hash of the content.
    pub fingerprint: [u8; 32],
}

#[derive(Debug, Clone)]
pub enum Content {
    Fact {
        attributes: Attributes,
        /// The key that it corrects.
        replaces: Option<String>,
    },
    Retraction {
        key: String,
        reason: String,
    },
}

impl Statement {
    /// The key of the statement that it corrects or retracts.
    pub fn target(&self) -> Option<&str> {
        match &self.content {
            Content::Fact { replaces, .. } => replaces.as_deref(),
            Content::Retraction { key, .. } => Some(key),
        }
    }
}

/// What became of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Stored(FactId),
    Unchanged(FactId),
}

/// A batch, sorted.
#[derive(Debug, Default)]
pub struct Sorted {
    /// In the order of the batch.
    pub results: Vec<Option<Result<Outcome, Violation>>>,
    pub new: Vec<NewStatement>,
    /// What they correct or retract, and when.
    pub superseded: Vec<(SubjectId, FactId, Timestamp)>,
}

/// What is known under a key.
struct Known {
    id: FactId,
    subject: SubjectId,
    /// Absent: a retraction.
    kind: Option<FactKind>,
    recorded_at: Timestamp,
    superseded_at: Option<Timestamp>,
    fingerprint: Vec<u8>,
}

type Key = (String, String);

/// Sorts `batch` against the statements that are stored under the same keys or are their targets. `instant` is when what is
/// new about a subject is recorded.
pub fn sort(
    batch: Vec<Result<Statement, Violation>>,
    stored: Vec<StatementRow>,
    instant: &dyn Fn(SubjectId) -> Timestamp,
    random: &dyn Random,
) -> Sorted {
    let mut known: HashMap<Key, Known> = stored.into_iter().map(known_of).collect();
    let mut sorted = Sorted::default();
    let mut waiting = Vec::new();
    let mut contested = contested::contested(&batch, &known);
    for (row, statement) in batch.into_iter().enumerate() {
        sorted.results.push(None);
        if let Some(wrong) = contested.remove(&row) {
            sorted.results[row] = Some(Err(wrong));
            continue;
        }
        match statement {
            Ok(statement) => waiting.push((row, statement)),
            Err(wrong) => sorted.results[row] = Some(Err(wrong)),
        }
    }
    // A statement waits while what it is about may still come in this batch.
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut later = Vec::new();
        for (row, statement) in waiting {
            let target = statement
                .target()
                .map(|key| (statement.source.clone(), key.to_owned()));
            if target.is_some_and(|target| !known.contains_key(&target)) {
                later.push((row, statement));
                continue;
            }
            sorted.results[row] = Some(sorted_one(statement, &mut known, &mut sorted, instant, random));
        }
        if later.len() == before {
            for (row, statement) in later.drain(..) {
                sorted.results[row] = Some(Err(unknown_target(&statement)));
            }
        }
        waiting = later;
    }
    sorted
}

fn known_of(row: StatementRow) -> (Key, Known) {
    let known = Known {
        id: row.id,
        subject: row.subject,
        kind: row.kind.as_deref().and_then(|kind| kind.parse().ok()),
        recorded_at: row.recorded_at,
        superseded_at: row.superseded_at,
        fingerprint: row.fingerprint,
    };
    ((row.source, row.key), known)
}

fn sorted_one(
    statement: Statement,
    known: &mut HashMap<Key, Known>,
    sorted: &mut Sorted,
    instant: &dyn Fn(SubjectId) -> Timestamp,
    random: &dyn Random,
) -> Result<Outcome, Violation> {
    let own = (statement.source.clone(), statement.key.clone());
    if let Some(there) = known.get(&own) {
        return if there.fingerprint == statement.fingerprint {
            Ok(Outcome::Unchanged(there.id))
        } else {
            Err(Violation::new(
                "key",
                "STATEMENT_CONFLICT",
                "该编号已用于内容不同的记录",
                "this key was used for a statement of other content",
            ))
        };
    }
    let target = statement
        .target()
        .map(|key| (statement.source.clone(), key.to_owned()));
    let (mut recorded_at, mut target_id) = (instant(statement.subject), None);
    if let Some(original) = target.and_then(|target| known.get_mut(&target)) {
        // After what it is about, even within one instant of the clock.
        recorded_at = recorded_at.max(original.recorded_at.plus_micros(1));
        check_target(original, &statement, recorded_at)?;
        original.superseded_at = Some(recorded_at);
        target_id = Some(original.id);
        sorted
            .superseded
            .push((original.subject, original.id, recorded_at));
    }
    let id = FactId::new(recorded_at, random);
    let (attributes, reason) = match statement.content {
        Content::Fact { attributes, .. } => (Some(attributes), None),
        Content::Retraction { reason, .. } => (None, Some(reason)),
    };
    known.insert(
        own,
        Known {
            id,
            subject: statement.subject,
            kind: attributes.as_ref().map(Attributes::kind),
            recorded_at,
            superseded_at: None,
            fingerprint: statement.fingerprint.to_vec(),
        },
    );
    sorted.new.push(NewStatement {
        id,
        subject: statement.subject,
        source: statement.source,
        key: statement.key,
        attributes,
        target: target_id,
        reason,
        recorded_at,
        fingerprint: statement.fingerprint,
    });
    Ok(Outcome::Stored(id))
}

fn check_target(original: &Known, statement: &Statement, recorded_at: Timestamp) -> Result<(), Violation> {
    let field = target_field(statement);
    if original.subject != statement.subject {
        return Err(Violation::new(
            field,
            "TARGET_OF_ANOTHER_SUBJECT",
            "更正或撤回须针对同一人员的记录",
            "a correction or retraction is about the same subject",
        ));
    }
    let Some(kind) = original.kind else {
        return Err(Violation::new(
            field,
            "TARGET_NOT_A_FACT",
            "撤回记录不能再被更正或撤回",
            "a retraction can be neither corrected nor retracted",
        ));
    };
    let original = Original {
        kind,
        recorded_at: original.recorded_at,
        superseded_at: original.superseded_at,
    };
    match &statement.content {
        Content::Fact { attributes, .. } => check_correction(original, attributes.kind(), recorded_at),
        Content::Retraction { .. } => check_retraction(original, recorded_at),
    }
}

const fn target_field(statement: &Statement) -> &'static str {
    match statement.content {
        Content::Fact { .. } => "replaces_key",
        Content::Retraction { .. } => "retract_key",
    }
}

fn unknown_target(statement: &Statement) -> Violation {
    Violation::new(
        target_field(statement),
        "TARGET_UNKNOWN",
        "找不到所更正或撤回的记录",
        "there is no statement of this source under the key",
    )
}
