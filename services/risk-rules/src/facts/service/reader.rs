//! Parses statements of the wire: by the bounds of the contract, then by rules that no option of the contract expresses.

use std::sync::Arc;
use std::time::Duration;

use lutong_kernel::{Clock, FreeText, PartnerCode, Source, SubjectId, TextRule, Violation};
use lutong_proto::bounds::Bounded as _;
use lutong_proto::risk_rules::v1::FactStatement;
use lutong_proto::risk_rules::v1::fact_statement::Statement as WireStatement;
use lutong_proto::types::v1::Fact;
use lutong_storage::crypto::{Key, keyed_hash};
use lutong_transport::access::{DeclarantPermit, Principal};

use super::statement::{Content, Statement};
use crate::fault::facts;
use lutong_risk_engine::attributes::Attributes;
use lutong_risk_engine::fact::FactKind;

/// Planned ends may lie in the future; an instant further ahead than this is a mistake.
const MAX_AHEAD: Duration = Duration::from_secs(5 * 366 * 86_400);
/// The sources of declarations: the person, and federation.
const DECLARED: [&str; 2] = ["self", "federation"];

/// What people declare of themselves at a partner.
const DECLARED_AT_PARTNERS: [FactKind; 2] = [FactKind::Symptoms, FactKind::Stay];

/// Parses statements and computes the fingerprint of their content. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StatementReader {
    fingerprint: Key,
    clock: Arc<dyn Clock>,
}

impl StatementReader {
    pub const fn new(fingerprint: Key, clock: Arc<dyn Clock>) -> Self {
        Self { fingerprint, clock }
    }

    /// Parses a statement of a feed, which may use only its own source and its granted kinds. Rows that declaration pulls (SERVICE)
    /// were checked against their grant by declaration. What people declared at a partner it passes on under the partner's name.
    pub fn read_for(&self, statement: FactStatement, principal: &Principal) -> Result<Statement, Violation> {
        refuse_own(&statement)?;
        let kind = kind(&statement);
        if let Some(feed) = &principal.feed {
            if statement.source != feed.source {
                return Err(facts::source_not_of_feed());
            }
            let is_granted = |kind: FactKind| feed.kinds.iter().any(|granted| granted == kind.as_str());
            if kind.is_some_and(|kind| !is_granted(kind)) {
                return Err(not_granted(&statement));
            }
        } else if PartnerCode::of_source(&statement.source).is_some() {
            if kind.is_some_and(|kind| !DECLARED_AT_PARTNERS.contains(&kind)) {
                return Err(not_granted(&statement));
            }
        } else if !Source::is_feed(&statement.source) {
            return Err(facts::source_is_pulled());
        }
        self.read(statement)
    }

    /// Parses a statement of a person about themselves, or one that federation verified.
    pub fn read_declared(
        &self,
        statement: FactStatement,
        permit: DeclarantPermit,
    ) -> Result<Statement, Violation> {
        if !DECLARED.contains(&statement.source.as_str()) {
            return Err(facts::source_not_of_declarant());
        }
        let read = self.read(statement)?;
        if read.subject != permit.subject() {
            return Err(facts::subject_not_declarant());
        }
        Ok(read)
    }

    /// Parses a statement. Only the first violation is reported, since files are corrected row by row.
    pub fn read(&self, statement: FactStatement) -> Result<Statement, Violation> {
        refuse_own(&statement)?;
        let first = |wrong: Vec<Violation>| wrong.into_iter().next().unwrap_or_else(facts::statement_shape);
        statement.check().map_err(|fault| first(fault.violations))?;
        let subject: SubjectId = statement
            .subject_id
            .parse()
            .map_err(|_| facts::statement_shape())?;
        let content = match statement.statement {
            Some(WireStatement::Fact(fact)) => {
                let attributes = self.attributes(&fact).map_err(|wrong| wrong.within("fact"))?;
                Content::fact(attributes, None)
            }
            Some(WireStatement::Correction(correction)) => {
                let fact = correction.fact.as_ref().ok_or_else(facts::statement_shape)?;
                let attributes = self
                    .attributes(fact)
                    .map_err(|wrong| wrong.within("correction.fact"))?;
                Content::fact(attributes, Some(correction.replaces_key))
            }
            Some(WireStatement::Retraction(retraction)) => Content::Retraction {
                key: retraction.retracts_key,
                reason: FreeText::parse(&retraction.reason, TextRule::line(retraction.reason.len()))
                    .map_err(|error| error.violation("retraction.reason"))?
                    .into_string(),
            },
            None => return Err(facts::statement_shape()),
        };
        Ok(Statement {
            fingerprint: self.fingerprint(&statement.subject_id, &content),
            source: statement.source,
            key: statement.key,
            subject,
            content,
        })
    }

    /// The attributes of a fact. Violations name the fields of the contract.
    fn attributes(&self, fact: &Fact) -> Result<Attributes, Violation> {
        let kind = fact.fact_kind().ok_or_else(facts::statement_shape)?;
        let named = |mut wrong: Violation| {
            let field = kind.field_of(&wrong.field).unwrap_or_default();
            field.clone_into(&mut wrong.field);
            wrong.within(kind.as_str())
        };
        let attributes = Attributes::from_message(kind, &fact.values()).map_err(|wrong| {
            wrong
                .into_iter()
                .next()
                .map_or_else(facts::statement_shape, named)
        })?;
        match attributes.instant_after(self.clock.now().plus(MAX_AHEAD)) {
            None => Ok(attributes),
            Some(name) => Err(named(facts::instant_far_future(name))),
        }
    }

    /// A statement that this service makes itself, from content that was validated before.
    pub fn own(&self, source: &str, key: String, subject: SubjectId, content: Content) -> Statement {
        Statement {
            fingerprint: self.fingerprint(&subject.to_string(), &content),
            source: source.to_owned(),
            key,
            subject,
            content,
        }
    }

    /// The fingerprint of the canonical content: it does not depend on the spelling of the statement.
    fn fingerprint(&self, subject: &str, content: &Content) -> [u8; 32] {
        let text = match content {
            Content::Fact {
                attributes,
                canonical,
                replaces,
            } => format!(
                "fact\n{subject}\n{}\n{replaces:?}\n{canonical}",
                attributes.kind()
            ),
            Content::Retraction { key, .. } => format!("retraction\n{subject}\n{key}"),
        };
        keyed_hash(&self.fingerprint, text.as_bytes())
    }
}

/// The kind of the fact; `None` for a retraction or if there is none.
fn kind(statement: &FactStatement) -> Option<FactKind> {
    match statement.statement.as_ref()? {
        WireStatement::Fact(fact) => fact.fact_kind(),
        WireStatement::Correction(correction) => correction.fact.as_ref()?.fact_kind(),
        WireStatement::Retraction(_) => None,
    }
}

/// Kinds that this service alone states, each by RPCs of its own: a designation needs two officers, a relief an appeal.
const OWN: [FactKind; 2] = [FactKind::Designation, FactKind::Relief];

/// Nobody else states a kind that this service states.
fn refuse_own(statement: &FactStatement) -> Result<(), Violation> {
    if kind(statement).is_some_and(|kind| OWN.contains(&kind)) {
        return Err(not_granted(statement));
    }
    Ok(())
}

fn not_granted(statement: &FactStatement) -> Violation {
    let kind = kind(statement).map_or("", FactKind::as_str);
    let field = match statement.statement {
        Some(WireStatement::Correction(_)) => format!("correction.fact.{kind}"),
        _ => format!("fact.{kind}"),
    };
    facts::kind_not_granted(field)
}
