//! Deciding about locked subjects: evaluate, chain, store and publish, within the transaction of the caller.

use std::collections::HashMap;
use std::sync::Arc;

use lutong_kernel::{Clock, DecisionId, Fault, Random, SubjectId, Timestamp};
use lutong_risk_engine::evaluate::{Evaluation, Evaluator, Verdict};
use lutong_risk_engine::rule_set::RuleMask;
use lutong_storage::crypto::{FieldCipher, ReadyCipher};
use lutong_storage::outbox::{NewEvent, Outbox};
use prost::Message as _;
use sea_orm::DatabaseTransaction;

use crate::basis::service::{ActiveRuleSet, Basis, BasisBook};
use crate::decisions::domain::{Citation, Decision, DecisionContent, RELIEF};
use crate::decisions::store as decisions;
use crate::events;
use crate::history::domain::ChainKeys;
use crate::recomparisons::domain::StandingVerdict;
use crate::subjects::service::LockedSubject;
use crate::subjects::store as subjects;

/// Decides within a transaction. Cheap to clone.
#[derive(Clone)]
pub struct Decider {
    book: BasisBook,
    fields: FieldCipher,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    chain: ChainKeys,
    outbox: Outbox,
}

/// New decisions about subjects whose facts have not changed.
#[derive(Debug)]
pub struct Redecision {
    pub basis: Arc<Basis>,
    /// The verdicts that stood before, by subject.
    pub before: HashMap<SubjectId, StandingVerdict>,
    /// Only decisions that differ from those before.
    pub made: Vec<Decision>,
}

impl Decider {
    pub fn new(
        book: BasisBook,
        fields: FieldCipher,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        chain: ChainKeys,
        outbox: Outbox,
    ) -> Self {
        Self {
            book,
            fields,
            clock,
            random,
            chain,
            outbox,
        }
    }

    /// Loads the basis and the cipher, which a transaction of decisions must not wait for.
    pub async fn ready(&self) -> Result<ReadyCipher, Fault> {
        self.book.ready().await?;
        Ok(self.fields.ready().await?)
    }

    /// Wakes the relay that publishes decisions. To be called after the commit.
    pub fn publish(&self) {
        self.outbox.wake();
    }

    /// Decides about the enrolled subjects of `locked`, stores the decisions that differ from the standing ones, and returns them. The
    /// caller saves the rows.
    pub async fn decide(
        &self,
        transaction: &DatabaseTransaction,
        basis: &Basis,
        locked: &mut [LockedSubject],
        now: Timestamp,
    ) -> Result<Vec<Decision>, Fault> {
        let mut made = Vec::new();
        for one in locked.iter_mut().filter(|one| one.row.enrolled_at.is_some()) {
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

    /// `None` if the standing decision has the same verdict, rule set and citations.
    fn decide_one(
        &self,
        basis: &Basis,
        locked: &mut LockedSubject,
        now: Timestamp,
    ) -> Result<Option<Decision>, Fault> {
        let LockedSubject { row, facts, .. } = locked;
        // Recorded instants may be ahead of this machine's clock.
        let at = now.max(row.latest_at);
        let rules = basis.rules_at(at)?;
        let evaluation = Evaluator::new(&*rules.set, &*basis.areas).evaluate(facts, at, at);
        let content = content(rules, &evaluation, at);
        let (verdict, cited) = (verdict(&evaluation), content.cited());
        if row.version > 0 && (row.verdict, row.rule_set, row.cited) == (verdict, rules.number, cited) {
            return Ok(None);
        }
        let salt = row.salt.get_or_insert_with(|| self.random.bytes::<16>().to_vec());
        let key = self.chain.of_subject(row.subject, salt);
        let version = row.version + 1;
        let canonical = content.canonical(row.subject, version);
        let entry = key.entry(&row.head, &canonical);
        (row.version, row.verdict, row.rule_set) = (version, verdict, rules.number);
        (row.cited, row.head, row.latest_at) = (cited, entry, at);
        Ok(Some(Decision {
            id: DecisionId::new(at, &*self.random),
            subject: row.subject,
            version,
            content,
            entry,
        }))
    }

    /// Decides again about subjects whose facts have not changed, because an area or the rules have changed or time has passed.
    pub async fn redecide(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        subjects: &[SubjectId],
    ) -> Result<Redecision, Fault> {
        let basis = self.book.shared(transaction).await?;
        let rows = subjects::lock(transaction, subjects).await?;
        // Read after the lock: a change of the basis is recorded entirely before or after this instant.
        let now = self.clock.now().max(basis.latest_at);
        let before = rows.iter().map(|row| (row.subject, row.standing())).collect();
        let open = |row| LockedSubject::open(row, cipher);
        let mut locked = rows.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let made = self.decide(transaction, &basis, &mut locked, now).await?;
        subjects::save(transaction, locked.iter().map(|locked| &locked.row)).await?;
        Ok(Redecision { basis, before, made })
    }
}

/// The content of the decision that follows from an evaluation.
pub fn content(rules: &ActiveRuleSet, evaluation: &Evaluation, at: Timestamp) -> DecisionContent {
    let cited = evaluation.citations.iter().filter_map(|citation| {
        Some(Citation {
            rule: rules.set.rule(citation.rule)?.id.clone(),
            facts: citation.facts.clone(),
            from: citation.from.micros(),
            until: citation.until.map(Timestamp::micros),
        })
    });
    let relief = evaluation.relief.iter().map(|relief| Citation {
        rule: RELIEF.to_owned(),
        facts: relief.reliefs.clone(),
        from: relief.from.micros(),
        until: Some(relief.until.micros()),
    });
    DecisionContent {
        colour: evaluation.colour,
        citations: cited.chain(relief).collect(),
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
