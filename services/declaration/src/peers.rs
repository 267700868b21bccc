//! Clients of the services that declaration calls.

pub mod federation_log;
pub mod identity_log;
mod national_code;
mod partner_code;
mod register_at_counter;
mod register_batch;
mod report;
mod ward;

use lutong_chassis::operations;
use lutong_kernel::{
    ConversionChangeId, Fault, MissingProof, RequestId, ServiceName, SubjectId, Timestamp, Violation,
};
use lutong_proto::federation::v1::ConfirmConversionsRequest;
use lutong_proto::federation::v1::VerifyPartnerCodeRequest;
use lutong_proto::federation::v1::conversion_service_client::ConversionServiceClient;
use lutong_proto::federation::v1::partner_code_service_client::PartnerCodeServiceClient;
use lutong_proto::identity::v1::identity_service_client::IdentityServiceClient;
use lutong_proto::identity::v1::{RegisterPersonRequest, ResolveDocumentsRequest, resolution};
pub use lutong_proto::risk_rules::v1::FactStatement;
use lutong_proto::risk_rules::v1::decision_service_client::DecisionServiceClient;
use lutong_proto::risk_rules::v1::{
    AppendFactsRequest, CheckEntryRequest, EnrolSubjectRequest, MissingEntryStep, statement_result,
};
use lutong_proto::time;
pub use lutong_proto::types::v1::{Document, OneTimeCodeProof, PersonItems};
use lutong_proto::types::v1::{Effect, EffectState, FieldError};
use lutong_transport::client;
use lutong_transport::client::Call;
use lutong_transport::client::MeshChannel;

use uuid::Uuid;

use crate::arrivals::domain::pending_step::MissingStep;
use crate::declarations::domain::Declaration;
use crate::events;
pub use national_code::NationalAnswer;
pub use partner_code::PartnerCode;
pub use report::{ReportOptions, ReportOutcome, RowOutcome};

/// Channels to the other services; cheap to clone.
#[derive(Debug, Clone)]
pub struct Peers {
    pub identity: MeshChannel,
    pub risk_rules: MeshChannel,
    pub federation: MeshChannel,
}

/// A registered person.
#[derive(Debug)]
pub struct RegisteredPerson {
    /// The person; while a proof is missing, the id of the registration, which is nobody's.
    pub subject: SubjectId,
    pub waiting_for: Option<MissingProof>,
    /// Names of the contract, blank-separated.
    pub normalisations: String,
}

/// The person whom a form states, and the proof that it shows.
#[derive(Debug, Clone)]
pub struct StatedIdentity {
    pub person: PersonItems,
    pub mobile_proof: Option<OneTimeCodeProof>,
}

impl Peers {
    /// Registers a person. `path` is the field of the person's form in the caller's request.
    pub async fn register(
        &self,
        call: &Call,
        request_id: RequestId,
        stated: StatedIdentity,
        path: &str,
    ) -> Result<RegisteredPerson, Fault> {
        let StatedIdentity { person, mobile_proof } = stated;
        let request = call.request(RegisterPersonRequest {
            request_id: request_id.to_string(),
            person: Some(person),
            mobile_proof,
        });
        let answer = IdentityServiceClient::new(self.identity.clone())
            .register_person(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::Identity, path))?
            .into_inner();
        let id = if answer.registration_id.is_empty() {
            &answer.subject_id
        } else {
            &answer.registration_id
        };
        let notes = answer.normalisations().map(|note| note.as_str_name());
        Ok(RegisteredPerson {
            normalisations: notes.collect::<Vec<_>>().join(" "),
            waiting_for: answer.waiting_for().missing(),
            subject: id
                .parse()
                .map_err(|error| contract_violation(ServiceName::Identity, &error))?,
        })
    }

    /// Resolves documents to subjects, in order.
    pub async fn resolve(
        &self,
        call: &Call,
        documents: Vec<Document>,
    ) -> Result<Vec<Result<String, Violation>>, Fault> {
        let answer = IdentityServiceClient::new(self.identity.clone())
            .resolve_documents(call.request(ResolveDocumentsRequest { documents }))
            .await
            .map_err(|status| client::relay(&status, ServiceName::Identity, ""))?;
        let resolutions = answer.into_inner().resolutions.into_iter();
        let outcome = |one: Option<resolution::Outcome>| match one {
            Some(resolution::Outcome::SubjectId(subject)) => Ok(Ok(subject)),
            Some(resolution::Outcome::Error(wrong)) => Ok(Err(violation(wrong))),
            None => Err(contract_violation(
                ServiceName::Identity,
                &"a resolution without outcome",
            )),
        };
        resolutions.map(|one| outcome(one.outcome)).collect()
    }

    /// Enrols the subject, appends the statements of the declaration, and returns whether all of them are in force. A refused statement
    /// is not in force: the statement that it corrects may not have arrived there yet.
    pub async fn append_declared(&self, call: &Call, declaration: &Declaration) -> Result<bool, Fault> {
        let statements = events::statements(declaration);
        let request = call.request(EnrolSubjectRequest {
            subject_id: declaration.subject.to_string(),
            statements,
        });
        let answer = DecisionServiceClient::new(self.risk_rules.clone())
            .enrol_subject(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::RiskRules, ""))?
            .into_inner();
        let mut in_force = is_in_force(answer.effect.as_ref());
        for result in &answer.results {
            if let Some(statement_result::Outcome::Error(wrong)) = &result.outcome {
                in_force = false;
                tracing::warn!(declaration = %declaration.id, field = wrong.field, reason = wrong.reason, "a declared statement was not stored; the declaration is pending");
            }
        }
        Ok(in_force)
    }

    /// Appends reported statements and returns their outcomes, in order.
    pub async fn append_reported(
        &self,
        call: &Call,
        statements: Vec<FactStatement>,
        options: ReportOptions,
    ) -> Result<ReportOutcome, Fault> {
        if statements.is_empty() {
            return Ok(ReportOutcome {
                outcomes: Vec::new(),
                redecided: 0,
                pending: None,
            });
        }
        let request = call.request(AppendFactsRequest {
            statements,
            all_or_nothing: options.all_or_nothing,
            effect_operation: options.operation.map(operations::name).unwrap_or_default(),
        });
        let answer = DecisionServiceClient::new(self.risk_rules.clone())
            .append_facts(request)
            .await
            .map_err(|status| name_rows(client::relay(&status, ServiceName::RiskRules, "")))?
            .into_inner();
        let outcome = |one: Option<statement_result::Outcome>| match one {
            Some(statement_result::Outcome::FactId(_)) => Ok(RowOutcome::Stored),
            Some(statement_result::Outcome::UnchangedFactId(_)) => Ok(RowOutcome::Unchanged),
            Some(statement_result::Outcome::Error(wrong)) => Ok(RowOutcome::Refused(vec![violation(wrong)])),
            None => Err(contract_violation(
                ServiceName::RiskRules,
                &"a result without outcome",
            )),
        };
        Ok(ReportOutcome {
            redecided: answer.effect.as_ref().map_or(0, |effect| effect.redecided),
            pending: pending(answer.effect.as_ref())?,
            outcomes: answer
                .results
                .into_iter()
                .map(|one| outcome(one.outcome))
                .collect::<Result<_, _>>()?,
        })
    }

    /// The missing steps of an entry from abroad.
    pub async fn check_entry(&self, call: &Call, subject: SubjectId) -> Result<Vec<MissingStep>, Fault> {
        let request = call.request(CheckEntryRequest {
            subject_id: subject.to_string(),
        });
        let answer = DecisionServiceClient::new(self.risk_rules.clone())
            .check_entry(request)
            .await;
        let answer = answer
            .map_err(|status| client::relay(&status, ServiceName::RiskRules, ""))?
            .into_inner();
        let step = |step| match step {
            MissingEntryStep::BorderRecord => Ok(MissingStep::BorderRecord),
            MissingEntryStep::QuarantineEnd => Ok(MissingStep::QuarantineEnd),
            MissingEntryStep::NegativeTest => Ok(MissingStep::NegativeTest),
            MissingEntryStep::Unspecified => Err(contract_violation(
                ServiceName::RiskRules,
                &"an unknown missing step",
            )),
        };
        answer.missing().map(step).collect()
    }

    /// Has federation verify another province's code as of an earlier instant, or as of now.
    pub async fn verify_partner_code(
        &self,
        call: &Call,
        token: &str,
        as_of: Option<Timestamp>,
    ) -> Result<PartnerCode, Fault> {
        let request = call.request(VerifyPartnerCodeRequest {
            token: token.to_owned(),
            as_of: as_of.map(|at| time::from_micros(at.micros())),
        });
        let answer = PartnerCodeServiceClient::new(self.federation.clone())
            .verify_partner_code(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::Federation, "form.partner_code"))?;
        partner_code::partner_code(answer.into_inner())
            .ok_or_else(|| contract_violation(ServiceName::Federation, &"an incomplete code"))
    }

    /// Tells federation that changes of conversions are in force.
    pub async fn confirm_conversions(
        &self,
        call: &Call,
        changes: &[ConversionChangeId],
    ) -> Result<(), Fault> {
        let request = call.request(ConfirmConversionsRequest {
            change_ids: changes.iter().map(ToString::to_string).collect(),
        });
        ConversionServiceClient::new(self.federation.clone())
            .confirm_conversions(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::Federation, ""))?;
        Ok(())
    }
}

/// Renames `statements[n]` to `rows[n]`, which the feed knows. When one bad row refuses all, no row was left out before, so that the
/// indexes are the same.
fn name_rows(mut fault: Fault) -> Fault {
    for one in &mut fault.violations {
        if let Some(rest) = one.field.strip_prefix("statements[") {
            one.field = format!("rows[{rest}");
        }
    }
    fault
}

fn is_in_force(effect: Option<&Effect>) -> bool {
    effect.is_some_and(|effect| effect.state() == EffectState::InForce)
}

/// The operation of an effect that is pending.
fn pending(effect: Option<&Effect>) -> Result<Option<Uuid>, Fault> {
    let effect =
        effect.ok_or_else(|| contract_violation(ServiceName::RiskRules, &"an answer without effect"))?;
    if effect.state() == EffectState::InForce {
        return Ok(None);
    }
    let operation = operations::parse_name(&effect.operation);
    let operation = operation.map_err(|fault| contract_violation(ServiceName::RiskRules, &fault))?;
    Ok(Some(operation))
}

fn violation(wrong: FieldError) -> Violation {
    wrong.into()
}

fn contract_violation(part: ServiceName, error: &dyn std::fmt::Display) -> Fault {
    Fault::internal(format_args!("an answer of {part} outside the contract: {error}"))
}
