//! Deciding: what is believed of a subject, evaluated, chained, stored and told.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
#[cfg(feature = "failpoints")]
use lutong_failpoint::Broken;
use lutong_kernel::{Clock, DecisionId, Fault, Random, SubjectId, Timestamp};
use lutong_storage::crypto::{FieldCipher, Key, KeyFileError, ReadyCipher, keyed_hash};
use lutong_storage::gather::Gatherer;
use lutong_storage::outbox::{NewEvent, Outbox};
use lutong_storage::{Database, StorageError};
use lutong_transport::client::Call;
use lutong_transport::client::MeshChannel;
use prost::Message as _;
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;

use super::appending::{Appended, Batch};
use super::book::{Basis, Book, InForce};
use crate::domain::evaluate::{Evaluation, Evaluator, RuleMask, Verdict};
use crate::domain::history::{CHAIN_LABEL, ChainKey};
use crate::domain::packed::PackedFact;
use crate::domain::recomparison::{Stored, classify};
use crate::events;
use crate::peers::code_rendering::CodeRendering;
use crate::store::decisions::{self, DecisionContent, StoredCitation, StoredDecision};
use crate::store::recomparisons::{self, Found};
use crate::store::stay_places::PlaceIndex;
use crate::store::subjects::{self, SubjectRow};

/// Cheap to clone.
#[derive(Clone)]
pub struct Decider {
    pub(super) database: Database,
    pub(super) fields: FieldCipher,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) book: Book,
    pub(super) places: PlaceIndex,
    pub(super) outbox: Outbox,
    pub(super) code_rendering: CodeRendering,
    pub(super) gatherer: Arc<OnceLock<Gatherer<Batch, Result<Appended, Fault>>>>,
    /// Rung when a run over everyone begins.
    pub(super) runs: Arc<Notify>,
    /// Rung when decisions could not be brought into force.
    pub(super) pending: Arc<Notify>,
    /// Rung when a check of history is asked for.
    pub(super) checks: Arc<Notify>,
    pub(super) chain: Key,
}

/// A subject held by a transaction, with what is believed of it.
#[derive(Debug)]
pub(super) struct Held {
    pub row: SubjectRow,
    pub facts: Vec<PackedFact>,
    /// Whether the facts are to be packed anew.
    pub repack: bool,
}

impl Held {
    pub fn open(row: SubjectRow, cipher: &ReadyCipher) -> Result<Self, Fault> {
        let mut facts = Vec::new();
        row.open(cipher, &mut facts)?;
        Ok(Self {
            row,
            facts,
            repack: false,
        })
    }
}

impl Decider {
    pub fn new(
        store: &Store,
        foundation: &Foundation,
        outbox: Outbox,
        code_rendering: MeshChannel,
    ) -> Result<Self, KeyFileError> {
        Ok(Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            book: Book::new(store.database.clone()),
            places: PlaceIndex::new(store.index_key.clone()),
            outbox,
            code_rendering: CodeRendering::new(code_rendering),
            gatherer: Arc::default(),
            runs: Arc::default(),
            pending: Arc::default(),
            checks: Arc::default(),
            chain: store.keys.key(crate::CHAIN_KEY)?,
        })
    }

    /// What a transaction of decisions needs, loaded before it begins.
    pub(super) async fn ready(&self) -> Result<ReadyCipher, Fault> {
        self.book.ready().await?;
        Ok(self.fields.ready().await?)
    }

    /// An instant for what everybody's decisions stand on, recorded by whoever has that alone: now, and after every decision
    /// that was made without it, whatever the clocks of several machines say.
    pub(super) async fn instant_after_all(
        &self,
        transaction: &DatabaseTransaction,
    ) -> Result<Timestamp, StorageError> {
        let last = decisions::last(transaction).await?;
        let next = last.map_or(Timestamp::MIN, |last| last.plus_micros(1));
        Ok(self.clock.now().max(next))
    }

    /// Decides about whom of `held` there is to be a code, and stores what differs from the decision before: the new
    /// decisions. The caller saves the rows.
    pub(super) async fn decide(
        &self,
        transaction: &DatabaseTransaction,
        basis: &Basis,
        held: &mut [Held],
        now: Timestamp,
    ) -> Result<Vec<StoredDecision>, Fault> {
        let mut made = Vec::new();
        for one in held.iter_mut().filter(|one| one.row.enrolled_at.is_some()) {
            made.extend(self.decide_one(basis, one, now)?);
        }
        decisions::insert(transaction, &made).await?;
        let events = made.iter().map(|decision| NewEvent {
            subject: Some(decision.subject),
            payload: events::decision_made(decision).encode_to_vec(),
        });
        self.outbox
            .seal(now, events.collect())
            .await?
            .append(transaction)
            .await?;
        Ok(made)
    }

    /// `None` when the decision that stands says the same.
    fn decide_one(
        &self,
        basis: &Basis,
        held: &mut Held,
        now: Timestamp,
    ) -> Result<Option<StoredDecision>, Fault> {
        let Held { row, facts, .. } = held;
        // What is recorded may be ahead of this machine's clock.
        let at = now.max(row.latest_at);
        let rules = basis.rules_at(at)?;
        let evaluation = Evaluator::new(&*rules.set, &*basis.areas).evaluate(facts, at, at);
        let content = content(rules, &evaluation, at);
        let (verdict, cited) = (verdict(&evaluation), content.cited());
        if row.version > 0 && (row.verdict, row.rule_set, row.cited) == (verdict, rules.number, cited) {
            return Ok(None);
        }
        let salt = row.salt.get_or_insert_with(|| self.random.bytes::<16>().to_vec());
        let version = row.version + 1;
        let canonical = content.canonical(row.subject, version);
        let entry = chain_key(&self.chain, row.subject, salt)?.entry(&row.head, &canonical);
        (row.version, row.verdict, row.rule_set) = (version, verdict, rules.number);
        (row.cited, row.head, row.latest_at) = (cited, entry, at);
        Ok(Some(StoredDecision {
            id: DecisionId::new(at, &*self.random),
            subject: row.subject,
            version,
            content,
            entry,
        }))
    }

    /// Decides anew about subjects whose facts have not changed: an area or the rules have, time has passed, or their
    /// statements waited.
    pub async fn redecide(&self, subjects: Vec<SubjectId>) -> Result<Vec<StoredDecision>, Fault> {
        self.decide_again(subjects, None).await
    }

    /// The same for a run over everyone, which records what it found in the same transaction.
    pub(super) async fn decide_again(
        &self,
        subjects: Vec<SubjectId>,
        run: Option<i64>,
    ) -> Result<Vec<StoredDecision>, Fault> {
        let cipher = self.ready().await?;
        let this = self.clone();
        let made = self.database.write(move |transaction| {
            async move {
                let basis = this.book.shared(transaction).await?;
                let rows = subjects::hold(transaction, &subjects).await?;
                // After the lock: who changes what decisions stand on comes wholly before or after this instant.
                let now = this.clock.now().max(basis.latest_at);
                let before: HashMap<_, _> = rows.iter().map(|row| (row.subject, row.stored())).collect();
                let open = |row| Held::open(row, &cipher);
                let mut held = rows.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
                let made = this.decide(transaction, &basis, &mut held, now).await?;
                let rows: Vec<_> = held.into_iter().map(|held| held.row).collect();
                subjects::save(transaction, &rows).await?;
                if let Some(run) = run {
                    let found = found(&basis, &before, &made)?;
                    recomparisons::record(transaction, run, &found).await?;
                }
                Ok::<_, Fault>(made)
            }
            .boxed()
        });
        let made = made.await?;
        self.outbox.wake();
        Ok(made)
    }

    /// Brings decisions into force at code-rendering; `false` when that is away, and the log delivers them.
    pub async fn bring_into_force(&self, call: &Call, decisions: &[StoredDecision]) -> bool {
        if decisions.is_empty() {
            return true;
        }
        #[cfg(feature = "failpoints")]
        if lutong_failpoint::broken(Broken::InForceUnapplied) {
            return true;
        }
        let applied = self.code_rendering.apply(call, decisions).await;
        lutong_failpoint::hit("risk_rules.applied");
        if let Err(fault) = &applied {
            tracing::info!(decisions = decisions.len(), %fault, "decisions are pending; the log delivers them");
        }
        applied.is_ok()
    }
}

/// What decisions that had to be made anew say of those that stood.
fn found(
    basis: &Basis,
    before: &HashMap<SubjectId, Stored>,
    made: &[StoredDecision],
) -> Result<Vec<Found>, Fault> {
    let mut found = Vec::new();
    for decision in made {
        let Some(stored) = before.get(&decision.subject) else {
            continue;
        };
        let at = decision.content.evaluated_at;
        found.push(Found {
            subject: decision.subject,
            finding: classify(*stored, basis.rules_at(at)?.number, at),
            before: stored.verdict.colour,
            after: decision.content.colour,
            version: decision.version,
        });
    }
    Ok(found)
}

/// A subject's chain key: the service's key over the subject's salt.
pub(super) fn chain_key(chain: &Key, subject: SubjectId, salt: &[u8]) -> Result<ChainKey, Fault> {
    let material = [subject.uuid().as_bytes(), salt].concat();
    ChainKey::new(&keyed_hash(chain, &material), CHAIN_LABEL).ok_or_else(Fault::internal)
}

pub(super) fn content(rules: &InForce, evaluation: &Evaluation, at: Timestamp) -> DecisionContent {
    let cited = evaluation.citations.iter().filter_map(|citation| {
        Some(StoredCitation {
            rule: rules.set.rule(citation.rule)?.id.clone(),
            facts: citation.facts.clone(),
            from: citation.from.micros(),
            until: citation.until.map(Timestamp::micros),
        })
    });
    DecisionContent {
        colour: evaluation.colour,
        citations: cited.collect(),
        rule_set: rules.set.id.clone(),
        rule_set_version: rules.set.version.clone(),
        evaluated_at: at,
        next_change_at: evaluation.next_change_at,
    }
}

fn verdict(evaluation: &Evaluation) -> Verdict {
    let rules = evaluation
        .citations
        .iter()
        .filter_map(|citation| u8::try_from(citation.rule).ok());
    Verdict {
        colour: evaluation.colour,
        rules: rules.fold(RuleMask::default(), RuleMask::with),
        next_change_at: evaluation.next_change_at,
    }
}
