//! Appending statements and deciding about all affected subjects, in one transaction.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_kernel::{Clock, FactId, Fault, SubjectId, Timestamp, Violation};
use lutong_risk_engine::merge::MergedPeople;
use lutong_storage::Database;
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::outbox::Position;
use sea_orm::DatabaseTransaction;

pub use super::sorting::Outcome;
use super::sorting::{SortedBatch, sort};
use super::statement::{AcceptedStatement, PreparedStatement, Statement, StatementPreparer};
use crate::basis::service::BasisBook;
use crate::decisions::domain::Decision;
use crate::decisions::service::deciding::Decider;
use crate::decisions::store as decisions;
use crate::facts::store::statements::{self, StatementRow};
use crate::facts::store::stay_places::{self, BlindPlace};
use crate::fault;
use crate::subjects::service::{self as subjects, LockedSubject};

/// Statements to append, and subjects to enrol.
#[derive(Debug)]
pub struct Batch<S = Statement> {
    /// Valid statements, and the violations of the others.
    pub statements: Vec<Result<S, Violation>>,
    pub enrol: Vec<SubjectId>,
    /// If set, one rejected statement rejects the whole batch.
    pub all_or_nothing: bool,
    /// The position of a follower, stored in the same transaction.
    pub position: Option<Position>,
}

impl<S> Default for Batch<S> {
    fn default() -> Self {
        Self {
            statements: Vec::new(),
            enrol: Vec::new(),
            all_or_nothing: false,
            position: None,
        }
    }
}

impl Batch {
    /// A batch of valid statements.
    pub fn of(statements: Vec<Statement>) -> Self {
        Self {
            statements: statements.into_iter().map(Ok).collect(),
            ..Self::default()
        }
    }

    /// The subjects that the batch refers to.
    pub fn subjects(&self) -> BTreeSet<SubjectId> {
        let about = self.statements.iter().flatten().map(|one| one.subject);
        about.chain(self.enrol.iter().copied()).collect()
    }
}

/// A batch that is encrypted and packed, and the subjects that it refers to.
pub struct PreparedBatch {
    cipher: ReadyCipher,
    subjects: BTreeSet<SubjectId>,
    batch: Batch<PreparedStatement>,
}

/// The result of appending a batch.
#[derive(Debug, Clone)]
pub struct AppendResult {
    pub outcomes: Vec<Result<Outcome, Violation>>,
    /// New decisions.
    pub made: Vec<Decision>,
    /// The standing decisions about the other affected subjects.
    pub standing: Vec<Decision>,
}

/// Appends statements and decides. Cheap to clone.
#[derive(Clone)]
pub struct FactAppender {
    database: Database,
    clock: Arc<dyn Clock>,
    book: BasisBook,
    preparer: StatementPreparer,
    decider: Decider,
}

impl FactAppender {
    pub const fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        book: BasisBook,
        preparer: StatementPreparer,
        decider: Decider,
    ) -> Self {
        Self {
            database,
            clock,
            book,
            preparer,
            decider,
        }
    }

    /// Appends a batch and decides, in a transaction of its own.
    pub async fn append(&self, batch: Batch) -> Result<AppendResult, Fault> {
        let cipher = self.decider.ready().await?;
        let prepared = self.prepare(cipher, batch)?;
        let this = self.clone();
        let append = self
            .database
            .write(move |transaction| async move { this.append_in(transaction, prepared).await }.boxed());
        let appended = append.await?;
        lutong_failpoint::hit("risk_rules.committed");
        if !appended.made.is_empty() {
            self.decider.publish();
        }
        Ok(appended)
    }

    /// Encrypts and packs a batch, which a transaction must not wait for.
    pub fn prepare(&self, cipher: ReadyCipher, batch: Batch) -> Result<PreparedBatch, Fault> {
        let subjects = batch.subjects();
        let batch = Batch {
            statements: self.preparer.prepare(&cipher, batch.statements)?,
            enrol: batch.enrol,
            all_or_nothing: batch.all_or_nothing,
            position: batch.position,
        };
        Ok(PreparedBatch {
            cipher,
            subjects,
            batch,
        })
    }

    /// Appends a batch and decides, in a transaction of the caller, who brings the new decisions into force.
    pub async fn append_in(
        &self,
        transaction: &DatabaseTransaction,
        prepared: PreparedBatch,
    ) -> Result<AppendResult, Fault> {
        let PreparedBatch {
            cipher,
            subjects,
            batch,
        } = prepared;
        let Batch {
            statements,
            enrol,
            all_or_nothing,
            position,
        } = batch;
        let basis = self.book.shared(transaction).await?;
        let people = basis.merged.people(subjects);
        let mut locked = subjects::lock(transaction, &cipher, people).await?;
        // Read after the lock: a change of the basis is recorded entirely before or after this instant.
        let now = self.clock.now().max(basis.latest_at);
        let stored = stored_names(transaction, &statements).await?;
        let SortedBatch {
            results,
            new,
            superseded,
        } = sort(statements, stored, &|subject| {
            recorded_at(&locked, &basis.merged, subject, now)
        });
        let outcomes: Vec<_> = results.into_iter().flatten().collect();
        if all_or_nothing {
            refuse_any(&outcomes)?;
        }
        store(transaction, &new, &superseded).await?;
        let mut changed = apply(&mut locked, &basis.merged, &new, &superseded);
        changed.extend(subjects::enrol(transaction, &mut locked, &enrol, now).await?);
        let (mut changed, others): (Vec<_>, Vec<_>) = locked
            .into_values()
            .partition(|locked| changed.contains(&locked.row.subject));
        let made = self
            .decider
            .decide(transaction, &basis, &mut changed, now)
            .await?;
        subjects::save(transaction, &cipher, &mut changed).await?;
        let standing = match position {
            // A follower brings only new decisions into force.
            Some(position) => {
                position.advance(transaction).await?;
                Vec::new()
            }
            None => standing(transaction, changed.iter().chain(&others), &made).await?,
        };
        Ok(AppendResult {
            outcomes,
            made,
            standing,
        })
    }

    /// The colours of the locked subjects of a batch that have a decision.
    pub(super) async fn colours(
        &self,
        transaction: &DatabaseTransaction,
        prepared: &PreparedBatch,
    ) -> Result<BTreeMap<SubjectId, lutong_kernel::Colour>, Fault> {
        let basis = self.book.shared(transaction).await?;
        let people = basis.merged.people(prepared.subjects.iter().copied());
        let locked = subjects::lock(transaction, &prepared.cipher, people).await?;
        let decided = locked.into_iter().filter(|(_, locked)| locked.row.version > 0);
        Ok(decided
            .map(|(subject, locked)| (subject, locked.row.verdict.colour))
            .collect())
    }
}

/// Stores new statements and marks the statements that they supersede.
async fn store(
    transaction: &DatabaseTransaction,
    new: &[AcceptedStatement],
    superseded: &[(SubjectId, FactId, Timestamp)],
) -> Result<(), Fault> {
    statements::insert(transaction, new.iter().map(|new| &new.row)).await?;
    for (subject, id, at) in superseded {
        statements::supersede(transaction, *subject, *id, *at).await?;
    }
    stay_places::insert(transaction, &stays(new)).await?;
    Ok(())
}

/// The standing decisions about locked subjects without a new decision.
async fn standing<'a>(
    transaction: &DatabaseTransaction,
    locked: impl Iterator<Item = &'a LockedSubject>,
    made: &[Decision],
) -> Result<Vec<Decision>, Fault> {
    let made: HashSet<_> = made.iter().map(|decision| decision.subject).collect();
    let wanted: Vec<_> = locked
        .map(|locked| &locked.row)
        .filter(|row| row.version > 0 && !made.contains(&row.subject))
        .map(|row| (row.subject, row.version))
        .collect();
    Ok(decisions::find(transaction, &wanted).await?)
}

/// The places under which new stays are indexed.
fn stays(new: &[AcceptedStatement]) -> Vec<(BlindPlace, SubjectId)> {
    let stays = new.iter().flat_map(|new| {
        let places = new.places.iter();
        places.map(|place| (*place, new.row.subject))
    });
    let found: BTreeSet<_> = stays.collect();
    found.into_iter().collect()
}

/// The instant of recording of new statements about a subject: now, or later if a decision without them has a later instant, since
/// the clocks of several machines differ.
fn recorded_at(
    locked: &BTreeMap<SubjectId, LockedSubject>,
    merged: &MergedPeople,
    subject: SubjectId,
    now: Timestamp,
) -> Timestamp {
    let person = merged.person(subject).filter_map(|subject| locked.get(&subject));
    let latest = person.map(|locked| locked.row.latest_at).max();
    latest.map_or(now, |latest| now.max(latest.plus_micros(1)))
}

/// Adds new facts to the current facts of all subjects of a person, removes superseded ones, and returns the changed subjects.
fn apply(
    locked: &mut BTreeMap<SubjectId, LockedSubject>,
    merged: &MergedPeople,
    new: &[AcceptedStatement],
    superseded: &[(SubjectId, FactId, Timestamp)],
) -> BTreeSet<SubjectId> {
    let mut changed = BTreeSet::new();
    for AcceptedStatement { row, fact, .. } in new {
        for subject in merged.person(row.subject) {
            let Some(locked) = locked.get_mut(&subject) else {
                continue;
            };
            changed.insert(subject);
            locked.row.latest_at = locked.row.latest_at.max(row.recorded_at);
            locked.repack |= fact.is_some();
            locked.facts.extend(*fact);
        }
    }
    for (subject, id, _) in superseded {
        for subject in merged.person(*subject) {
            let Some(locked) = locked.get_mut(&subject) else {
                continue;
            };
            locked.facts.retain(|fact| fact.id != *id);
            locked.repack = true;
        }
    }
    changed
}

/// The stored statements with the names of `statements` and of their targets.
async fn stored_names(
    transaction: &DatabaseTransaction,
    statements: &[Result<PreparedStatement, Violation>],
) -> Result<Vec<StatementRow>, Fault> {
    let names = |one: &PreparedStatement| [Some(one.name), one.target];
    let wanted = statements.iter().flatten().flat_map(names).flatten();
    Ok(statements::by_names(transaction, &wanted.collect()).await?)
}

fn refuse_any(outcomes: &[Result<Outcome, Violation>]) -> Result<(), Fault> {
    let in_row = |(row, wrong): (usize, &Violation)| wrong.clone().within(&format!("statements[{row}]"));
    let wrong: Vec<_> = outcomes
        .iter()
        .enumerate()
        .filter_map(|(row, outcome)| Some((row, outcome.as_ref().err()?)))
        .map(in_row)
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(fault::facts::rows_refused(wrong))
}
