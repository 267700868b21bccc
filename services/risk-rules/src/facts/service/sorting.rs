//! Sorts a batch of statements into new, unchanged and rejected ones. The result does not depend on the order of the batch.

mod contested;

use std::collections::HashMap;

use lutong_kernel::{FactId, SubjectId, Timestamp, Violation};

use super::statement::{AcceptedStatement, Content, PreparedStatement, Statement};
use crate::facts::store::statements::{Name, StatementRow};
use crate::fault;
use lutong_risk_engine::correction::{Original, check_correction, check_retraction};
use lutong_risk_engine::fact::FactKind;

/// The outcome for one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Stored(FactId),
    Unchanged(FactId),
}

/// A sorted batch.
#[derive(Debug, Default)]
pub struct SortedBatch {
    /// One result for each statement, in the order of the batch.
    pub results: Vec<Option<Result<Outcome, Violation>>>,
    pub new: Vec<AcceptedStatement>,
    /// The statements that are corrected or retracted, with the instant.
    pub superseded: Vec<(SubjectId, FactId, Timestamp)>,
}

/// A statement that is stored or was accepted earlier in the batch.
struct KnownStatement {
    id: FactId,
    subject: SubjectId,
    /// `None`: a retraction.
    kind: Option<FactKind>,
    recorded_at: Timestamp,
    superseded_at: Option<Timestamp>,
    fingerprint: Vec<u8>,
}

/// Sorts `batch`, given the stored statements with the same names and the stored targets. `instant` returns the instant of recording
/// of new statements about a subject.
pub fn sort(
    batch: Vec<Result<PreparedStatement, Violation>>,
    stored: Vec<StatementRow>,
    instant: &dyn Fn(SubjectId) -> Timestamp,
) -> SortedBatch {
    let mut known: HashMap<Name, KnownStatement> = stored.into_iter().map(known_of).collect();
    let mut sorted = SortedBatch::default();
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
    // A statement waits as long as its target may still be accepted in this batch.
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut later = Vec::new();
        for (row, prepared) in waiting {
            if prepared.target.is_some_and(|target| !known.contains_key(&target)) {
                later.push((row, prepared));
                continue;
            }
            sorted.results[row] = Some(sort_one(prepared, &mut known, &mut sorted, instant));
        }
        if later.len() == before {
            for (row, prepared) in later.drain(..) {
                sorted.results[row] = Some(Err(fault::facts::target_unknown(target_field(
                    &prepared.statement,
                ))));
            }
        }
        waiting = later;
    }
    sorted
}

fn known_of(row: StatementRow) -> (Name, KnownStatement) {
    let known = KnownStatement {
        id: row.id,
        subject: row.subject,
        kind: row.kind.as_deref().and_then(|kind| kind.parse().ok()),
        recorded_at: row.recorded_at,
        superseded_at: row.superseded_at,
        fingerprint: row.fingerprint,
    };
    (row.name, known)
}

fn sort_one(
    prepared: PreparedStatement,
    known: &mut HashMap<Name, KnownStatement>,
    sorted: &mut SortedBatch,
    instant: &dyn Fn(SubjectId) -> Timestamp,
) -> Result<Outcome, Violation> {
    let PreparedStatement { statement, id, .. } = &prepared;
    if let Some(there) = known.get(&prepared.name) {
        return if there.fingerprint == statement.fingerprint {
            Ok(Outcome::Unchanged(there.id))
        } else {
            Err(fault::facts::statement_conflict())
        };
    }
    let (mut recorded_at, mut target_id) = (instant(statement.subject), None);
    if let Some(original) = prepared.target.and_then(|target| known.get_mut(&target)) {
        // Strictly after its target, even within one tick of the clock.
        recorded_at = recorded_at.max(original.recorded_at.plus_micros(1));
        check_target(original, statement, recorded_at)?;
        original.superseded_at = Some(recorded_at);
        target_id = Some(original.id);
        sorted
            .superseded
            .push((original.subject, original.id, recorded_at));
    }
    let outcome = Outcome::Stored(*id);
    known.insert(
        prepared.name,
        KnownStatement {
            id: *id,
            subject: statement.subject,
            kind: statement.kind(),
            recorded_at,
            superseded_at: None,
            fingerprint: statement.fingerprint.to_vec(),
        },
    );
    sorted.new.push(prepared.accept(target_id, recorded_at));
    Ok(outcome)
}

fn check_target(
    original: &KnownStatement,
    statement: &Statement,
    recorded_at: Timestamp,
) -> Result<(), Violation> {
    let field = target_field(statement);
    if original.subject != statement.subject {
        return Err(fault::facts::target_of_another_subject(field));
    }
    let Some(kind) = original.kind else {
        return Err(fault::facts::target_not_a_fact(field));
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
        Content::Fact { .. } => "correction.replaces_key",
        Content::Retraction { .. } => "retraction.retracts_key",
    }
}
