//! Fakes of the services that complaint calls: risk-rules with decisions and facts, and declaration, which takes retractions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use lutong_kernel::{Fault, FaultCode, ServiceName, SubjectId, Violation};
use lutong_proto::code_rendering::v1 as code_rendering;
use lutong_proto::declaration::v1 as declaration;
use lutong_proto::identity::v1::lookup_service_server::LookupServiceServer;
use lutong_proto::risk_rules::v1 as risk;
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_testing::Bed;
use lutong_testing::lookups::RecordedLookups;
use lutong_transport::access::Grant;
use lutong_transport::status::from_fault;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

type Answer<T> = Result<Response<T>, Status>;

/// The feed that reported the fever clinic visit of everybody.
pub const CLINIC: &str = "hospital-370202";
/// The feed that reported the contact of everybody.
pub const CDC: &str = "cdc-370202";

/// What the person of an account is.
pub fn person(account: &str) -> SubjectId {
    let number: u32 = account.rsplit('-').next().unwrap().parse().unwrap_or(0);
    format!("00000000-0000-7000-8000-{number:012}").parse().unwrap()
}

/// The facts that the seventh decision about a person rests on: of a clinic, of a CDC, of officers, and what they stated themselves.
pub fn fact(account: &str, n: u32) -> String {
    let person = person(account).to_string();
    format!("00000000-0000-7000-a00{n}-{}", person.rsplit('-').next().unwrap())
}

const SOURCES: [(u32, &str, &str); 4] = [
    (1, "fever_clinic_visit", CLINIC),
    (2, "close_contact", CDC),
    (3, "designation", "officer-370202"),
    (4, "stay", "self"),
];

/// Risk-rules, declaration and identity as complaint sees them; cheap to clone.
#[derive(Clone, Default)]
pub struct Fakes {
    state: Arc<Mutex<State>>,
    pub lookups: RecordedLookups,
}

#[derive(Default)]
struct State {
    /// Services that are away.
    away: BTreeSet<ServiceName>,
    /// Answers the retraction and then is gone: the caller never learns of it.
    answer_lost: bool,
    pending: bool,
    refusal: Option<Violation>,
    /// By fact id: when it was superseded.
    superseded: BTreeMap<String, i64>,
    /// By person: the latest version, where it is not 7.
    latest: BTreeMap<String, i64>,
    rows: Vec<declaration::FactRow>,
    purposes: Vec<types::Purpose>,
    /// What risk-rules was told about relief, each call once.
    reliefs: Vec<ReliefCall>,
    /// Facts that risk-rules says are withdrawn when relief from them is asked for.
    withdrawn: BTreeSet<String>,
}

/// A call about relief: when it was to end, if it ended before its time.
#[derive(Debug, Clone, PartialEq)]
pub struct ReliefCall {
    pub relief: risk::Relief,
    pub cut_time: Option<prost_types::Timestamp>,
}

impl Fakes {
    pub fn bind(&self, bed: &Bed) {
        let routes = Routes::new(risk::decision_service_server::DecisionServiceServer::new(
            self.clone(),
        ))
        .add_service(risk::history_service_server::HistoryServiceServer::new(
            self.clone(),
        ))
        .add_service(risk::relief_service_server::ReliefServiceServer::new(
            self.clone(),
        ));
        bed.bind_fake(ServiceName::RiskRules, routes);
        let feeds = declaration::feed_service_server::FeedServiceServer::new(self.clone());
        bed.bind_fake(ServiceName::Declaration, Routes::new(feeds));
        let doors = code_rendering::door_report_service_server::DoorReportServiceServer::new(self.clone());
        bed.bind_fake(ServiceName::CodeRendering, Routes::new(doors));
        let ledger = LookupServiceServer::new(self.lookups.clone());
        bed.bind_fake(ServiceName::Identity, Routes::new(ledger));
    }

    fn set_away(&self, service: ServiceName, is_away: bool) {
        let away = &mut self.state.lock().unwrap().away;
        if is_away {
            away.insert(service);
        } else {
            away.remove(&service);
        }
    }

    pub fn set_risk_rules_away(&self, is_away: bool) {
        self.set_away(ServiceName::RiskRules, is_away);
    }

    pub fn set_declaration_away(&self, is_away: bool) {
        self.set_away(ServiceName::Declaration, is_away);
    }

    pub fn set_code_rendering_away(&self, is_away: bool) {
        self.set_away(ServiceName::CodeRendering, is_away);
    }

    pub fn loses_answer(&self, is_lost: bool) {
        self.state.lock().unwrap().answer_lost = is_lost;
    }

    /// Whether decisions are stored and not in force yet.
    pub fn set_pending(&self, is_pending: bool) {
        self.state.lock().unwrap().pending = is_pending;
    }

    /// Refuses the next retractions with this violation.
    pub fn refuses(&self, violation: Option<Violation>) {
        self.state.lock().unwrap().refusal = violation;
    }

    /// The source takes a fact back in its own way.
    pub fn supersede(&self, account: &str, n: u32) {
        let mut state = self.state.lock().unwrap();
        state.superseded.insert(fact(account, n), 1);
        *state.latest.entry(person(account).to_string()).or_insert(7) += 1;
    }

    /// Another decision is made about a person.
    pub fn decide_anew(&self, account: &str) {
        let mut state = self.state.lock().unwrap();
        *state.latest.entry(person(account).to_string()).or_insert(7) += 1;
    }

    /// What feeds took back.
    pub fn rows(&self) -> Vec<declaration::FactRow> {
        self.state.lock().unwrap().rows.clone()
    }

    /// What risk-rules was told about relief, each call once.
    pub fn reliefs(&self) -> Vec<ReliefCall> {
        self.state.lock().unwrap().reliefs.clone()
    }

    /// Risk-rules gives no relief from a fact, which was taken back.
    pub fn refuse_relief(&self, fact: String) {
        self.state.lock().unwrap().withdrawn.insert(fact);
    }

    fn hear_relief(&self, call: ReliefCall) -> Result<types::Effect, Status> {
        let mut state = self.state.lock().unwrap();
        if state.away.contains(&ServiceName::RiskRules) {
            return Err(away("risk-rules"));
        }
        if call.cut_time.is_none() && state.withdrawn.contains(&call.relief.contested_fact) {
            let refused = Fault::new(
                FaultCode::FailedPrecondition,
                "FACT_WITHDRAWN",
                "已撤回",
                "withdrawn",
            );
            return Err(from_fault(refused));
        }
        if !state.reliefs.contains(&call) {
            state.reliefs.push(call);
        }
        if state.answer_lost {
            return Err(away("risk-rules"));
        }
        Ok(types::Effect::default())
    }

    /// What decisions were inspected for.
    pub fn purposes(&self) -> Vec<types::Purpose> {
        self.state.lock().unwrap().purposes.clone()
    }
}

impl State {
    fn latest(&self, subject: &str) -> i64 {
        self.latest.get(subject).copied().unwrap_or(7)
    }

    fn effect(&self) -> types::EffectState {
        if self.pending {
            types::EffectState::Pending
        } else {
            types::EffectState::InForce
        }
    }
}

fn decision(subject: &str, version: i64) -> risk::Decision {
    let facts = SOURCES.iter().map(|(n, kind, source)| risk::CitedFact {
        fact_id: fact_of(subject, *n),
        kind: (*kind).to_owned(),
        source: (*source).to_owned(),
        record_time: Some(recorded(*n)),
    });
    let is_appealed = version <= 7;
    risk::Decision {
        name: format!("subjects/{subject}/decisions/{version}"),
        subject_id: subject.to_owned(),
        colour: if is_appealed {
            types::Colour::Yellow
        } else {
            types::Colour::Green
        }
        .into(),
        version,
        rule_set: "sd-2020".to_owned(),
        rule_set_version: "1.0.0".to_owned(),
        citations: if is_appealed {
            vec![risk::Citation {
                rule_id: "yellow.fever-clinic".to_owned(),
                facts: facts.collect(),
                ..risk::Citation::default()
            }]
        } else {
            Vec::new()
        },
        ..risk::Decision::default()
    }
}

fn fact_of(subject: &str, n: u32) -> String {
    format!(
        "00000000-0000-7000-a00{n}-{}",
        subject.rsplit('-').next().unwrap()
    )
}

/// The facts of a person were recorded within one hour, a minute apart.
fn recorded(n: u32) -> prost_types::Timestamp {
    let at = lutong_kernel::Timestamp::parse("2022-11-25T10:00:00+08:00").unwrap();
    time::from_micros(at.plus_seconds(i64::from(n) * 60).micros())
}

fn not_found() -> Status {
    from_fault(Fault::new(
        FaultCode::NotFound,
        "DECISION_NOT_FOUND",
        "无",
        "none",
    ))
}

fn away(part: &str) -> Status {
    from_fault(Fault::unavailable(part))
}

fn not_asked<T>() -> Answer<T> {
    Err(Status::unimplemented("not asked here"))
}

#[tonic::async_trait]
impl risk::decision_service_server::DecisionService for Fakes {
    async fn append_facts(&self, _: Request<risk::AppendFactsRequest>) -> Answer<risk::AppendFactsResponse> {
        not_asked()
    }

    async fn enrol_subject(
        &self,
        _: Request<risk::EnrolSubjectRequest>,
    ) -> Answer<risk::EnrolSubjectResponse> {
        not_asked()
    }

    async fn get_decision(
        &self,
        request: Request<risk::GetDecisionRequest>,
    ) -> Answer<risk::GetDecisionResponse> {
        let subject = Grant::of(&request)?.principal().subject.unwrap().to_string();
        let state = self.state.lock().unwrap();
        if state.away.contains(&ServiceName::RiskRules) {
            return Err(away("risk-rules"));
        }
        // Nothing was ever decided about the last person.
        if subject.ends_with("99") {
            return Err(not_found());
        }
        let name = request.into_inner().name;
        let latest = state.latest(&subject);
        let version = match name.strip_prefix("subjects/me/decisions/").unwrap() {
            "latest" => latest,
            version => version.parse().unwrap(),
        };
        if version > latest || version < 6 {
            return Err(not_found());
        }
        Ok(Response::new(risk::GetDecisionResponse {
            decision: Some(decision(&subject, version)),
            effect_state: None,
        }))
    }

    async fn check_entry(&self, _: Request<risk::CheckEntryRequest>) -> Answer<risk::CheckEntryResponse> {
        not_asked()
    }
}

#[tonic::async_trait]
impl risk::history_service_server::HistoryService for Fakes {
    async fn inspect_appealed_decision(
        &self,
        request: Request<risk::InspectAppealedDecisionRequest>,
    ) -> Answer<risk::InspectAppealedDecisionResponse> {
        let mut state = self.state.lock().unwrap();
        if state.away.contains(&ServiceName::RiskRules) {
            return Err(away("risk-rules"));
        }
        let request = request.into_inner();
        state.purposes.extend(request.purpose);
        let segments: Vec<&str> = request.name.split('/').collect();
        let (subject, version) = (segments[1], segments[3].parse::<i64>().unwrap());
        let latest = state.latest(subject);
        if subject.ends_with("99") || version > latest {
            return Err(not_found());
        }
        let facts = SOURCES.iter().map(|(n, kind, source)| risk::AppealedFact {
            fact_id: fact_of(subject, *n),
            subject_id: subject.to_owned(),
            kind: (*kind).to_owned(),
            source: (*source).to_owned(),
            key: format!("key-{n}"),
            record_time: Some(recorded(*n)),
            supersede_time: state
                .superseded
                .get(&fact_of(subject, *n))
                .map(|at| time::from_micros(*at)),
        });
        Ok(Response::new(risk::InspectAppealedDecisionResponse {
            stored: Some(decision(subject, version)),
            replayed: Some(decision(subject, version)),
            identical: true,
            facts: facts.collect(),
            current: Some(decision(subject, latest)),
            effect_state: state.effect().into(),
        }))
    }

    async fn list_decisions(
        &self,
        _: Request<risk::ListDecisionsRequest>,
    ) -> Answer<risk::ListDecisionsResponse> {
        not_asked()
    }

    async fn inspect_decisions(
        &self,
        _: Request<risk::InspectDecisionsRequest>,
    ) -> Answer<risk::InspectDecisionsResponse> {
        not_asked()
    }

    async fn inspect_decision(
        &self,
        _: Request<risk::InspectDecisionRequest>,
    ) -> Answer<risk::InspectDecisionResponse> {
        not_asked()
    }

    async fn replay_decision(
        &self,
        _: Request<risk::ReplayDecisionRequest>,
    ) -> Answer<risk::ReplayDecisionResponse> {
        not_asked()
    }

    async fn start_history_verification(
        &self,
        _: Request<risk::StartHistoryVerificationRequest>,
    ) -> Answer<risk::StartHistoryVerificationResponse> {
        not_asked()
    }

    async fn get_history_verification(
        &self,
        _: Request<risk::GetHistoryVerificationRequest>,
    ) -> Answer<risk::GetHistoryVerificationResponse> {
        not_asked()
    }

    async fn list_history_verifications(
        &self,
        _: Request<risk::ListHistoryVerificationsRequest>,
    ) -> Answer<risk::ListHistoryVerificationsResponse> {
        not_asked()
    }

    async fn verify_day(&self, _: Request<risk::VerifyDayRequest>) -> Answer<risk::VerifyDayResponse> {
        not_asked()
    }
}

#[tonic::async_trait]
impl risk::relief_service_server::ReliefService for Fakes {
    async fn give_relief(
        &self,
        request: Request<risk::GiveReliefRequest>,
    ) -> Answer<risk::GiveReliefResponse> {
        let call = ReliefCall {
            relief: request.into_inner().relief.unwrap(),
            cut_time: None,
        };
        let effect = Some(self.hear_relief(call)?);
        Ok(Response::new(risk::GiveReliefResponse { effect }))
    }

    async fn end_relief(&self, request: Request<risk::EndReliefRequest>) -> Answer<risk::EndReliefResponse> {
        let request = request.into_inner();
        let call = ReliefCall {
            relief: request.relief.unwrap(),
            cut_time: request.cut_time,
        };
        let effect = Some(self.hear_relief(call)?);
        Ok(Response::new(risk::EndReliefResponse { effect }))
    }
}

/// Takes one retraction or correction a call.
#[tonic::async_trait]
impl declaration::feed_service_server::FeedService for Fakes {
    async fn import_facts(
        &self,
        request: Request<Streaming<declaration::ImportFactsRequest>>,
    ) -> Answer<declaration::ImportFactsResponse> {
        use declaration::fact_row::{Statement, Subject};
        use declaration::import_facts_request::Content;
        let source = Grant::of(&request)?.principal().feed.clone().unwrap().source;
        let mut messages = request.into_inner();
        let first = messages.message().await?.unwrap().content;
        let Some(Content::Options(options)) = first else {
            panic!("options come first");
        };
        assert_eq!(options.mode(), declaration::ImportMode::AllOrNothing);
        let Some(Content::Rows(rows)) = messages.message().await?.unwrap().content else {
            panic!("then rows");
        };
        let [row] = <[_; 1]>::try_from(rows.rows).unwrap();
        assert_eq!(row.source, source, "under the own name of the feed");
        let mut state = self.state.lock().unwrap();
        if state.away.contains(&ServiceName::Declaration) {
            return Err(away("declaration"));
        }
        if let Some(violation) = state.refusal.clone() {
            let refused = Fault::new(FaultCode::InvalidArgument, "ROWS_REFUSED", "有误", "wrong");
            return Err(from_fault(refused.violation(violation.within("rows[0]"))));
        }
        let target = match &row.statement {
            Some(Statement::Retraction(retraction)) => &retraction.retracts_key,
            Some(Statement::Correction(correction)) => &correction.replaces_key,
            other => panic!("{other:?} takes nothing back"),
        };
        let Some(Subject::SubjectId(subject)) = &row.subject else {
            panic!("no subject");
        };
        let n = target.strip_prefix("key-").unwrap().parse().unwrap();
        let is_known = state.rows.iter().any(|one| one.key == row.key);
        if !is_known {
            state.superseded.insert(fact_of(subject, n), 1);
            *state.latest.entry(subject.clone()).or_insert(7) += 1;
            state.rows.push(row);
        }
        if state.answer_lost {
            return Err(away("declaration"));
        }
        let is_pending = state.pending && !is_known;
        Ok(Response::new(declaration::ImportFactsResponse {
            accepted: i64::from(!is_known),
            unchanged: i64::from(is_known),
            effect: Some(types::Effect {
                redecided: i64::from(!is_known),
                state: state.effect().into(),
                operation: if is_pending {
                    "operations/00000000-0000-7000-8000-0000000000aa".to_owned()
                } else {
                    String::new()
                },
            }),
            ..declaration::ImportFactsResponse::default()
        }))
    }

    async fn create_fact_import(
        &self,
        _: Request<declaration::CreateFactImportRequest>,
    ) -> Answer<declaration::CreateFactImportResponse> {
        not_asked()
    }

    async fn append_fact_import_rows(
        &self,
        _: Request<declaration::AppendFactImportRowsRequest>,
    ) -> Answer<declaration::AppendFactImportRowsResponse> {
        not_asked()
    }

    async fn finish_fact_import(
        &self,
        _: Request<declaration::FinishFactImportRequest>,
    ) -> Answer<declaration::FinishFactImportResponse> {
        not_asked()
    }

    async fn get_fact_import(
        &self,
        _: Request<declaration::GetFactImportRequest>,
    ) -> Answer<declaration::GetFactImportResponse> {
        not_asked()
    }

    async fn list_fact_imports(
        &self,
        _: Request<declaration::ListFactImportsRequest>,
    ) -> Answer<declaration::ListFactImportsResponse> {
        not_asked()
    }

    async fn list_fact_import_errors(
        &self,
        _: Request<declaration::ListFactImportErrorsRequest>,
    ) -> Answer<declaration::ListFactImportErrorsResponse> {
        not_asked()
    }

    async fn list_fact_kinds(
        &self,
        _: Request<declaration::ListFactKindsRequest>,
    ) -> Answer<declaration::ListFactKindsResponse> {
        not_asked()
    }
}

/// Two reports of a door in 370202, of which one is acknowledged.
#[tonic::async_trait]
impl code_rendering::door_report_service_server::DoorReportService for Fakes {
    type WatchDoorReportsStream =
        futures::stream::BoxStream<'static, Result<code_rendering::WatchDoorReportsResponse, Status>>;

    async fn get_door_report(
        &self,
        request: Request<code_rendering::GetDoorReportRequest>,
    ) -> Answer<code_rendering::GetDoorReportResponse> {
        let division = Grant::of(&request)?.principal().division.unwrap();
        if self
            .state
            .lock()
            .unwrap()
            .away
            .contains(&ServiceName::CodeRendering)
        {
            return Err(away("code-rendering"));
        }
        let name = request.into_inner().name;
        let state = match &*name {
            crate::door_reports::REPORT => code_rendering::DoorReportState::Acknowledged,
            crate::door_reports::OPEN => code_rendering::DoorReportState::Open,
            _ => code_rendering::DoorReportState::Unspecified,
        };
        let is_covered = division.contains(lutong_kernel::DivisionCode::parse("370202").unwrap());
        if state == code_rendering::DoorReportState::Unspecified || !is_covered {
            let refused = Fault::new(FaultCode::NotFound, "DOOR_REPORT_NOT_FOUND", "无", "none");
            return Err(from_fault(refused));
        }
        Ok(Response::new(code_rendering::GetDoorReportResponse {
            door_report: Some(code_rendering::DoorReport {
                name,
                state: state.into(),
                division: "370202".to_owned(),
                ..Default::default()
            }),
        }))
    }

    async fn watch_door_reports(
        &self,
        _: Request<code_rendering::WatchDoorReportsRequest>,
    ) -> Answer<Self::WatchDoorReportsStream> {
        not_asked()
    }

    async fn create_door_report(
        &self,
        _: Request<code_rendering::CreateDoorReportRequest>,
    ) -> Answer<code_rendering::CreateDoorReportResponse> {
        not_asked()
    }

    async fn create_self_report(
        &self,
        _: Request<code_rendering::CreateSelfReportRequest>,
    ) -> Answer<code_rendering::CreateSelfReportResponse> {
        not_asked()
    }

    async fn list_door_reports(
        &self,
        _: Request<code_rendering::ListDoorReportsRequest>,
    ) -> Answer<code_rendering::ListDoorReportsResponse> {
        not_asked()
    }

    async fn inspect_door_report(
        &self,
        _: Request<code_rendering::InspectDoorReportRequest>,
    ) -> Answer<code_rendering::InspectDoorReportResponse> {
        not_asked()
    }

    async fn acknowledge_door_report(
        &self,
        _: Request<code_rendering::AcknowledgeDoorReportRequest>,
    ) -> Answer<code_rendering::AcknowledgeDoorReportResponse> {
        not_asked()
    }

    async fn close_door_report(
        &self,
        _: Request<code_rendering::CloseDoorReportRequest>,
    ) -> Answer<code_rendering::CloseDoorReportResponse> {
        not_asked()
    }
}
