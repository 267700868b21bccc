//! The decision in force about a subject, with what it cites.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lutong_kernel::{FactId, Fault, FaultCode};
use lutong_transport::access::{PermittedSubject, SelfPermit};
use lutong_transport::client::Call;

use super::deciding::Decider;
use crate::domain::area::AreaEntry;
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
    /// By the number of the citation, the listings that its stays lay in.
    pub areas: Vec<Vec<AreaEntry>>,
    pub in_force: bool,
}

impl Decider {
    pub async fn explain(&self, permit: &SelfPermit, call: &Call) -> Result<Explained, Fault> {
        let reached = permit.reach()?;
        let subject = reached.id();
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
        let facts = self.statements_about(reached).await?;
        // Applying again is what tells: it is idempotent, and free when code-rendering has it.
        let in_force = self.bring_into_force(call, std::slice::from_ref(&decision)).await;
        self.explained(decision, facts, in_force).await
    }

    /// By id, everything that was ever stated about a subject, or about one that was one person with it at some time.
    pub(super) async fn statements_about(
        &self,
        subject: PermittedSubject,
    ) -> Result<HashMap<FactId, StatementRow>, Fault> {
        let reader = self.database.reader();
        let steps = merges::ever_about(reader, subject).await?;
        let person: BTreeSet<_> = merges::everybody(&steps).chain([subject.id()]).collect();
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
        let areas = self.cited_areas(&decision, &rules, &facts).await?;
        Ok(Explained {
            decision,
            rules,
            facts,
            areas,
            in_force,
        })
    }

    /// The listings that the cited stays lay in, as they were known when it was decided.
    async fn cited_areas(
        &self,
        decision: &StoredDecision,
        rules: &RuleSet,
        facts: &HashMap<FactId, StatementRow>,
    ) -> Result<Vec<Vec<AreaEntry>>, Fault> {
        let mut cited = Vec::with_capacity(decision.content.citations.len());
        for citation in &decision.content.citations {
            let rule = rules.rules().iter().find(|rule| rule.id == citation.rule);
            let Some(rule) = rule.filter(|rule| rule.asks_for_an_area()) else {
                cited.push(Vec::new());
                continue;
            };
            let cipher = self.ready().await?;
            let basis = self.book.catch_up(self.database.reader()).await?;
            let mut areas = BTreeSet::new();
            for fact in citation.facts.iter().filter_map(|id| facts.get(id)) {
                let known_at = decision.content.evaluated_at;
                if let Some(fact) = fact.open(&cipher)? {
                    areas.extend(rule.areas_of_stay(&fact.attributes, &basis.areas, known_at));
                }
            }
            cited.push(areas.into_iter().collect());
        }
        Ok(cited)
    }
}

pub fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "DECISION_NOT_FOUND",
        "尚无赋码决定：请先申请或申报",
        "there is no decision yet: apply or declare an arrival first",
    )
}
