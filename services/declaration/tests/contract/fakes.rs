//! Fakes of the services that declaration calls. They record calls and answer according to their contract, which the
//! test bed checks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lutong_kernel::{Fault, FaultCode, Violation};
use lutong_proto::federation::v1 as federation;
use lutong_proto::identity::v1 as identity;
use lutong_proto::risk_rules::v1 as risk;
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_transport::access::Grant;
use lutong_transport::status::from_fault;
use risk::fact_statement::Statement as Stated;
use tonic::{Request, Response, Status};
use types::fact::Kind;

/// A document number that identity refuses.
pub const BAD_NUMBER: &str = "110105194912310021";

/// The registration that waits.
pub const REGISTRATION: &str = "00000000-0000-7000-8000-0000000000ff";

type Answer<T> = Result<Response<T>, Status>;

fn refuse<T>(violation: Violation) -> Answer<T> {
    Err(from_fault(Fault::invalid(vec![violation])))
}

fn check_character(field: &str) -> Violation {
    Violation::new(
        field,
        "RESIDENT_ID_CHECK_CHARACTER",
        "校验码不正确",
        "the check character does not match",
    )
}

#[derive(Clone, Default)]
pub struct Identity(Arc<Mutex<People>>);

#[derive(Default)]
struct People {
    /// Subject by document number.
    subjects: BTreeMap<String, String>,
    registered: usize,
    resolved: Vec<usize>,
    /// The accounts of the organisations that stated people.
    organisations: Vec<String>,
    /// The accounts of the staff who stated people at counters.
    staff: Vec<String>,
    refusal: Option<Fault>,
    /// Registrations wait for this proof.
    missing: Option<types::MissingProof>,
    events: Vec<identity::Event>,
}

impl Identity {
    /// Refuses the next registrations with this fault.
    pub fn refuses(&self, fault: Fault) {
        self.0.lock().unwrap().refusal = Some(fault);
    }

    /// The next registrations wait for a proof, or for none.
    pub fn waits_for(&self, missing: Option<types::MissingProof>) {
        self.0.lock().unwrap().missing = missing;
    }

    /// What became of the registration that waits: linked to a subject, or refused.
    pub fn decides(&self, subject: &str, waiting_for: Option<types::MissingProof>) {
        let mut people = self.0.lock().unwrap();
        let sequence = i64::try_from(people.events.len()).unwrap() + 1;
        people.events.push(identity::Event {
            sequence,
            subject_id: subject.to_owned(),
            create_time: Some(time::from_micros(0)),
            payload: Some(identity::event::Payload::RegistrationDecided(
                identity::RegistrationDecided {
                    registration_id: REGISTRATION.to_owned(),
                    waiting_for: waiting_for.unwrap_or_default().into(),
                },
            )),
        });
    }

    pub fn registered(&self) -> usize {
        self.0.lock().unwrap().registered
    }

    /// The number of documents in each call.
    pub fn resolved(&self) -> Vec<usize> {
        self.0.lock().unwrap().resolved.clone()
    }

    /// The account of the organisation in each call.
    pub fn organisations(&self) -> Vec<String> {
        self.0.lock().unwrap().organisations.clone()
    }

    /// The account of the staff in each call.
    pub fn staff(&self) -> Vec<String> {
        self.0.lock().unwrap().staff.clone()
    }

    pub fn subject(&self, number: &str) -> String {
        let mut people = self.0.lock().unwrap();
        let n = people.subjects.len() + 1;
        let new = || format!("00000000-0000-7000-8000-{n:012}");
        people
            .subjects
            .entry(number.to_owned())
            .or_insert_with(new)
            .clone()
    }
}

#[tonic::async_trait]
impl identity::event_log_service_server::EventLogService for Identity {
    async fn list_events(
        &self,
        request: Request<identity::ListEventsRequest>,
    ) -> Answer<identity::ListEventsResponse> {
        let after = lutong_testing::plain_cursor(&request.get_ref().cursor);
        let people = self.0.lock().unwrap();
        let events = people
            .events
            .iter()
            .filter(|event| event.sequence > after)
            .cloned();
        Ok(Response::new(identity::ListEventsResponse {
            events: events.collect(),
            next_cursor: people.events.len().to_string(),
            head_sequence: i64::try_from(people.events.len()).unwrap(),
        }))
    }
}

#[tonic::async_trait]
impl identity::identity_service_server::IdentityService for Identity {
    async fn register_person(
        &self,
        request: Request<identity::RegisterPersonRequest>,
    ) -> Answer<identity::RegisterPersonResponse> {
        Grant::of(&request)?;
        if let Some(fault) = self.0.lock().unwrap().refusal.clone() {
            return Err(from_fault(fault));
        }
        let person = request.into_inner().person.unwrap();
        let number = person.document.unwrap().number;
        if number == BAD_NUMBER {
            return refuse(check_character("person.document.number"));
        }
        if person.full_name.chars().count() > 100 {
            return refuse(Violation::new(
                "person.full_name",
                "NAME_TOO_LONG",
                "姓名最多100个字符",
                "a name has at most 100 characters",
            ));
        }
        self.0.lock().unwrap().registered += 1;
        if let Some(missing) = self.0.lock().unwrap().missing {
            return Ok(Response::new(identity::RegisterPersonResponse {
                registration_id: REGISTRATION.to_owned(),
                waiting_for: missing.into(),
                ..identity::RegisterPersonResponse::default()
            }));
        }
        let upper = number.to_ascii_uppercase();
        let notes = (upper != number).then(|| types::Normalisation::UpperCase.into());
        Ok(Response::new(identity::RegisterPersonResponse {
            subject_id: self.subject(&upper),
            normalisations: notes.into_iter().collect(),
            ..identity::RegisterPersonResponse::default()
        }))
    }

    async fn register_batch(
        &self,
        request: Request<identity::RegisterBatchRequest>,
    ) -> Answer<identity::RegisterBatchResponse> {
        Grant::of(&request)?.any().map_err(from_fault)?;
        let request = request.into_inner();
        let account = request.organisation_account;
        self.0.lock().unwrap().organisations.push(account);
        let register = |person: types::PersonItems| {
            let number = person.document.unwrap().number;
            if number == BAD_NUMBER {
                return identity::BatchRegistration {
                    subject_id: String::new(),
                    errors: vec![check_character("document.number").into()],
                };
            }
            identity::BatchRegistration {
                subject_id: self.subject(&number),
                errors: Vec::new(),
            }
        };
        Ok(Response::new(identity::RegisterBatchResponse {
            registrations: request.people.into_iter().map(register).collect(),
        }))
    }

    async fn register_at_counter(
        &self,
        request: Request<identity::RegisterAtCounterRequest>,
    ) -> Answer<identity::RegisterAtCounterResponse> {
        let staff = Grant::of(&request)?.principal().account.clone();
        if let Some(fault) = self.0.lock().unwrap().refusal.clone() {
            return Err(from_fault(fault));
        }
        let person = request.into_inner().person.unwrap();
        let number = person.document.unwrap().number;
        if number == BAD_NUMBER {
            return refuse(check_character("person.document.number"));
        }
        if person.full_name.contains('\u{202e}') {
            return refuse(Violation::new(
                "person.full_name",
                "NAME_CHARACTERS",
                "姓名只能包含文字",
                "a name has only letters",
            ));
        }
        self.0.lock().unwrap().staff.push(staff);
        Ok(Response::new(identity::RegisterAtCounterResponse {
            subject_id: self.subject(&number),
            normalisations: Vec::new(),
        }))
    }

    /// The ward of every binding that has a name of one.
    async fn get_ward(
        &self,
        request: Request<identity::GetWardRequest>,
    ) -> Answer<identity::GetWardResponse> {
        if let Some(fault) = self.0.lock().unwrap().refusal.clone() {
            return Err(from_fault(fault));
        }
        let binding = request.into_inner().binding;
        if !binding.starts_with("bindings/") {
            return refuse(Violation::new(
                "binding",
                "NAME_SHAPE",
                "名称不正确",
                "is no binding",
            ));
        }
        Ok(Response::new(identity::GetWardResponse {
            subject_id: self.subject(&binding),
        }))
    }

    async fn resolve_documents(
        &self,
        request: Request<identity::ResolveDocumentsRequest>,
    ) -> Answer<identity::ResolveDocumentsResponse> {
        let documents = request.into_inner().documents;
        self.0.lock().unwrap().resolved.push(documents.len());
        let resolve = |document: types::Document| {
            let outcome = if document.number == BAD_NUMBER {
                let wrong = check_character("document.number");
                identity::resolution::Outcome::Error(wrong.into())
            } else {
                identity::resolution::Outcome::SubjectId(self.subject(&document.number))
            };
            identity::Resolution {
                outcome: Some(outcome),
            }
        };
        Ok(Response::new(identity::ResolveDocumentsResponse {
            resolutions: documents.into_iter().map(resolve).collect(),
        }))
    }

    async fn get_name_masks(
        &self,
        _: Request<identity::GetNameMasksRequest>,
    ) -> Answer<identity::GetNameMasksResponse> {
        panic!("declaration asks for no masks")
    }
}

#[derive(Clone, Default)]
pub struct RiskRules(Arc<Mutex<Facts>>);

#[derive(Default)]
struct Facts {
    stored: BTreeMap<(String, String), risk::FactStatement>,
    enrolled: Vec<String>,
    calls: usize,
    code_rendering_is_away: bool,
    cases_are_pending: bool,
    is_stuck: bool,
    full: Option<String>,
    missing: Vec<risk::MissingEntryStep>,
}

impl RiskRules {
    /// All statements, ordered by key.
    pub fn stored(&self) -> Vec<risk::FactStatement> {
        self.0.lock().unwrap().stored.values().cloned().collect()
    }

    pub fn enrolled(&self) -> Vec<String> {
        self.0.lock().unwrap().enrolled.clone()
    }

    pub fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }

    /// Decisions are stored but not in force.
    pub fn code_rendering_is_away(&self, away: bool) {
        self.0.lock().unwrap().code_rendering_is_away = away;
    }

    /// Cases are stored but not acknowledged.
    pub fn cases_are_pending(&self, pending: bool) {
        self.0.lock().unwrap().cases_are_pending = pending;
    }

    /// Stores statements and never answers.
    pub fn is_stuck(&self, stuck: bool) {
        self.0.lock().unwrap().is_stuck = stuck;
    }

    /// Rejects further facts about this subject as too many.
    pub fn is_full(&self, subject: String) {
        self.0.lock().unwrap().full = Some(subject);
    }

    pub fn entry_lacks(&self, missing: &[risk::MissingEntryStep]) {
        self.0.lock().unwrap().missing = missing.to_vec();
    }
}

fn error(field: &str, reason: &str) -> risk::statement_result::Outcome {
    risk::statement_result::Outcome::Error(types::FieldError {
        field: field.to_owned(),
        reason: reason.to_owned(),
        message: Some(types::LocalisedText::new("有误", "is wrong")),
    })
}

fn judge(facts: &Facts, statement: &risk::FactStatement) -> risk::statement_result::Outcome {
    use risk::statement_result::Outcome;
    let (case, replaces_key) = match &statement.statement {
        Some(Stated::Fact(fact)) => (fact.kind.as_ref(), None),
        Some(Stated::Correction(one)) => (
            one.fact.as_ref().and_then(|fact| fact.kind.as_ref()),
            Some(&one.replaces_key),
        ),
        _ => (None, None),
    };
    if let Some(Kind::Case(case)) = case
        && case.closure != 0
        && case.closed_at.is_none()
    {
        return error("fact.case.closed_at", "CLOSED_AT_MISSING");
    }
    match facts
        .stored
        .get(&(statement.source.clone(), statement.key.clone()))
    {
        Some(stored) if stored == statement => Outcome::UnchangedFactId(statement.key.clone()),
        Some(_) => error("key", "KEY_REUSED"),
        None => match replaces_key {
            Some(target)
                if !facts
                    .stored
                    .contains_key(&(statement.source.clone(), target.clone())) =>
            {
                error("correction.replaces_key", "TARGET_UNKNOWN")
            }
            _ => Outcome::FactId(statement.key.clone()),
        },
    }
}

#[tonic::async_trait]
impl risk::decision_service_server::DecisionService for RiskRules {
    async fn append_facts(
        &self,
        request: Request<risk::AppendFactsRequest>,
    ) -> Answer<risk::AppendFactsResponse> {
        Grant::of(&request)?.any().map_err(from_fault)?;
        let request = request.into_inner();
        let answer = self.append(request)?;
        let is_stuck = self.0.lock().unwrap().is_stuck;
        if is_stuck {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(answer))
    }

    async fn enrol_subject(
        &self,
        request: Request<risk::EnrolSubjectRequest>,
    ) -> Answer<risk::EnrolSubjectResponse> {
        Grant::of(&request)?;
        let risk::EnrolSubjectRequest {
            subject_id,
            statements,
        } = request.into_inner();
        let answer = self.append(risk::AppendFactsRequest {
            statements,
            ..risk::AppendFactsRequest::default()
        })?;
        self.0.lock().unwrap().enrolled.push(subject_id);
        let risk::AppendFactsResponse { results, effect } = answer;
        Ok(Response::new(risk::EnrolSubjectResponse { results, effect }))
    }

    async fn get_decision(&self, _: Request<risk::GetDecisionRequest>) -> Answer<risk::GetDecisionResponse> {
        panic!("declaration asks for no decision")
    }

    async fn check_entry(
        &self,
        request: Request<risk::CheckEntryRequest>,
    ) -> Answer<risk::CheckEntryResponse> {
        Grant::of(&request)?;
        let missing = self.0.lock().unwrap().missing.clone();
        Ok(Response::new(risk::CheckEntryResponse {
            missing: missing.into_iter().map(Into::into).collect(),
        }))
    }
}

impl RiskRules {
    fn append(&self, request: risk::AppendFactsRequest) -> Result<risk::AppendFactsResponse, Status> {
        use risk::statement_result::Outcome;
        let mut facts = self.0.lock().unwrap();
        facts.calls += 1;
        if facts
            .full
            .as_ref()
            .is_some_and(|full| request.statements.iter().any(|one| one.subject_id == *full))
        {
            return Err(from_fault(Fault::new(
                FaultCode::FailedPrecondition,
                "TOO_MANY_FACTS",
                "记录过多",
                "too many facts",
            )));
        }
        let outcomes: Vec<_> = request.statements.iter().map(|one| judge(&facts, one)).collect();
        let errors = outcomes
            .iter()
            .enumerate()
            .filter_map(|(n, outcome)| match outcome {
                Outcome::Error(wrong) => Some(Violation::new(
                    format!("statements[{n}].{}", wrong.field),
                    wrong.reason.clone(),
                    "有误",
                    "is wrong",
                )),
                _ => None,
            });
        let violations: Vec<_> = errors.collect();
        if request.all_or_nothing && !violations.is_empty() {
            let mut fault = Fault::new(
                FaultCode::InvalidArgument,
                "ROWS_REFUSED",
                "均未保存",
                "none stored",
            );
            fault.violations = violations;
            return Err(from_fault(fault));
        }
        for (statement, outcome) in request.statements.into_iter().zip(&outcomes) {
            if matches!(outcome, Outcome::FactId(_)) {
                let key = (statement.source.clone(), statement.key.clone());
                facts.stored.insert(key, statement);
            }
        }
        let pending = facts.cases_are_pending;
        let result = |outcome| risk::StatementResult {
            outcome: Some(match outcome {
                Outcome::FactId(_) | Outcome::UnchangedFactId(_) if pending => {
                    error("fact.case", "CASE_NOT_IN_FORCE")
                }
                outcome => outcome,
            }),
        };
        Ok(risk::AppendFactsResponse {
            results: outcomes.into_iter().map(result).collect(),
            effect: Some(types::Effect {
                redecided: 1,
                state: if facts.code_rendering_is_away {
                    types::EffectState::Pending.into()
                } else {
                    types::EffectState::InForce.into()
                },
                operation: if facts.code_rendering_is_away {
                    match &*request.effect_operation {
                        "" => format!("operations/00000000-0000-7000-8000-{:012}", facts.calls),
                        earlier => earlier.to_owned(),
                    }
                } else {
                    String::new()
                },
            }),
        })
    }
}

/// Accepts the tokens `green` and `red` of Jiangsu; every other token has expired.
#[derive(Clone, Default)]
pub struct Federation(Arc<Mutex<Verifications>>);

#[derive(Default)]
struct Verifications {
    asked_as_of: Vec<Option<prost_types::Timestamp>>,
    is_away: bool,
    log: Vec<federation::Event>,
    confirmed: Vec<String>,
    /// What the national platform is asked.
    questions: Vec<federation::QueryNationalCodeRequest>,
    /// What it says: that nobody is found, where nothing was said.
    says: Option<Result<federation::RecognitionOutcome, Fault>>,
}

impl Federation {
    /// The `as_of` of each call.
    pub fn asked_as_of(&self) -> Vec<Option<prost_types::Timestamp>> {
        self.0.lock().unwrap().asked_as_of.clone()
    }

    /// The origin of the code of every arrival says this of it from now on; under what it is confirmed.
    pub fn change(&self, colour: types::Colour, at_seconds: i64) -> String {
        let mut federation = self.0.lock().unwrap();
        let sequence = i64::try_from(federation.log.len()).unwrap() + 1;
        let change_id = format!("0193b2a0-0000-7000-8000-00000000{sequence:04x}");
        federation.log.push(federation::Event {
            sequence,
            create_time: Some(time::from_micros(at_seconds * 1_000_000)),
            payload: Some(federation::event::Payload::ConversionChanged(
                federation::ConversionChanged {
                    conversion: CONVERSION.to_owned(),
                    change_id: change_id.clone(),
                    colour: colour.into(),
                    change_time: Some(time::from_micros(at_seconds * 1_000_000)),
                },
            )),
        });
        change_id
    }

    /// The changes that are said to be in force.
    pub fn confirmed(&self) -> Vec<String> {
        self.0.lock().unwrap().confirmed.clone()
    }

    /// What the national platform says from now on.
    pub fn platform_says(&self, answer: Result<federation::RecognitionOutcome, Fault>) {
        self.0.lock().unwrap().says = Some(answer);
    }

    /// What it was asked.
    pub fn platform_asked(&self) -> Vec<federation::QueryNationalCodeRequest> {
        self.0.lock().unwrap().questions.clone()
    }

    /// Verifies nothing while it is away.
    pub fn is_away(&self, away: bool) {
        self.0.lock().unwrap().is_away = away;
    }
}

#[tonic::async_trait]
impl federation::event_log_service_server::EventLogService for Federation {
    async fn list_events(
        &self,
        request: Request<federation::ListEventsRequest>,
    ) -> Answer<federation::ListEventsResponse> {
        let after = lutong_testing::plain_cursor(&request.get_ref().cursor);
        let federation = self.0.lock().unwrap();
        let events = federation.log.iter().filter(|event| event.sequence > after);
        Ok(Response::new(federation::ListEventsResponse {
            events: events.cloned().collect(),
            next_cursor: federation.log.len().to_string(),
            head_sequence: i64::try_from(federation.log.len()).unwrap(),
        }))
    }
}

#[tonic::async_trait]
impl federation::conversion_service_server::ConversionService for Federation {
    async fn confirm_conversions(
        &self,
        request: Request<federation::ConfirmConversionsRequest>,
    ) -> Answer<federation::ConfirmConversionsResponse> {
        let confirmed = request.into_inner().change_ids;
        self.0.lock().unwrap().confirmed.extend(confirmed);
        Ok(Response::new(federation::ConfirmConversionsResponse {}))
    }

    async fn get_conversion(
        &self,
        _: Request<federation::GetConversionRequest>,
    ) -> Answer<federation::GetConversionResponse> {
        Err(tonic::Status::unimplemented("not asked here"))
    }

    async fn list_conversions(
        &self,
        _: Request<federation::ListConversionsRequest>,
    ) -> Answer<federation::ListConversionsResponse> {
        Err(tonic::Status::unimplemented("not asked here"))
    }
}

#[tonic::async_trait]
impl federation::national_code_service_server::NationalCodeService for Federation {
    async fn query_national_code(
        &self,
        request: Request<federation::QueryNationalCodeRequest>,
    ) -> Answer<federation::QueryNationalCodeResponse> {
        Grant::of(&request)?;
        let mut federation = self.0.lock().unwrap();
        let question = request.into_inner();
        let says = federation.says.clone();
        let says = says.unwrap_or(Ok(federation::RecognitionOutcome::NotFound));
        let outcome = says.map_err(from_fault)?;
        let answer = federation::QueryNationalCodeResponse {
            outcome: outcome.into(),
            province: question.origin_province.clone(),
            query_time: Some(time::from_micros(1_669_435_200_000_000)),
            colour_map: "national-platform-1".to_owned(),
            record_policy: "worst-of-14-days".to_owned(),
            trust_list_version: "2022-11".to_owned(),
            ..federation::QueryNationalCodeResponse::default()
        };
        federation.questions.push(question);
        Ok(Response::new(answer))
    }
}

#[tonic::async_trait]
impl identity::person_disclosure_service_server::PersonDisclosureService for Identity {
    async fn disclose_document(
        &self,
        request: Request<identity::DiscloseDocumentRequest>,
    ) -> Answer<identity::DiscloseDocumentResponse> {
        Grant::of(&request)?;
        let request = request.into_inner();
        let purpose = request.purpose.unwrap();
        assert_eq!(purpose.code(), types::PurposeCode::Recognition);
        let people = self.0.lock().unwrap();
        let found = people
            .subjects
            .iter()
            .find(|(_, subject)| **subject == request.subject_id);
        let (number, subject) = found.unwrap();
        Ok(Response::new(identity::DiscloseDocumentResponse {
            full_name: "王小明".to_owned(),
            document: Some(types::Document {
                r#type: types::DocumentType::ResidentId.into(),
                number: number.clone(),
                issuing_country: String::new(),
            }),
            subject_id: subject.clone(),
        }))
    }
}

/// The name of every conversion of the fake.
pub const CONVERSION: &str = "conversions/0193b2a0-0000-7000-8000-00000000c0de";

#[tonic::async_trait]
impl federation::partner_code_service_server::PartnerCodeService for Federation {
    async fn verify_partner_code(
        &self,
        request: Request<federation::VerifyPartnerCodeRequest>,
    ) -> Answer<federation::VerifyPartnerCodeResponse> {
        Grant::of(&request)?;
        let is_away = {
            let mut verifications = self.0.lock().unwrap();
            verifications.asked_as_of.push(request.get_ref().as_of);
            verifications.is_away
        };
        if is_away {
            return Err(from_fault(Fault::unavailable("federation")));
        }
        let colour = match request.get_ref().token.as_str() {
            "green" => types::Colour::Green,
            "red" => types::Colour::Red,
            _ => {
                let fault = Fault::new(
                    FaultCode::FailedPrecondition,
                    "PARTNER_CODE_REFUSED",
                    "已过期",
                    "has expired",
                );
                return Err(from_fault(fault.with("outcome", "EXPIRED")));
            }
        };
        Ok(Response::new(federation::VerifyPartnerCodeResponse {
            province: "32".to_owned(),
            colour: colour.into(),
            issue_time: Some(time::from_micros(1_669_435_000_000_000)),
            expire_time: None,
            key_id: "0011223344556677".to_owned(),
            trust_list_version: "2022-11".to_owned(),
            verify_time: Some(time::from_micros(1_669_435_200_000_000)),
            conversion: CONVERSION.to_owned(),
        }))
    }
}
