//! The decision in force about a subject, with what it cites.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lutong_chassis::access::SubjectPermit;
use lutong_chassis::client::Call;
use lutong_kernel::{FactId, Fault, FaultCode, SubjectId};

use super::deciding::Decider;
use crate::domain::rule_set::RuleSet;
use crate::store::decisions::{self, StoredDecision};
use crate::store::merges;
use crate::store::statements::{self, StatementRow};
use crate::store::subjects;

/// A decision with what is needed to explain it.
#[derive(Debug)]
pub struct Explained {
    pub decision: StoredDecision,
    pub rules: Arc<RuleSet>,
    /// By id, the statements that it cites.
    pub facts: HashMap<FactId, StatementRow>,
    pub in_force: bool,
}

impl Decider {
    pub async fn explain(&self, permit: SubjectPermit, call: &Call) -> Result<Explained, Fault> {
        let subject = permit.subject();
        let now = self.clock.now();
        let mut row = subjects::find(self.database.reader(), subject).await?;
        if row
            .as_ref()
            .is_some_and(|row| row.verdict.next_change_at.is_some_and(|change| change <= now))
        {
            self.redecide(vec![subject]).await?;
            row = subjects::find(self.database.reader(), subject).await?;
        }
        let version = row.map_or(0, |row| row.version);
        let found = decisions::find(self.database.reader(), &[(subject, version)]).await?;
        let decision = found.into_iter().next().ok_or_else(not_found)?;
        let facts = self.statements_about(subject).await?;
        // Applying again is what tells: it is idempotent, and free when code-rendering has it.
        let in_force = self.bring_into_force(call, std::slice::from_ref(&decision)).await;
        self.explained(decision, facts, in_force).await
    }

    /// By id, everything that was ever stated about a subject, or about one that was one person with it at some time.
    pub(super) async fn statements_about(
        &self,
        subject: SubjectId,
    ) -> Result<HashMap<FactId, StatementRow>, Fault> {
        let reader = self.database.reader();
        let steps = merges::ever_about(reader, subject).await?;
        let person: BTreeSet<_> = merges::everybody(&steps).chain([subject]).collect();
        let person: Vec<_> = person.into_iter().collect();
        let statements = statements::of_subjects(reader, &person).await?;
        Ok(statements.into_iter().map(|fact| (fact.id, fact)).collect())
    }

    /// A decision with what it cites; `facts` are the subject's statements by id.
    pub(super) async fn explained(
        &self,
        decision: StoredDecision,
        facts: HashMap<FactId, StatementRow>,
        in_force: bool,
    ) -> Result<Explained, Fault> {
        let content = &decision.content;
        let rules = self
            .book
            .named(&content.rule_set, &content.rule_set_version)
            .await?;
        Ok(Explained {
            decision,
            rules,
            facts,
            in_force,
        })
    }
}

pub(super) fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "DECISION_NOT_FOUND",
        "尚无赋码决定：请先申请或申报",
        "there is no decision yet: apply or declare an arrival first",
    )
}
