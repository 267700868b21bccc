//! Appending statements, and deciding about everybody they touch, in one transaction.

mod trial;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_kernel::{FactId, Fault, FaultCode, SubjectId, Timestamp, Violation};
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::gather::Gatherer;
use lutong_storage::outbox::Position;
use lutong_transport::access::{AnyPermit, DeclarantPermit};
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;

use super::deciding::{Decider, Held};
use super::effect::{Bringing, Effect, LeftTo};
pub use super::sorting::Outcome;
use super::sorting::{Accepted, Sorted, sort};
use super::statement::{Prepared, Statement};
use crate::domain::fact::FactKind;
use crate::domain::merged::Merged;
use crate::domain::set_digest::SetDigest;
use crate::store::decisions::{self, StoredDecision};
use crate::store::rosters;
use crate::store::statements::{self, StatementRow};
use crate::store::stay_places::{self, BlindPlace};
use crate::store::subjects::{self, SubjectRow};

/// Statements to store, and subjects that are to have a code from now on.
#[derive(Debug)]
pub struct Batch<S = Statement> {
    /// Each checked in itself, or what is wrong with it.
    pub statements: Vec<Result<S, Violation>>,
    pub enrol: Vec<SubjectId>,
    /// One bad statement and nothing is stored.
    pub all_or_nothing: bool,
    /// A follower's, stored with the effect.
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
    /// Whom it is about.
    fn touched(&self) -> BTreeSet<SubjectId> {
        let about = self.statements.iter().flatten().map(|one| one.subject);
        about.chain(self.enrol.iter().copied()).collect()
    }
}

/// Statements and subjects of a batch that is gathered with others, and such batches in one transaction.
const GATHERED: usize = 8;
const CALLS: usize = 256;

/// Facts that are believed of one subject at the most.
const MOST_FACTS: usize = 5_000;

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
        // What corrects or retracts is not mixed with other calls' rows: two of them in one batch contest each other.
        let plain = batch
            .statements
            .iter()
            .flatten()
            .all(|one| one.target().is_none());
        let few = batch.statements.len() + batch.enrol.len() <= GATHERED;
        let small = few && plain && !batch.all_or_nothing;
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
        let touched = batch.touched();
        let batch = Batch {
            statements: self.prepare(&cipher, batch.statements)?,
            enrol: batch.enrol,
            all_or_nothing: batch.all_or_nothing,
            position: batch.position,
        };
        let this = self.clone();
        let append = self.database.write(move |transaction| {
            async move { this.append_in(transaction, &cipher, touched, batch).await }.boxed()
        });
        let appended = append.await?;
        lutong_failpoint::hit("risk_rules.committed");
        if !appended.made.is_empty() {
            self.outbox.wake();
        }
        Ok(appended)
    }

    /// What a feed reports, or declaration pulls for one.
    pub async fn report(
        &self,
        _permit: AnyPermit,
        call: &Call,
        batch: Batch,
        to: LeftTo<'_>,
    ) -> Result<(Appended, Effect), Fault> {
        self.append_in_force(call, batch, to).await
    }

    /// Gives a person a code, with what they state about themselves.
    pub async fn enrol(
        &self,
        permit: DeclarantPermit,
        call: &Call,
        statements: Vec<Result<Statement, Violation>>,
        to: LeftTo<'_>,
    ) -> Result<(Appended, Effect), Fault> {
        let batch = Batch {
            statements,
            enrol: vec![permit.subject()],
            ..Batch::default()
        };
        self.append_in_force(call, batch, to).await
    }

    /// The same, and brings what was decided into force, or leaves it to an operation. A case is acknowledged only when it is
    /// in force: until its sender repeats it and is told so, nobody may rely on it.
    async fn append_in_force(
        &self,
        call: &Call,
        batch: Batch,
        to: LeftTo<'_>,
    ) -> Result<(Appended, Effect), Fault> {
        let cases = cases(&batch);
        let all_or_nothing = batch.all_or_nothing;
        let mut appended = self.append_gathered(batch).await?;
        let mut bringing = Bringing::new(self, call);
        bringing
            .made_and_standing(&appended.made, &appended.standing)
            .await;
        let effect = bringing.finish(to).await?;
        if !effect.is_in_force() && !cases.is_empty() {
            if all_or_nothing {
                return Err(Fault::unavailable("code-rendering"));
            }
            for (row, field) in cases {
                if let Some(result @ Ok(_)) = appended.results.get_mut(row) {
                    *result = Err(case_pending(field));
                }
            }
        }
        Ok((appended, effect))
    }

    /// The same in a transaction of the caller's, who brings what was made into force.
    pub(super) async fn append_in(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        touched: BTreeSet<SubjectId>,
        batch: Batch<Prepared>,
    ) -> Result<Appended, Fault> {
        let Batch {
            statements,
            enrol,
            all_or_nothing,
            position,
        } = batch;
        let basis = self.book.shared(transaction).await?;
        let people = basis.merged.people(touched);
        let mut held = hold(transaction, cipher, people).await?;
        // After the lock: who changes what decisions stand on comes wholly before or after this instant.
        let now = self.clock.now().max(basis.latest_at);
        let stored = stored_names(transaction, &statements).await?;
        let Sorted {
            results,
            new,
            superseded,
        } = sort(statements, stored, &|subject| {
            recorded_at(&held, &basis.merged, subject, now)
        });
        let results: Vec<_> = results.into_iter().flatten().collect();
        if all_or_nothing {
            refuse_any(&results)?;
        }
        statements::insert(transaction, new.iter().map(|new| &new.row)).await?;
        for (subject, id, at) in &superseded {
            statements::supersede(transaction, *subject, *id, *at).await?;
        }
        stay_places::insert(transaction, &stays(&new)).await?;
        let mut changed = believe(&mut held, &basis.merged, &new, &superseded);
        changed.extend(enrol_new(transaction, &mut held, &enrol, now).await?);
        let (mut changed, others): (Vec<_>, Vec<_>) = held
            .into_values()
            .partition(|held| changed.contains(&held.row.subject));
        let made = self.decide(transaction, &basis, &mut changed, now).await?;
        save(transaction, cipher, &mut changed).await?;
        let made_about: HashSet<_> = made.iter().map(|decision| decision.subject).collect();
        let standing = changed.iter().chain(&others).map(|held| &held.row);
        let wanted: Vec<_> = standing
            .filter(|row| row.version > 0 && !made_about.contains(&row.subject))
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

/// Under which places the new stays are found.
fn stays(new: &[Accepted]) -> Vec<(BlindPlace, SubjectId)> {
    let stays = new.iter().flat_map(|new| {
        let places = new.places.iter();
        places.map(|place| (*place, new.row.subject))
    });
    let found: BTreeSet<_> = stays.collect();
    found.into_iter().collect()
}

/// When what is new about a subject is recorded: now, and after every decision that was made without it, whatever the clocks
/// of several machines say.
fn recorded_at(
    held: &BTreeMap<SubjectId, Held>,
    merged: &Merged,
    subject: SubjectId,
    now: Timestamp,
) -> Timestamp {
    let held = merged.person(subject).filter_map(|subject| held.get(&subject));
    let latest = held.map(|held| held.row.latest_at).max();
    latest.map_or(now, |latest| now.max(latest.plus_micros(1)))
}

/// Takes what is new into what is believed, and what was corrected or retracted out of it, of everybody who is one person
/// with whom it is about: whom it concerns.
fn believe(
    held: &mut BTreeMap<SubjectId, Held>,
    merged: &Merged,
    new: &[Accepted],
    superseded: &[(SubjectId, FactId, Timestamp)],
) -> BTreeSet<SubjectId> {
    let mut changed = BTreeSet::new();
    for Accepted { row, fact, .. } in new {
        for subject in merged.person(row.subject) {
            let Some(held) = held.get_mut(&subject) else {
                continue;
            };
            changed.insert(subject);
            held.row.latest_at = held.row.latest_at.max(row.recorded_at);
            held.repack |= fact.is_some();
            held.facts.extend(*fact);
        }
    }
    for (subject, id, _) in superseded {
        for subject in merged.person(*subject) {
            let Some(held) = held.get_mut(&subject) else {
                continue;
            };
            held.facts.retain(|fact| fact.id != *id);
            held.repack = true;
        }
    }
    changed
}

/// The rows of `subjects`, also of those that there are none of yet, held until the end of the transaction.
pub(super) async fn hold(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    subjects: BTreeSet<SubjectId>,
) -> Result<BTreeMap<SubjectId, Held>, Fault> {
    let wanted: Vec<SubjectId> = subjects.into_iter().collect();
    let mut held = BTreeMap::new();
    for row in subjects::hold(transaction, &wanted).await? {
        held.insert(row.subject, Held::open(row, cipher)?);
    }
    for subject in wanted {
        held.entry(subject).or_insert_with(|| unknown(subject));
    }
    Ok(held)
}

/// Enrols whom nobody enrolled before, and counts them: whom it concerns.
async fn enrol_new(
    transaction: &DatabaseTransaction,
    held: &mut BTreeMap<SubjectId, Held>,
    enrol: &[SubjectId],
    now: Timestamp,
) -> Result<BTreeSet<SubjectId>, Fault> {
    let is_new = |subject: &&SubjectId| {
        held.get(subject)
            .is_some_and(|held| held.row.enrolled_at.is_none())
    };
    let new: BTreeSet<SubjectId> = enrol.iter().filter(is_new).copied().collect();
    if new.is_empty() {
        return Ok(new);
    }
    let roster = rosters::enrol(transaction, &SetDigest::of(new.iter().copied())).await?;
    for subject in &new {
        if let Some(held) = held.get_mut(subject) {
            (held.row.enrolled_at, held.row.roster) = (Some(now), Some(roster));
        }
    }
    Ok(new)
}

async fn save(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    held: &mut [Held],
) -> Result<(), Fault> {
    let mut rows: Vec<&SubjectRow> = Vec::new();
    for Held { row, facts, repack } in held {
        if *repack {
            if facts.len() > MOST_FACTS {
                return Err(too_many(row.subject));
            }
            row.seal(cipher, facts)?;
        }
        rows.push(row);
    }
    Ok(subjects::save(transaction, rows).await?)
}

fn too_many(subject: SubjectId) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "TOO_MANY_FACTS",
        format!("同一人员的有效记录不得超过{MOST_FACTS}条，均未保存"),
        format!("{subject} would have more than {MOST_FACTS} facts; nothing was stored"),
    )
}

/// Rows that state a case, and where they say so.
fn cases(batch: &Batch) -> Vec<(usize, String)> {
    let rows = batch.statements.iter().enumerate();
    let stated = rows.filter_map(|(row, statement)| Some((row, statement.as_ref().ok()?)));
    stated
        .filter(|(_, statement)| statement.kind() == Some(FactKind::Case))
        .map(|(row, statement)| (row, statement.fact_field()))
        .collect()
}

fn case_pending(field: String) -> Violation {
    Violation::new(
        field,
        "CASE_NOT_IN_FORCE",
        "病例已记录但颜色尚未生效，未予受理：请以同一编号重新报送",
        "the case is recorded but its colour is not in force yet, so it is not acknowledged: send it again under the same key",
    )
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
    let named: BTreeSet<SubjectId> = own.iter().flat_map(|(_, subjects)| subjects).copied().collect();
    // Whoever is one person with somebody whom a call named is brought into force by each of them.
    let about = |decisions: &[StoredDecision], subjects: &BTreeSet<SubjectId>| {
        decisions
            .iter()
            .filter(|one| subjects.contains(&one.subject) || !named.contains(&one.subject))
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

fn unknown(subject: SubjectId) -> Held {
    Held {
        row: SubjectRow::unknown(subject),
        facts: Vec::new(),
        repack: false,
    }
}

/// What is stored under the names of `statements` and of what they correct or retract.
async fn stored_names(
    transaction: &DatabaseTransaction,
    statements: &[Result<Prepared, Violation>],
) -> Result<Vec<StatementRow>, Fault> {
    let names = |one: &Prepared| [Some(one.name), one.target];
    let wanted = statements.iter().flatten().flat_map(names).flatten();
    Ok(statements::by_names(transaction, &wanted.collect()).await?)
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
