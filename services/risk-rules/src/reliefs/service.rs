//! Gives and ends relief: the facts are appended and decided about like any other, and brought into force.

use std::collections::BTreeSet;

use lutong_kernel::Fault;
use lutong_risk_engine::attributes::Attributes;
use lutong_risk_engine::fact::FactKind;
use lutong_storage::Database;
use lutong_transport::access::AnyPermit;
use lutong_transport::client::Call;
use serde_json::json;

use super::domain::{Relief, SOURCE};
use crate::facts::service::appending::Batch;
use crate::facts::service::intake::FactIntake;
use crate::facts::service::reader::StatementReader;
use crate::facts::service::statement::{Content, Statement};
use crate::facts::store::statements::{self, Name};
use crate::fault::reliefs as fault;
use crate::operations::service::effect::{Effect, PendingOperation};

/// States reliefs. Cheap to clone.
#[derive(Clone)]
pub struct Reliefs {
    database: Database,
    intake: FactIntake,
    reader: StatementReader,
}

impl Reliefs {
    pub const fn new(database: Database, intake: FactIntake, reader: StatementReader) -> Self {
        Self {
            database,
            intake,
            reader,
        }
    }

    /// Gives relief from a fact that stands. One that was given before is left as it is, also where it was ended.
    pub async fn give(&self, permit: AnyPermit, call: &Call, relief: &Relief) -> Result<Effect, Fault> {
        if !self.stands(relief).await? {
            return Err(fault::fact_withdrawn());
        }
        let statement = self.statement(relief, relief.key(), None)?;
        self.append(permit, call, statement).await
    }

    /// Ends a relief; one that never arrived is stored as ended.
    pub async fn end(
        &self,
        permit: AnyPermit,
        call: &Call,
        relief: &Relief,
        cut: Relief,
    ) -> Result<Effect, Fault> {
        self.stands(relief).await?;
        let name = Name::of(SOURCE, &relief.key());
        let given = statements::by_names(self.database.reader(), &BTreeSet::from([name])).await?;
        let (key, replaces) = if given.is_empty() {
            (cut.key(), None)
        } else {
            (cut.end_key(), Some(relief.key()))
        };
        let statement = self.statement(&cut, key, replaces)?;
        self.append(permit, call, statement).await
    }

    /// Whether the contested fact, which must be one about this person, still stands.
    async fn stands(&self, relief: &Relief) -> Result<bool, Fault> {
        let about = statements::of_subjects(self.database.reader(), &[relief.subject]).await?;
        let is_relief = |kind: &Option<String>| kind.as_deref() == Some(FactKind::Relief.as_str());
        let found = about
            .iter()
            .find(|one| one.id == relief.contested && one.kind.is_some() && !is_relief(&one.kind));
        let found = found.ok_or_else(fault::contested_fact_not_found)?;
        Ok(found.superseded_at.is_none())
    }

    fn statement(&self, relief: &Relief, key: String, replaces: Option<String>) -> Result<Statement, Fault> {
        let given = json!({"contested_fact": relief.contested.to_string(), "from": relief.from.to_rfc3339(),
            "until": relief.until.to_rfc3339(), "policy": relief.policy});
        let given = given.as_object().cloned().unwrap_or_default();
        let attributes = Attributes::parse(FactKind::Relief, &given).map_err(Fault::invalid)?;
        let content = Content::fact(attributes, replaces);
        Ok(self.reader.own(SOURCE, key, relief.subject, content))
    }

    async fn append(&self, permit: AnyPermit, call: &Call, statement: Statement) -> Result<Effect, Fault> {
        let (batch, to) = (
            Batch::of(vec![statement]),
            PendingOperation::new("", String::new()),
        );
        let (appended, effect) = self.intake.report(permit, call, batch, to).await?;
        // The fact itself is valid: only another statement under its key, or an end before this one, can refuse it.
        match appended.outcomes.into_iter().next() {
            Some(Err(_)) => Err(fault::relief_conflict()),
            _ => Ok(effect),
        }
    }
}
