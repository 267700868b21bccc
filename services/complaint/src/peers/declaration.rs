//! Client of declaration, which takes what a source takes back, on behalf of the source.

use futures::stream;
use lutong_kernel::{Fault, ServiceName, SubjectId};
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{
    FactRow, FactRows, ImportFactsRequest, ImportMode, ImportOptions, fact_row,
};
pub use lutong_proto::types::v1::Fact;
use lutong_proto::types::v1::{Correction, Effect, EffectState, Retraction};
use lutong_transport::client::{self, Call};

use super::{Peers, contract_violation};
use crate::domain::review::ColourEffect;

/// A fact that its source takes back.
#[derive(Debug, Clone)]
pub struct TakenBack {
    pub source: String,
    /// The source's own id of what it says now: the same one is stored once.
    pub key: String,
    /// The person, as the source knew them.
    pub subject: SubjectId,
    /// The source's own id of the fact.
    pub retracts: String,
    pub reason: String,
    /// What is so instead; absent: the fact never was.
    pub instead: Option<Fact>,
}

impl Peers {
    /// Retracts a fact, or corrects it. The person has been decided about anew when this returns; doing it again has no effect.
    pub async fn take_back(&self, call: &Call, fact: TakenBack) -> Result<ColourEffect, Fault> {
        let options = Content::Options(ImportOptions {
            mode: ImportMode::AllOrNothing.into(),
        });
        let statement = match fact.instead {
            None => fact_row::Statement::Retraction(Retraction {
                retracts_key: fact.retracts,
                reason: fact.reason,
            }),
            instead => fact_row::Statement::Correction(Correction {
                replaces_key: fact.retracts,
                fact: instead,
            }),
        };
        let rows = Content::Rows(FactRows {
            rows: vec![FactRow {
                source: fact.source,
                key: fact.key,
                subject: Some(fact_row::Subject::SubjectId(fact.subject.to_string())),
                statement: Some(statement),
            }],
        });
        let messages = [options, rows].map(|content| ImportFactsRequest {
            content: Some(content),
        });
        let answer = FeedServiceClient::new(self.declaration.clone())
            .import_facts(call.request(stream::iter(messages)))
            .await
            .map_err(|status| name_fields(client::relay(&status, ServiceName::Declaration, "")));
        let answer = match answer {
            Ok(answer) => answer.into_inner(),
            Err(refused) if was_taken_back(&refused) => return Ok(ColourEffect::none()),
            Err(refused) => return Err(refused),
        };
        // With one bad row nothing is stored, and that is a fault: this row was stored now or before.
        if answer.accepted + answer.unchanged != 1 {
            let error = &"neither stored nor refused";
            return Err(contract_violation(ServiceName::Declaration, error));
        }
        effect(answer.effect)
    }
}

/// Names the fields as the feed's request has them.
fn name_fields(mut fault: Fault) -> Fault {
    for one in &mut fault.violations {
        if let Some(rest) = one.field.strip_prefix("rows[0].correction.fact") {
            one.field = format!("fact{rest}");
        }
    }
    fault
}

/// Whether a retraction is refused because the source corrected or retracted the fact before, in its own way.
fn was_taken_back(refused: &Fault) -> bool {
    let mut violations = refused.violations.iter();
    violations.any(|one| one.reason == "ALREADY_SUPERSEDED")
}

fn effect(effect: Option<Effect>) -> Result<ColourEffect, Fault> {
    let effect =
        effect.ok_or_else(|| contract_violation(ServiceName::Declaration, &"an import without effect"))?;
    Ok(ColourEffect {
        redecided: effect.redecided,
        is_in_force: effect.state() == EffectState::InForce,
        operation: effect.operation,
    })
}
