//! A decision with the rules, statements and areas that explain it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lutong_kernel::{FactId, Fault};
use lutong_risk_engine::area::AreaEntry;
use lutong_risk_engine::attributes::Value;
use lutong_risk_engine::rule_set::RuleSet;
use lutong_storage::Database;
use lutong_storage::crypto::FieldCipher;
use lutong_transport::access::PermittedSubject;

use crate::basis::service::BasisBook;
use crate::decisions::domain::Decision;
use crate::facts::store::statements::{self, StatementRow};
use crate::people::store as merges;
use crate::reliefs::domain as reliefs;

/// A decision with everything that its explanation needs.
#[derive(Debug)]
pub struct ExplainedDecision {
    pub decision: Decision,
    pub rules: Arc<RuleSet>,
    /// The statements about the person, by id.
    pub facts: HashMap<FactId, StatementRow>,
    /// For each citation, the listings that contain the cited stays.
    pub areas: Vec<Vec<AreaEntry>>,
    /// The reliefs that it was made under; none of most decisions.
    pub reliefs: Vec<CitedRelief>,
    pub in_force: bool,
}

impl ExplainedDecision {
    /// The statements that the rules of the decision cite, each once, by id.
    pub fn cited(&self) -> impl Iterator<Item = &StatementRow> {
        let citations = self.decision.content.citations.iter();
        let citations = citations.filter(|citation| !citation.is_relief());
        let cited: BTreeSet<FactId> = citations.flat_map(|one| one.facts.iter().copied()).collect();
        cited.into_iter().filter_map(|id| self.facts.get(&id))
    }
}

/// A relief that a decision was made under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CitedRelief {
    /// The tracking number of the appeal.
    pub complaint: String,
    /// The line of the policy.
    pub policy: String,
}

/// Collects what explains a decision. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Explainer {
    database: Database,
    fields: FieldCipher,
    book: BasisBook,
}

impl Explainer {
    pub const fn new(database: Database, fields: FieldCipher, book: BasisBook) -> Self {
        Self {
            database,
            fields,
            book,
        }
    }

    /// By id, all statements about a subject and about subjects that were ever one person with it.
    pub async fn statements_about(
        &self,
        subject: PermittedSubject,
    ) -> Result<HashMap<FactId, StatementRow>, Fault> {
        let reader = self.database.reader();
        let steps = merges::ever_about(reader, subject).await?;
        let person: BTreeSet<_> = merges::subjects_of(&steps).chain([subject.id()]).collect();
        let person: Vec<_> = person.into_iter().collect();
        let statements = statements::of_subjects(reader, &person).await?;
        Ok(statements.into_iter().map(|fact| (fact.id, fact)).collect())
    }

    /// Explains a decision; `facts` are the statements about its subject, by id.
    pub async fn explain(
        &self,
        decision: Decision,
        facts: HashMap<FactId, StatementRow>,
        in_force: bool,
    ) -> Result<ExplainedDecision, Fault> {
        let content = &decision.content;
        let rules = self
            .book
            .named(&content.rule_set, &content.rule_set_version)
            .await?;
        let areas = self.cited_areas(&decision, &rules, &facts).await?;
        let reliefs = self.cited_reliefs(&decision, &facts).await?;
        Ok(ExplainedDecision {
            decision,
            rules,
            facts,
            areas,
            reliefs,
            in_force,
        })
    }

    async fn cited_reliefs(
        &self,
        decision: &Decision,
        facts: &HashMap<FactId, StatementRow>,
    ) -> Result<Vec<CitedRelief>, Fault> {
        let citations = decision.content.citations.iter();
        let cited = citations.filter(|citation| citation.is_relief());
        let mut reliefs = Vec::new();
        for statement in cited.flat_map(|one| &one.facts).filter_map(|id| facts.get(id)) {
            let fact = statement.open(&self.fields.ready().await?)?;
            let policy = fact.as_ref().and_then(|fact| fact.attributes.get("policy"));
            let Some(Value::Text(policy)) = policy else {
                continue;
            };
            reliefs.push(CitedRelief {
                complaint: reliefs::complaint_of(&statement.key).to_owned(),
                policy: policy.clone(),
            });
        }
        Ok(reliefs)
    }

    /// The listings that contain the cited stays, as known at the instant of the decision.
    async fn cited_areas(
        &self,
        decision: &Decision,
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
            let cipher = self.fields.ready().await?;
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
