//! Deciding: what is known of a subject, evaluated, stored and told.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use futures::FutureExt as _;
use lutong_chassis::client::Call;
use lutong_chassis::crypto::{FieldCipher, ReadyCipher};
use lutong_chassis::gather::Gatherer;
use lutong_chassis::outbox::{NewEvent, Outbox};
use lutong_chassis::storage::Database;
use lutong_chassis::{Foundation, MeshChannel, Store};
use lutong_kernel::{Clock, DecisionId, Fault, Random, SubjectId, Timestamp};
use prost::Message as _;
use sea_orm::DatabaseTransaction;

use super::appending::{Appended, Batch};
use super::book::Areas;
use crate::domain::evaluate::{Evaluation, evaluate};
use crate::domain::fact::Fact;
use crate::domain::rule_set::RuleSet;
use crate::grpc::code_rendering::CodeRendering;
use crate::grpc::convert;
use crate::store::decisions::{self, StoredCitation, StoredDecision};
use crate::store::statements;
use crate::store::subjects::{self, SubjectRow};

/// Cheap to clone.
#[derive(Clone)]
pub struct Decider {
    pub(super) database: Database,
    pub(super) fields: FieldCipher,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) areas: Areas,
    pub(super) outbox: Outbox,
    pub(super) rules: &'static RuleSet,
    pub(super) code_rendering: CodeRendering,
    pub(super) gatherer: Arc<OnceLock<Gatherer<Batch, Result<Appended, Fault>>>>,
}

impl Decider {
    pub fn new(store: &Store, foundation: &Foundation, outbox: Outbox, code_rendering: MeshChannel) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            areas: Areas::new(store.database.clone()),
            outbox,
            rules: RuleSet::sd_2020(),
            code_rendering: CodeRendering::new(code_rendering),
            gatherer: Arc::default(),
        }
    }

    /// What a transaction of decisions needs, loaded before it begins.
    pub(super) async fn ready(&self) -> Result<ReadyCipher, Fault> {
        self.areas.ready().await?;
        Ok(self.fields.ready().await?)
    }

    /// Decides about `rows`, held by this transaction, and stores what differs from the decision before: the new
    /// decisions. Rows without a declaration are passed over.
    pub(super) async fn decide(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        rows: &mut [SubjectRow],
        now: Timestamp,
    ) -> Result<Vec<StoredDecision>, Fault> {
        let book = self.areas.shared(transaction).await?;
        let enrolled: Vec<_> = rows
            .iter()
            .filter(|row| row.enrolled_at.is_some())
            .map(|row| row.subject)
            .collect();
        let mut facts = self.facts(transaction, cipher, &enrolled).await?;
        let before: Vec<_> = rows
            .iter()
            .filter(|row| row.version > 0)
            .map(|row| (row.subject, row.version))
            .collect();
        let before = decisions::find(transaction, &before).await?;
        let before: HashMap<_, _> = before
            .into_iter()
            .map(|decision| (decision.subject, decision))
            .collect();
        let mut made = Vec::new();
        for row in rows.iter_mut().filter(|row| row.enrolled_at.is_some()) {
            let facts = facts.remove(&row.subject).unwrap_or_default();
            // A correction may be recorded a microsecond ahead of the clock, to come after what it corrects.
            let at = facts
                .iter()
                .map(|fact| fact.recorded_at)
                .max()
                .map_or(now, |last| last.max(now));
            let evaluation = evaluate(self.rules, &facts, &book, at, at);
            let decision = self.decision(row, &evaluation, at);
            row.next_change_at = decision.next_change_at;
            if before
                .get(&row.subject)
                .is_some_and(|before| says_the_same(before, &decision))
            {
                continue;
            }
            row.version = decision.version;
            made.push(decision);
        }
        decisions::insert(transaction, &made).await?;
        let events = made.iter().map(|decision| NewEvent {
            subject: Some(decision.subject),
            payload: convert::decision_made(decision).encode_to_vec(),
        });
        self.outbox
            .seal(now, events.collect())
            .await?
            .append(transaction)
            .await?;
        Ok(made)
    }

    async fn facts(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        subjects: &[SubjectId],
    ) -> Result<BTreeMap<SubjectId, Vec<Fact>>, Fault> {
        let mut facts: BTreeMap<SubjectId, Vec<Fact>> = BTreeMap::new();
        for row in statements::of_subjects(transaction, subjects).await? {
            facts.entry(row.subject).or_default().extend(row.open(cipher)?);
        }
        Ok(facts)
    }

    fn decision(&self, row: &SubjectRow, evaluation: &Evaluation, at: Timestamp) -> StoredDecision {
        let cited = evaluation.citations.iter().filter_map(|citation| {
            Some(StoredCitation {
                rule: self.rules.rule(citation.rule)?.id.clone(),
                facts: citation.facts.clone(),
                from: citation.from.micros(),
                until: citation.until.map(Timestamp::micros),
            })
        });
        StoredDecision {
            id: DecisionId::new(at, &*self.random),
            subject: row.subject,
            version: row.version + 1,
            colour: evaluation.colour,
            citations: cited.collect(),
            rule_set: self.rules.id.clone(),
            rule_set_version: self.rules.version.clone(),
            evaluated_at: at,
            next_change_at: evaluation.next_change_at,
        }
    }

    /// Decides anew about subjects whose facts have not changed: an area has, or time has passed.
    pub async fn redecide(&self, subjects: Vec<SubjectId>) -> Result<Vec<StoredDecision>, Fault> {
        let cipher = self.ready().await?;
        let (this, now) = (self.clone(), self.clock.now());
        let made = self.database.write(move |transaction| {
            async move {
                let mut rows = subjects::hold(transaction, &subjects).await?;
                let made = this.decide(transaction, &cipher, &mut rows, now).await?;
                subjects::save(transaction, &rows).await?;
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
        let applied = self.code_rendering.apply(call, decisions).await;
        lutong_chassis::failpoint::hit("risk_rules.applied");
        if let Err(fault) = &applied {
            tracing::info!(decisions = decisions.len(), %fault, "decisions are pending; the log delivers them");
        }
        applied.is_ok()
    }
}

/// Whether a decision would only repeat the one before.
fn says_the_same(before: &StoredDecision, now: &StoredDecision) -> bool {
    before.colour == now.colour
        && before.citations == now.citations
        && before.next_change_at == now.next_change_at
        && before.rule_set == now.rule_set
        && before.rule_set_version == now.rule_set_version
}
