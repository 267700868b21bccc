//! Statements of feeds and declarants: appended, if possible together with those of other calls, and brought into force.

use std::collections::BTreeSet;

use lutong_kernel::{Fault, SubjectId, Violation};
use lutong_risk_engine::fact::FactKind;
use lutong_storage::batch::Batcher;
use lutong_transport::access::{AnyPermit, DeclarantPermit};
use lutong_transport::client::Call;

use super::appending::{AppendResult, Batch, FactAppender};
use super::statement::Statement;
use crate::decisions::domain::Decision;
use crate::fault;
use crate::operations::service::effect::{Effect, Effects, PendingOperation};

/// Maximum number of statements and subjects in a batch that is gathered with others.
const GATHERED: usize = 8;
/// Maximum number of batches in one transaction.
const CALLS: usize = 256;

/// Takes statements from feeds and declarants. Cheap to clone.
#[derive(Clone)]
pub struct FactIntake {
    appender: FactAppender,
    batcher: Batcher<Batch, Result<AppendResult, Fault>>,
    effects: Effects,
}

impl FactIntake {
    /// Starts the task that appends gathered batches; it ends with the last clone.
    pub fn start(appender: FactAppender, effects: Effects) -> Self {
        let gathering = appender.clone();
        let batcher = Batcher::start(CALLS, 1, move |batches| {
            append_together(gathering.clone(), batches)
        });
        Self {
            appender,
            batcher,
            effects,
        }
    }

    /// Appends the statements of a feed, or of a source that declaration pulls.
    pub async fn report(
        &self,
        _permit: AnyPermit,
        call: &Call,
        batch: Batch,
        operation: PendingOperation<'_>,
    ) -> Result<(AppendResult, Effect), Fault> {
        self.append_in_force(call, batch, operation).await
    }

    /// Enrols a person and appends what they state about themselves.
    pub async fn enrol(
        &self,
        permit: DeclarantPermit,
        call: &Call,
        statements: Vec<Result<Statement, Violation>>,
        operation: PendingOperation<'_>,
    ) -> Result<(AppendResult, Effect), Fault> {
        let batch = Batch {
            statements,
            enrol: vec![permit.subject()],
            ..Batch::default()
        };
        self.append_in_force(call, batch, operation).await
    }

    /// Appends a batch and brings the decisions into force, or leaves them to an operation. A case is acknowledged only when it is in
    /// force; until then its sender has to repeat it.
    async fn append_in_force(
        &self,
        call: &Call,
        batch: Batch,
        operation: PendingOperation<'_>,
    ) -> Result<(AppendResult, Effect), Fault> {
        let cases = cases(&batch);
        let all_or_nothing = batch.all_or_nothing;
        let mut appended = self.append(batch).await?;
        let mut effect = self.effects.collect(call);
        effect.made_and_standing(&appended.made, &appended.standing).await;
        let effect = effect.finish(operation).await?;
        if !effect.is_in_force() && !cases.is_empty() {
            if all_or_nothing {
                return Err(Fault::unavailable("code-rendering"));
            }
            for (row, field) in cases {
                if let Some(outcome @ Ok(_)) = appended.outcomes.get_mut(row) {
                    *outcome = Err(fault::facts::case_not_in_force(field));
                }
            }
        }
        Ok((appended, effect))
    }

    /// Appends a batch, together with waiting batches of other calls if it is small.
    async fn append(&self, batch: Batch) -> Result<AppendResult, Fault> {
        // Corrections and retractions are appended alone, because two of different calls would contradict each other in one batch.
        let plain = batch
            .statements
            .iter()
            .flatten()
            .all(|one| one.target().is_none());
        let few = batch.statements.len() + batch.enrol.len() <= GATHERED;
        if !few || !plain || batch.all_or_nothing {
            return self.appender.append(batch).await;
        }
        self.batcher.call(batch).await?
    }
}

/// Appends several batches in one transaction and divides the result between them.
async fn append_together(appender: FactAppender, batches: Vec<Batch>) -> Vec<Result<AppendResult, Fault>> {
    let own: Vec<(usize, BTreeSet<SubjectId>)> = batches
        .iter()
        .map(|one| (one.statements.len(), one.subjects()))
        .collect();
    let mut together = Batch::default();
    for batch in batches {
        together.statements.extend(batch.statements);
        together.enrol.extend(batch.enrol);
    }
    let appended = match appender.append(together).await {
        Ok(appended) => appended,
        Err(fault) => return vec![Err(fault); own.len()],
    };
    let mut outcomes = appended.outcomes.into_iter();
    let named: BTreeSet<SubjectId> = own.iter().flat_map(|(_, subjects)| subjects).copied().collect();
    // Decisions about subjects that no call names, but which are one person with a named subject, are part of every result.
    let about = |decisions: &[Decision], subjects: &BTreeSet<SubjectId>| {
        decisions
            .iter()
            .filter(|one| subjects.contains(&one.subject) || !named.contains(&one.subject))
            .cloned()
            .collect()
    };
    let share = |(statements, subjects): (usize, BTreeSet<SubjectId>)| {
        Ok(AppendResult {
            outcomes: outcomes.by_ref().take(statements).collect(),
            made: about(&appended.made, &subjects),
            standing: about(&appended.standing, &subjects),
        })
    };
    own.into_iter().map(share).collect()
}

/// The rows that state a case, with the field of the fact.
fn cases(batch: &Batch) -> Vec<(usize, String)> {
    let rows = batch.statements.iter().enumerate();
    let valid = rows.filter_map(|(row, statement)| Some((row, statement.as_ref().ok()?)));
    valid
        .filter(|(_, statement)| statement.kind() == Some(FactKind::Case))
        .map(|(row, statement)| (row, statement.fact_field()))
        .collect()
}
