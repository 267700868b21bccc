//! The fact of a designation: stated by the approval, corrected by the end, in the transaction of the step.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_kernel::{Clock, Fault};
use lutong_risk_engine::attributes::Attributes;
use lutong_risk_engine::fact::FactKind;
use lutong_storage::Database;
use serde_json::json;
use uuid::Uuid;

use super::steps::{StandingDesignation, lock, step_in};
use crate::approval::domain::Step;
use crate::approval::service::OfficerAction;
use crate::decisions::domain::Decision;
use crate::decisions::service::deciding::Decider;
use crate::decisions::store as decisions;
use crate::designations::domain::{Designation, source};
use crate::facts::service::appending::{Batch, FactAppender};
use crate::facts::service::reader::StatementReader;
use crate::facts::service::statement::{Content, Statement};

/// States the facts of approvals and ends. Cheap to clone.
#[derive(Clone)]
pub struct DesignationFacts {
    clock: Arc<dyn Clock>,
    decider: Decider,
    appender: FactAppender,
    reader: StatementReader,
}

impl DesignationFacts {
    pub const fn new(
        clock: Arc<dyn Clock>,
        decider: Decider,
        appender: FactAppender,
        reader: StatementReader,
    ) -> Self {
        Self {
            clock,
            decider,
            appender,
            reader,
        }
    }

    /// Takes a step and appends its fact, in one transaction: the designation, the new decisions and the standing ones.
    pub async fn act(
        &self,
        database: &Database,
        action: OfficerAction,
        id: Uuid,
        step: Step,
    ) -> Result<(StandingDesignation, Vec<Decision>, Vec<Decision>), Fault> {
        let cipher = self.decider.ready().await?;
        let this = self.clone();
        let acted = database.write(move |transaction| {
            async move {
                let now = this.clock.now();
                let Some(one) = step_in(transaction, &action, id, step, now).await? else {
                    // A repeated request: the decision is brought into force once more.
                    let one = lock(transaction, &action.permit, id, now).await?;
                    let standing = decisions::latest(transaction, &[one.designation.subject]).await?;
                    return Ok((one, Vec::new(), standing));
                };
                let stated = statement(&this.reader, &one.designation, step)?;
                let prepared = this.appender.prepare(cipher, Batch::of(vec![stated]))?;
                let appended = this.appender.append_in(transaction, prepared).await?;
                if let Some(Err(wrong)) = appended.outcomes.into_iter().next() {
                    return Err(Fault::invalid(vec![wrong]));
                }
                Ok::<_, Fault>((one, appended.made, appended.standing))
            }
            .boxed()
        });
        let acted = acted.await?;
        lutong_failpoint::hit("risk_rules.committed");
        self.decider.publish();
        Ok(acted)
    }
}

/// The statement of a step: an approval states the fact, an end corrects it.
fn statement(reader: &StatementReader, one: &Designation, step: Step) -> Result<Statement, Fault> {
    let given = json!({"level": one.level.into_str(), "from": one.from.to_rfc3339(), "until": one.until.to_rfc3339(),
        "legal_basis": one.basis.into_str()});
    let given = given.as_object().cloned().unwrap_or_default();
    let attributes = Attributes::parse(FactKind::Designation, &given).map_err(Fault::invalid)?;
    let (key, replaces) = match step {
        Step::End => (format!("{}/end", one.id), Some(one.id.to_string())),
        _ => (one.id.to_string(), None),
    };
    let content = Content::fact(attributes, replaces);
    Ok(reader.own(&source(one.division), key, one.subject, content))
}
