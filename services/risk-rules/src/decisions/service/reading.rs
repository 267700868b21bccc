//! Reading decisions: the one in force, past ones, and lists of them.

use std::sync::Arc;

use lutong_chassis::skin::Page;
use lutong_kernel::{Clock, Fault, SubjectId};
use lutong_storage::Database;
use lutong_transport::access::{AnyPermit, PermittedSubject, SelfPermit};
use lutong_transport::client::Call;

use super::delivery::Delivery;
use super::explaining::{ExplainedDecision, Explainer};
use super::redeciding::Redecider;
use crate::decisions::store as decisions;
use crate::fault;
use crate::subjects::store as subjects;

/// Reads decisions. Cheap to clone.
#[derive(Clone)]
pub struct DecisionReader {
    database: Database,
    clock: Arc<dyn Clock>,
    explainer: Explainer,
    redecider: Redecider,
    delivery: Delivery,
}

impl DecisionReader {
    pub const fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        explainer: Explainer,
        redecider: Redecider,
        delivery: Delivery,
    ) -> Self {
        Self {
            database,
            clock,
            explainer,
            redecider,
            delivery,
        }
    }

    /// The decision about a person that is in force now. A decision that is due is made again first.
    pub async fn current_decision(
        &self,
        permit: &SelfPermit,
        call: &Call,
    ) -> Result<ExplainedDecision, Fault> {
        self.latest_decision(permit.reach()?, call).await
    }

    /// The same for any subject, for an officer who looks into an appeal.
    pub async fn inspect_current(
        &self,
        permit: AnyPermit,
        subject: SubjectId,
        call: &Call,
    ) -> Result<ExplainedDecision, Fault> {
        self.latest_decision(permit.reach(subject), call).await
    }

    async fn latest_decision(
        &self,
        reached: PermittedSubject,
        call: &Call,
    ) -> Result<ExplainedDecision, Fault> {
        let subject = reached.id();
        let now = self.clock.now();
        let mut row = subjects::find(self.database.reader(), subject).await?;
        if row
            .as_ref()
            .is_some_and(|row| row.verdict.next_change_at.is_some_and(|change| change <= now))
        {
            self.redecider.redecide(vec![subject]).await?;
            row = subjects::find(self.database.reader(), subject).await?;
        }
        let version = row.map_or(0, |row| row.version);
        let found = decisions::find(self.database.reader(), &[(subject, version)]).await?;
        let decision = found
            .into_iter()
            .next()
            .ok_or_else(fault::decisions::decision_not_found)?;
        let facts = self.explainer.statements_about(reached).await?;
        let in_force = self.delivery.is_in_force(call, &decision).await;
        self.explainer.explain(decision, facts, in_force).await
    }

    /// A page of a person's own decisions, the newest first, and the next page token.
    pub async fn own_decisions(
        &self,
        permit: &SelfPermit,
        page: &Page,
    ) -> Result<(Vec<ExplainedDecision>, String), Fault> {
        self.decisions_of(permit.reach()?, page).await
    }

    /// The same for any subject, for auditors.
    pub async fn inspect_decisions(
        &self,
        permit: AnyPermit,
        subject: SubjectId,
        page: &Page,
    ) -> Result<(Vec<ExplainedDecision>, String), Fault> {
        self.decisions_of(permit.reach(subject), page).await
    }

    async fn decisions_of(
        &self,
        subject: PermittedSubject,
        page: &Page,
    ) -> Result<(Vec<ExplainedDecision>, String), Fault> {
        let before = page.after_number()?.unwrap_or(i64::MAX);
        let rows = decisions::before(self.database.reader(), subject, before, page.limit()).await?;
        let (rows, token) = page.cut(rows, |last| last.version.to_be_bytes().to_vec())?;
        let facts = self.explainer.statements_about(subject).await?;
        let mut explained = Vec::with_capacity(rows.len());
        for decision in rows.into_iter().filter_map(|row| row.decision) {
            explained.push(self.explainer.explain(decision, facts.clone(), true).await?);
        }
        Ok((explained, token))
    }

    /// One of a person's own past decisions.
    pub async fn own_decision(&self, permit: &SelfPermit, version: i64) -> Result<ExplainedDecision, Fault> {
        self.past_decision(permit.reach()?, version).await
    }

    /// The same for any subject, for auditors.
    pub async fn inspect_decision(
        &self,
        permit: AnyPermit,
        subject: SubjectId,
        version: i64,
    ) -> Result<ExplainedDecision, Fault> {
        self.past_decision(permit.reach(subject), version).await
    }

    async fn past_decision(
        &self,
        subject: PermittedSubject,
        version: i64,
    ) -> Result<ExplainedDecision, Fault> {
        let row = decisions::history_row(self.database.reader(), subject, version).await?;
        let decision = row
            .ok_or_else(fault::decisions::decision_not_found)?
            .decision
            .ok_or_else(fault::decisions::decision_erased)?;
        let facts = self.explainer.statements_about(subject).await?;
        self.explainer.explain(decision, facts, true).await
    }
}
