//! Appending statements, and deciding about everybody they touch, in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::client::Call;
use lutong_chassis::crypto::ReadyCipher;
use lutong_chassis::gather::Gatherer;
use lutong_chassis::outbox::Position;
use lutong_kernel::{Fault, FaultCode, SubjectId, Timestamp, Violation};
use sea_orm::DatabaseTransaction;

use super::deciding::Decider;
pub use super::sorting::{Content, Outcome, Statement};
use super::sorting::{Sorted, sort};
use crate::store::decisions::{self, StoredDecision};
use crate::store::statements::{self, StatementRow};
use crate::store::subjects::{self, SubjectRow};

/// Statements to store, and subjects that are to have a code from now on.
#[derive(Debug, Default)]
pub struct Batch {
    /// Each checked in itself, or what is wrong with it.
    pub statements: Vec<Result<Statement, Violation>>,
    pub enrol: Vec<SubjectId>,
    /// One bad statement and nothing is stored.
    pub all_or_nothing: bool,
    /// A follower's, stored with the effect.
    pub position: Option<Position>,
}

impl Batch {
    /// Whom it is about.
    fn touched(&self) -> BTreeSet<SubjectId> {
        let about = self.statements.iter().flatten().map(|one| one.subject);
        about.chain(self.enrol.iter().copied()).collect()
    }
}

/// Statements and subjects of a batch that is gathered with others, and such batches in one transaction.
const GATHERED: usize = 8;
const CALLS: usize = 256;

/// What became of a batch.
#[derive(Debug, Clone)]
pub struct Appended {
    pub results: Vec<Result<Outcome, Violation>>,
    /// Decisions made by this call.
    pub made: Vec<StoredDecision>,
    /// Decisions that stood already about the other subjects that were touched.
    pub standing: Vec<StoredDecision>,
}

impl Decider {
    /// Stores the batch and decides, together with the small batches of other calls that wait.
    async fn append_gathered(&self, batch: Batch) -> Result<Appended, Fault> {
        let small = batch.statements.len() + batch.enrol.len() <= GATHERED && !batch.all_or_nothing;
        if !small {
            return self.append(batch).await;
        }
        let gatherer = self.gatherer.get_or_init(|| self.gather());
        gatherer.call(batch).await.ok_or_else(Fault::internal)?
    }

    fn gather(&self) -> Gatherer<Batch, Result<Appended, Fault>> {
        // Without the gatherer itself: the worker must not keep alive what keeps it alive.
        let decider = Self {
            gatherer: Arc::default(),
            ..self.clone()
        };
        Gatherer::start(CALLS, 1, move |batches| append_together(decider.clone(), batches))
    }

    /// Stores the batch and decides.
    pub async fn append(&self, batch: Batch) -> Result<Appended, Fault> {
        let cipher = self.ready().await?;
        let (this, now) = (self.clone(), self.clock.now());
        let appended = self
            .database
            .write(move |transaction| {
                async move { this.append_in(transaction, &cipher, batch, now).await }.boxed()
            })
            .await?;
        lutong_chassis::failpoint::hit("risk_rules.committed");
        if !appended.made.is_empty() {
            self.outbox.wake();
        }
        Ok(appended)
    }

    /// The same, and brings what was decided into force: `true` when all of it is.
    pub async fn append_in_force(&self, call: &Call, batch: Batch) -> Result<(Appended, bool), Fault> {
        let appended = self.append_gathered(batch).await?;
        let decisions = [&appended.made[..], &appended.standing[..]].concat();
        let in_force = self.bring_into_force(call, &decisions).await;
        Ok((appended, in_force))
    }

    async fn append_in(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        batch: Batch,
        now: Timestamp,
    ) -> Result<Appended, Fault> {
        let touched: Vec<SubjectId> = batch.touched().into_iter().collect();
        let Batch {
            statements,
            enrol,
            all_or_nothing,
            position,
        } = batch;
        let held = subjects::hold(transaction, &touched).await?;
        let mut rows: BTreeMap<_, _> = held.into_iter().map(|row| (row.subject, row)).collect();
        let stored = stored_keys(transaction, &statements).await?;
        let Sorted {
            results,
            new,
            superseded,
        } = sort(statements, stored, now, &*self.random);
        let results: Vec<_> = results.into_iter().flatten().collect();
        if all_or_nothing {
            refuse_any(&results)?;
        }
        statements::insert(transaction, cipher, &new).await?;
        for (subject, id, at) in superseded {
            statements::supersede(transaction, subject, id, at).await?;
        }
        let mut changed: BTreeSet<SubjectId> = new.iter().map(|statement| statement.subject).collect();
        for subject in enrol {
            let row = rows.entry(subject).or_insert_with(|| unknown(subject));
            if row.enrolled_at.is_none() {
                row.enrolled_at = Some(now);
                changed.insert(subject);
            }
        }
        let (mut to_decide, standing): (Vec<_>, Vec<_>) = touched
            .iter()
            .map(|subject| rows.remove(subject).unwrap_or_else(|| unknown(*subject)))
            .partition(|row| changed.contains(&row.subject));
        let made = self.decide(transaction, cipher, &mut to_decide, now).await?;
        subjects::save(transaction, &to_decide).await?;
        let made_about: BTreeSet<_> = made.iter().map(|decision| decision.subject).collect();
        let others = standing
            .iter()
            .chain(to_decide.iter().filter(|row| !made_about.contains(&row.subject)));
        let wanted: Vec<_> = others
            .filter(|row| row.version > 0)
            .map(|row| (row.subject, row.version))
            .collect();
        let standing = match position {
            // A follower tells of nothing that stood before.
            Some(position) => {
                position.advance(transaction).await?;
                Vec::new()
            }
            None => decisions::find(transaction, &wanted).await?,
        };
        Ok(Appended {
            results,
            made,
            standing,
        })
    }
}

/// Several batches in one transaction; each gets what is its own.
async fn append_together(decider: Decider, batches: Vec<Batch>) -> Vec<Result<Appended, Fault>> {
    let own: Vec<(usize, BTreeSet<SubjectId>)> = batches
        .iter()
        .map(|one| (one.statements.len(), one.touched()))
        .collect();
    let mut together = Batch::default();
    for batch in batches {
        together.statements.extend(batch.statements);
        together.enrol.extend(batch.enrol);
    }
    let appended = match decider.append(together).await {
        Ok(appended) => appended,
        Err(fault) => return vec![Err(fault); own.len()],
    };
    let mut results = appended.results.into_iter();
    let about = |decisions: &[StoredDecision], subjects: &BTreeSet<SubjectId>| {
        decisions
            .iter()
            .filter(|decision| subjects.contains(&decision.subject))
            .cloned()
            .collect()
    };
    let share = |(statements, subjects): (usize, BTreeSet<SubjectId>)| {
        Ok(Appended {
            results: results.by_ref().take(statements).collect(),
            made: about(&appended.made, &subjects),
            standing: about(&appended.standing, &subjects),
        })
    };
    own.into_iter().map(share).collect()
}

fn unknown(subject: SubjectId) -> SubjectRow {
    SubjectRow {
        subject,
        enrolled_at: None,
        version: 0,
        next_change_at: None,
    }
}

/// What is stored under the keys of `statements` and of what they correct or retract.
async fn stored_keys(
    transaction: &DatabaseTransaction,
    statements: &[Result<Statement, Violation>],
) -> Result<Vec<StatementRow>, Fault> {
    let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for statement in statements.iter().flatten() {
        let keys = wanted.entry(&statement.source).or_default();
        keys.insert(&statement.key);
        keys.extend(statement.target());
    }
    let mut stored = Vec::new();
    for (source, keys) in wanted {
        let keys: Vec<_> = keys.into_iter().collect();
        stored.extend(statements::by_keys(transaction, source, &keys).await?);
    }
    Ok(stored)
}

fn refuse_any(results: &[Result<Outcome, Violation>]) -> Result<(), Fault> {
    let within = |(row, wrong): (usize, &Violation)| wrong.clone().within(&format!("statements[{row}]"));
    let wrong: Vec<_> = results
        .iter()
        .enumerate()
        .filter_map(|(row, result)| Some((row, result.as_ref().err()?)))
        .map(within)
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let mut fault = Fault::new(
        FaultCode::InvalidArgument,
        "ROWS_REFUSED",
        format!("{}条记录有误，均未保存", wrong.len()),
        format!("{} statements are wrong and nothing was stored", wrong.len()),
    );
    fault.violations = wrong;
    Err(fault)
}
