//! Replaying a decision: making it again from what was known at its instant, and proving it with the chain.

use lutong_kernel::{Fault, SubjectId};
use lutong_risk_engine::evaluate::evaluate;
use lutong_risk_engine::merge::MergedPeople;
use lutong_storage::Database;
use lutong_storage::crypto::FieldCipher;
use lutong_transport::access::AnyPermit;

use super::deciding::content;
use super::explaining::{ExplainedDecision, Explainer};
use crate::basis::service::{ActiveRuleSet, BasisBook};
use crate::decisions::domain::Decision;
use crate::decisions::store as decisions;
use crate::fault;
use crate::history::domain::{BEGINNING, ChainKeys};
use crate::people::store as merges;
use crate::subjects::store as subjects;

/// A stored decision and its replay.
#[derive(Debug)]
pub struct Replay {
    pub stored: ExplainedDecision,
    pub replayed: Decision,
    /// Whether both have the same content and the entry of the chain proves it.
    pub identical: bool,
}

/// Replays decisions. Cheap to clone.
#[derive(Clone)]
pub struct Replayer {
    database: Database,
    fields: FieldCipher,
    book: BasisBook,
    chain: ChainKeys,
    explainer: Explainer,
}

impl Replayer {
    pub const fn new(
        database: Database,
        fields: FieldCipher,
        book: BasisBook,
        chain: ChainKeys,
        explainer: Explainer,
    ) -> Self {
        Self {
            database,
            fields,
            book,
            chain,
            explainer,
        }
    }

    /// Makes a decision again from the facts, merges, areas and rules that were known at its instant.
    pub async fn replay(&self, permit: AnyPermit, subject: SubjectId, version: i64) -> Result<Replay, Fault> {
        let reached = permit.reach(subject);
        let reader = self.database.reader();
        let cipher = self.fields.ready().await?;
        let row = decisions::history_row(reader, reached, version)
            .await?
            .ok_or_else(fault::decisions::decision_not_found)?;
        let entry = row.entry;
        let stored = row.decision.ok_or_else(fault::decisions::decision_erased)?;
        let at = stored.content.evaluated_at;
        let steps = merges::ever_about(reader, reached).await?;
        let merged = MergedPeople::as_known_at(&steps, at);
        let person: Vec<_> = merged.person(subject).collect();
        let statements = self.explainer.statements_about(reached).await?;
        let mut facts = Vec::new();
        for statement in statements.values().filter(|one| person.contains(&one.subject)) {
            facts.extend(statement.open(&cipher)?);
        }
        let basis = self.book.catch_up(reader).await?;
        let (id, name) = (&stored.content.rule_set, &stored.content.rule_set_version);
        let rules = ActiveRuleSet {
            number: 0,
            from: at,
            set: self.book.named(id, name).await?,
        };
        let evaluation = evaluate(&rules.set, &facts, &basis.areas, at, at);
        let replayed = Decision {
            content: content(&rules, &evaluation, at),
            ..stored.clone()
        };
        let row = subjects::find(reader, subject).await?;
        let salt = row
            .and_then(|row| row.salt)
            .ok_or_else(fault::decisions::decision_erased)?;
        let previous = match version {
            1 => BEGINNING,
            _ => decisions::history_row(reader, reached, version - 1)
                .await?
                .map_or(BEGINNING, |row| row.entry),
        };
        let key = self.chain.of_subject(subject, &salt);
        let proven = key.entry(&previous, &replayed.canonical()) == entry;
        Ok(Replay {
            identical: proven && replayed.content == stored.content,
            stored: self.explainer.explain(stored, statements, true).await?,
            replayed,
        })
    }
}
