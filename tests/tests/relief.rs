//! Interim relief through complaint and risk-rules, on a clock of the test's own: the source of a contested fact is late and yellow is shown,
//! until it answers, the appeal is over, or a confirmed case is reported. Declaration forwards what a feed takes back; code-rendering is a
//! fake that shows what was applied.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lutong_kernel::{DivisionCode, Fault, ServiceName, SubjectId};
use lutong_proto::code_rendering::v1 as codes;
use lutong_proto::complaint::v1 as complaint;
use lutong_proto::declaration::v1 as declaration;
use lutong_proto::facts::from_attributes;
use lutong_proto::identity::v1 as identity;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::risk_rules::v1 as risk;
use lutong_proto::types::v1::{self as types, Colour};
use lutong_testing::lookups::RecordedLookups;
use lutong_testing::{Bed, on_both_engines};
use lutong_tests::people::request_id;
use lutong_transport::access::{Grant, Principal, Roles};
use lutong_transport::client::MeshChannel;
use lutong_transport::status::to_fault;
use serde_json::json;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

on_both_engines!(
    yellow_is_shown_while_the_source_is_late_and_red_again_once_it_confirms,
    the_source_corrects_and_green_is_shown,
    a_confirmed_case_ends_what_relief_shows_at_once,
    relief_is_from_the_contested_fact_alone_and_ends_by_itself,
);

type Answer<T> = Result<Response<T>, Status>;

const CDC: &str = "cdc-370200";
const POLICY: &str = "red,close_contact,yellow,48\nred,case,yellow,48\n";
const LATE: Duration = Duration::from_secs(4 * 3_600);

fn person() -> SubjectId {
    "00000000-0000-7000-8000-000000000001".parse().unwrap()
}

fn not_asked<T>() -> Answer<T> {
    Err(Status::unimplemented("not asked here"))
}

/// What doors would see, by person.
#[derive(Clone, Default)]
struct Codes(Arc<Mutex<HashMap<String, (i64, Colour)>>>);

#[tonic::async_trait]
impl codes::code_service_server::CodeService for Codes {
    async fn apply_decisions(
        &self,
        request: Request<codes::ApplyDecisionsRequest>,
    ) -> Answer<codes::ApplyDecisionsResponse> {
        let mut shown = self.0.lock().unwrap();
        for decision in request.into_inner().decisions {
            let colour = decision.colour();
            let code = shown.entry(decision.subject_id).or_insert((0, colour));
            if decision.version > code.0 {
                *code = (decision.version, colour);
            }
        }
        Ok(Response::new(codes::ApplyDecisionsResponse::default()))
    }

    async fn batch_get_colours(
        &self,
        _: Request<codes::BatchGetColoursRequest>,
    ) -> Answer<codes::BatchGetColoursResponse> {
        not_asked()
    }

    async fn apply_bindings(
        &self,
        _: Request<codes::ApplyBindingsRequest>,
    ) -> Answer<codes::ApplyBindingsResponse> {
        not_asked()
    }

    async fn show_code(&self, _: Request<codes::ShowCodeRequest>) -> Answer<codes::ShowCodeResponse> {
        not_asked()
    }
}

/// An empty log, of identity and of declaration.
#[derive(Clone)]
struct EmptyLog;

#[tonic::async_trait]
impl identity::event_log_service_server::EventLogService for EmptyLog {
    async fn list_events(
        &self,
        _: Request<identity::ListEventsRequest>,
    ) -> Answer<identity::ListEventsResponse> {
        Ok(Response::new(identity::ListEventsResponse::default()))
    }
}

#[tonic::async_trait]
impl declaration::event_log_service_server::EventLogService for EmptyLog {
    async fn list_events(
        &self,
        _: Request<declaration::ListEventsRequest>,
    ) -> Answer<declaration::ListEventsResponse> {
        Ok(Response::new(declaration::ListEventsResponse::default()))
    }
}

/// Declaration as far as it forwards retractions of a feed to risk-rules, on behalf of that feed.
#[derive(Clone)]
struct Forwarding(MeshChannel);

#[tonic::async_trait]
impl declaration::feed_service_server::FeedService for Forwarding {
    async fn import_facts(
        &self,
        request: Request<Streaming<declaration::ImportFactsRequest>>,
    ) -> Answer<declaration::ImportFactsResponse> {
        use declaration::fact_row::{Statement, Subject};
        use declaration::import_facts_request::Content;
        let call = Grant::of(&request)?.call();
        let mut messages = request.into_inner();
        let mut statements = Vec::new();
        while let Some(message) = messages.message().await? {
            let Some(Content::Rows(rows)) = message.content else {
                continue;
            };
            for row in rows.rows {
                let (Some(Subject::SubjectId(subject)), Some(Statement::Retraction(retraction))) =
                    (row.subject, row.statement)
                else {
                    return not_asked();
                };
                statements.push(risk::FactStatement {
                    source: row.source,
                    key: row.key,
                    subject_id: subject,
                    statement: Some(risk::fact_statement::Statement::Retraction(retraction)),
                });
            }
        }
        let batch = risk::AppendFactsRequest {
            statements,
            all_or_nothing: true,
            ..risk::AppendFactsRequest::default()
        };
        let mut client = risk::decision_service_client::DecisionServiceClient::new(self.0.clone());
        let appended = client.append_facts(call.request(batch)).await?.into_inner();
        Ok(Response::new(declaration::ImportFactsResponse {
            accepted: 1,
            effect: appended.effect,
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

/// Complaint and risk-rules on one bed, and what doors would see.
struct Both {
    bed: Bed,
    codes: Codes,
}

fn answered<T>(answer: Answer<T>) -> Result<T, Fault> {
    answer
        .map(Response::into_inner)
        .map_err(|status| to_fault(&status, "test"))
}

fn purpose() -> types::Purpose {
    types::Purpose {
        code: types::PurposeCode::ComplaintReview.into(),
        reference: String::new(),
    }
}

fn citizen() -> Principal {
    lutong_testing::citizen("wx-1", Some(person()))
}

fn feed() -> Principal {
    lutong_testing::feed(CDC, &["close_contact", "case"])
}

fn officer() -> Principal {
    Principal {
        account: "officer-1".to_owned(),
        roles: Roles::of(&[Role::HealthOfficer]),
        subject: None,
        division: Some(DivisionCode::parse("370202").unwrap()),
        feed: None,
        desks: Vec::new(),
    }
}

fn fact(key: &str, kind: &str, attributes: &serde_json::Value) -> risk::FactStatement {
    let stated = from_attributes(kind.parse().unwrap(), attributes.as_object().unwrap()).unwrap();
    risk::FactStatement {
        source: CDC.to_owned(),
        key: key.to_owned(),
        subject_id: person().to_string(),
        statement: Some(risk::fact_statement::Statement::Fact(stated)),
    }
}

impl Both {
    /// A person who is red because of a contact and appeals; the officer has asked the CDC. Also the name of the case and of the question.
    async fn asked(bed: Bed) -> (Self, String, String) {
        let both = Self::start(bed).await;
        let contact = json!({"last_contact_at": "2022-11-25T08:00:00+08:00"});
        both.append(fact("contact", "close_contact", &contact)).await;
        let enrol = risk::EnrolSubjectRequest {
            subject_id: person().to_string(),
            statements: Vec::new(),
        };
        let enrol = both.bed.call_as(&citizen()).request(enrol);
        answered(both.decisions(Caller::Declaration).enrol_subject(enrol).await).unwrap();
        assert_eq!(both.shown(), Some(Colour::Red));
        let decision = both.decision().await;
        let contested = decision.citations[0].facts[0].fact_id.clone();
        let filing = complaint::CreateComplaintRequest {
            request_id: request_id(),
            kind: Some(complaint::create_complaint_request::Kind::Appeal(
                complaint::Appeal {
                    decision: format!("decisions/{}", decision.version),
                    colour: Colour::Red.into(),
                    text: "本人未与病例接触".to_owned(),
                    ..complaint::Appeal::default()
                },
            )),
            division: "370202".to_owned(),
        };
        let channel = || both.bed.channel(ServiceName::Complaint, Caller::Gateway);
        let mut filer = complaint::complaint_service_client::ComplaintServiceClient::new(channel());
        let filed = filer
            .create_complaint(both.bed.call_as(&citizen()).request(filing))
            .await;
        let filed = answered(filed).unwrap().complaint.unwrap();
        let take = complaint::TakeUpCaseRequest {
            request_id: request_id(),
            name: filed.name.replace("complaints/", "cases/"),
            purpose: Some(purpose()),
            ..complaint::TakeUpCaseRequest::default()
        };
        let mut cases = complaint::case_service_client::CaseServiceClient::new(channel());
        let taken = cases
            .take_up_case(both.bed.call_as(&officer()).request(take))
            .await;
        answered(taken).unwrap();
        let ask = complaint::AskSourceRequest {
            request_id: request_id(),
            name: filed.name.replace("complaints/", "appeals/"),
            fact_id: contested,
            question: "请核实".to_owned(),
            purpose: Some(purpose()),
            ..complaint::AskSourceRequest::default()
        };
        let asked = both
            .appeals()
            .ask_source(both.bed.call_as(&officer()).request(ask))
            .await;
        let review = answered(asked).unwrap().fact_review.unwrap().name;
        (both, filed.name, review)
    }

    async fn start(bed: Bed) -> Self {
        let codes = Codes::default();
        let routes = Routes::new(codes::code_service_server::CodeServiceServer::new(codes.clone()));
        bed.bind_fake(ServiceName::CodeRendering, routes);
        let log = identity::event_log_service_server::EventLogServiceServer::new(EmptyLog);
        let lookups = RecordedLookups::default();
        let ledger = identity::lookup_service_server::LookupServiceServer::new(lookups);
        bed.bind_fake(ServiceName::Identity, Routes::new(log).add_service(ledger));
        let to_risk_rules = bed.channel(ServiceName::RiskRules, Caller::Declaration);
        let log = declaration::event_log_service_server::EventLogServiceServer::new(EmptyLog);
        let feeds = declaration::feed_service_server::FeedServiceServer::new(Forwarding(to_risk_rules));
        bed.bind_fake(ServiceName::Declaration, Routes::new(log).add_service(feeds));
        let storage = bed
            .storage::<lutong_risk_rules::Migrations>(ServiceName::RiskRules)
            .await;
        let peer = |service| bed.channel(service, Caller::RiskRules);
        let peers = lutong_risk_rules::Peers {
            identity: peer(ServiceName::Identity),
            declaration: peer(ServiceName::Declaration),
            code_rendering: peer(ServiceName::CodeRendering),
        };
        let built = lutong_risk_rules::build(&bed.foundation, &storage, peers).await;
        bed.bind(built.unwrap());
        let storage = bed
            .storage::<lutong_complaint::Migrations>(ServiceName::Complaint)
            .await;
        let peer = |service| bed.channel(service, Caller::Complaint);
        let peers = lutong_complaint::Peers {
            identity: peer(ServiceName::Identity),
            declaration: peer(ServiceName::Declaration),
            code_rendering: peer(ServiceName::CodeRendering),
            risk_rules: peer(ServiceName::RiskRules),
        };
        let policy = bed.folder().join("relief.csv");
        std::fs::write(&policy, POLICY).unwrap();
        let config = lutong_complaint::ComplaintConfig {
            relief_policy: Some(policy),
        };
        let built = lutong_complaint::build(&bed.foundation, &storage, &config, peers).await;
        bed.bind(built.unwrap());
        Self { bed, codes }
    }

    fn decisions(&self, caller: Caller) -> risk::decision_service_client::DecisionServiceClient<MeshChannel> {
        let channel = self.bed.channel(ServiceName::RiskRules, caller);
        risk::decision_service_client::DecisionServiceClient::new(channel)
    }

    fn appeals(&self) -> complaint::appeal_service_client::AppealServiceClient<MeshChannel> {
        let channel = self.bed.channel(ServiceName::Complaint, Caller::Gateway);
        complaint::appeal_service_client::AppealServiceClient::new(channel)
    }

    fn reviews(&self) -> complaint::fact_review_service_client::FactReviewServiceClient<MeshChannel> {
        let channel = self.bed.channel(ServiceName::Complaint, Caller::Gateway);
        complaint::fact_review_service_client::FactReviewServiceClient::new(channel)
    }

    async fn append(&self, statement: risk::FactStatement) {
        let batch = risk::AppendFactsRequest {
            statements: vec![statement],
            all_or_nothing: true,
            ..risk::AppendFactsRequest::default()
        };
        let batch = self.bed.call_as(&feed()).request(batch);
        answered(self.decisions(Caller::Declaration).append_facts(batch).await).unwrap();
    }

    /// The decision in force, as the person reads it.
    async fn decision(&self) -> risk::Decision {
        let latest = risk::GetDecisionRequest {
            name: "subjects/me/decisions/latest".to_owned(),
        };
        let latest = self.bed.call_as(&citizen()).request(latest);
        let answer = self.decisions(Caller::Gateway).get_decision(latest).await;
        answered(answer).unwrap().decision.unwrap()
    }

    fn shown(&self) -> Option<Colour> {
        let shown = self.codes.0.lock().unwrap();
        shown.get(&person().to_string()).map(|(_, colour)| *colour)
    }

    async fn until_shown(&self, colour: Colour) {
        let shown = async {
            while self.shown() != Some(colour) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), shown).await;
        waited.unwrap_or_else(|_| panic!("{colour:?} is not shown but {:?}", self.shown()));
    }

    async fn decide(
        &self,
        name: &str,
        verdict: complaint::AppealVerdict,
        facts: &[String],
    ) -> Result<(), Fault> {
        let decide = complaint::DecideAppealRequest {
            request_id: request_id(),
            name: name.replace("complaints/", "appeals/"),
            verdict: verdict.into(),
            fact_ids: facts.to_vec(),
            reason: "已核实".to_owned(),
            basis: complaint::AppealBasis::DataCorrection.into(),
            purpose: Some(purpose()),
            ..complaint::DecideAppealRequest::default()
        };
        let decided = self
            .appeals()
            .decide_appeal(self.bed.call_as(&officer()).request(decide))
            .await;
        answered(decided).map(drop)
    }

    async fn confirm(&self, review: &str) {
        let confirm = complaint::ConfirmFactRequest {
            request_id: request_id(),
            name: review.to_owned(),
            reason: "流调记录属实".to_owned(),
            ..complaint::ConfirmFactRequest::default()
        };
        let confirmed = self
            .reviews()
            .confirm_fact(self.bed.call_as(&feed()).request(confirm))
            .await;
        answered(confirmed).unwrap();
    }
}

async fn yellow_is_shown_while_the_source_is_late_and_red_again_once_it_confirms(bed: Bed) {
    let (both, name, review) = Both::asked(bed).await;
    both.bed.clock.advance(LATE);
    both.until_shown(Colour::Yellow).await;
    let decision = both.decision().await;
    assert_eq!(decision.colour(), Colour::Yellow);
    let relief = decision.interim_relief.unwrap();
    assert_eq!(relief.complaints, std::slice::from_ref(&name));
    assert_eq!(
        (&relief.policies[..], relief.colour_of_rules()),
        (&["red,close_contact,yellow,48".to_owned()][..], Colour::Red)
    );
    both.confirm(&review).await;
    // Before the answer was acknowledged.
    assert_eq!(both.shown(), Some(Colour::Red));
    let decision = both.decision().await;
    assert_eq!((decision.colour(), decision.interim_relief), (Colour::Red, None));
    both.decide(&name, complaint::AppealVerdict::Refused, &[])
        .await
        .unwrap();
    assert_eq!(both.shown(), Some(Colour::Red));
}

async fn the_source_corrects_and_green_is_shown(bed: Bed) {
    let (both, name, review) = Both::asked(bed).await;
    let contested = both.decision().await.citations[0].facts[0].fact_id.clone();
    both.bed.clock.advance(LATE);
    both.until_shown(Colour::Yellow).await;
    let correct = complaint::CorrectFactRequest {
        request_id: request_id(),
        name: review,
        reason: "同名误录".to_owned(),
        ..complaint::CorrectFactRequest::default()
    };
    let corrected = both
        .reviews()
        .correct_fact(both.bed.call_as(&feed()).request(correct))
        .await;
    answered(corrected).unwrap();
    assert_eq!(both.shown(), Some(Colour::Green));
    both.decide(&name, complaint::AppealVerdict::Upheld, &[contested])
        .await
        .unwrap();
    let decision = both.decision().await;
    assert_eq!(
        (decision.colour(), decision.interim_relief),
        (Colour::Green, None)
    );
}

async fn a_confirmed_case_ends_what_relief_shows_at_once(bed: Bed) {
    let (both, ..) = Both::asked(bed).await;
    both.bed.clock.advance(LATE);
    both.until_shown(Colour::Yellow).await;
    let case = json!({"stage": "confirmed", "diagnosed_at": "2022-11-26T13:00:00+08:00"});
    both.append(fact("case", "case", &case)).await;
    assert_eq!(both.shown(), Some(Colour::Red));
    assert_eq!(both.decision().await.interim_relief, None);
}

async fn relief_is_from_the_contested_fact_alone_and_ends_by_itself(bed: Bed) {
    let (both, name, _) = Both::asked(bed).await;
    let stay = json!({"last_contact_at": "2022-11-25T09:00:00+08:00"});
    both.bed.clock.advance(LATE);
    both.until_shown(Colour::Yellow).await;
    // A second contact that nobody contests makes red again, whatever the relief.
    both.append(fact("second", "close_contact", &stay)).await;
    assert_eq!(both.shown(), Some(Colour::Red));
    let retract = risk::FactStatement {
        key: "second-back".to_owned(),
        statement: Some(risk::fact_statement::Statement::Retraction(types::Retraction {
            retracts_key: "second".to_owned(),
            reason: "误录".to_owned(),
        })),
        ..fact("second", "close_contact", &stay)
    };
    both.append(retract).await;
    assert_eq!(both.shown(), Some(Colour::Yellow));
    // Nobody decides against a source that has not answered; once relief is over by itself the rules count alone.
    let early = both
        .decide(&name, complaint::AppealVerdict::Refused, &[])
        .await
        .unwrap_err();
    assert_eq!(early.reason, "SOURCE_NOT_ANSWERED");
    both.bed.clock.advance(Duration::from_secs(48 * 3_600));
    both.until_shown(Colour::Red).await;
    assert_eq!(both.decision().await.interim_relief, None);
}
