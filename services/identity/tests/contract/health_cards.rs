//! `HealthCardService`, `HealthCardUseService` and `PatientBindingService`. The card platform is a stand-in; code-rendering and declaration's
//! log are fakes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lutong_identity::IdentityConfig;
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{DivisionCode, Fault, ServiceName};
use lutong_proto::code_rendering::v1 as codes;
use lutong_proto::declaration::v1 as declaration;
use lutong_proto::identity::v1 as wire;
use lutong_proto::policy::{Caller, DataClass, Role};
use lutong_proto::types::v1 as types;
use lutong_stand_ins::{Fault as Broken, StandIns};
use lutong_testing::{Bed, citizen, on_both_engines, violations};
use lutong_transport::access::{Principal, Roles};
use lutong_transport::client::MeshChannel;
use serde_json::json;
use tempfile::TempDir;
use tonic::{Request, Response, Status};
use wire::health_card_service_client::HealthCardServiceClient;
use wire::health_card_use_service_client::HealthCardUseServiceClient;
use wire::patient_binding_service_client::PatientBindingServiceClient;

use crate::code_notices::CodeLog;
use crate::medical_institutions::{institution, officer, terminal, told};
use crate::person_changes::{home, update};
use crate::{Identity, ONE, TWO, items, request_id, start_with};

on_both_engines!(
    a_card_is_asked_for_with_the_confirmation_until_the_platform_gives_its_number,
    the_national_family_gives_a_number_and_verifies_a_dynamic_code,
    a_card_that_the_platform_refuses_is_asked_for_again_by_its_holder,
    the_open_platform_is_told_of_every_change_about_the_holder_of_a_card,
    the_national_family_is_told_of_every_change_about_the_holder_of_a_card,
    nobody_gets_the_number_of_another_person_s_card,
    a_system_without_a_platform_has_no_cards_and_hospitals_read_pass_codes,
    a_lost_card_is_read_by_nobody_until_it_is_resumed,
    a_card_is_read_by_every_code_of_its_holder_and_stands_in_their_ledger,
    a_wrong_terminal_step_or_division_reads_nothing,
    a_code_that_proves_nothing_is_refused_with_its_outcome,
    a_reading_whose_answer_was_lost_is_answered_again_after_the_code_has_expired,
    a_use_is_noted_and_passed_on_until_the_platform_takes_it,
    a_patient_number_belongs_to_one_card_of_an_institution,
    a_request_for_a_card_is_taken_once,
);

/// A fake of code-rendering, which knows whose token is whose.
#[derive(Clone, Default)]
struct Tokens(
    Arc<Mutex<HashMap<String, codes::ResolveTokenResponse>>>,
    /// Whether it is away.
    Arc<AtomicBool>,
);

#[tonic::async_trait]
impl codes::verification_service_server::VerificationService for Tokens {
    async fn verify_token_for_partner(
        &self,
        _: Request<codes::VerifyTokenForPartnerRequest>,
    ) -> Result<Response<codes::VerifyTokenForPartnerResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn verify_token(
        &self,
        _: Request<codes::VerifyTokenRequest>,
    ) -> Result<Response<codes::VerifyTokenResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn resolve_token(
        &self,
        request: Request<codes::ResolveTokenRequest>,
    ) -> Result<Response<codes::ResolveTokenResponse>, Status> {
        if self.1.load(Ordering::Relaxed) {
            let away = Fault::unavailable("code-rendering");
            return Err(lutong_transport::status::from_fault(away));
        }
        let known = self.0.lock().unwrap();
        let unknown = codes::ResolveTokenResponse {
            outcome: codes::VerificationOutcome::BadSignature.into(),
            ..codes::ResolveTokenResponse::default()
        };
        let found = known.get(&request.get_ref().token).cloned();
        Ok(Response::new(found.unwrap_or(unknown)))
    }
}

/// A fake of declaration's log: whom a declaration follows.
#[derive(Clone, Default)]
struct Accepted(Arc<Mutex<Vec<declaration::Event>>>);

#[tonic::async_trait]
impl declaration::event_log_service_server::EventLogService for Accepted {
    async fn list_events(
        &self,
        request: Request<declaration::ListEventsRequest>,
    ) -> Result<Response<declaration::ListEventsResponse>, Status> {
        let after = lutong_testing::plain_cursor(&request.get_ref().cursor);
        let told = self.0.lock().unwrap();
        let events = told.iter().filter(|event| event.sequence > after).cloned();
        Ok(Response::new(declaration::ListEventsResponse {
            events: events.collect(),
            next_cursor: told.len().to_string(),
            head_sequence: i64::try_from(told.len()).unwrap(),
        }))
    }
}

struct Hospital {
    identity: Identity,
    stand_ins: StandIns,
    tokens: Tokens,
    accepted: Accepted,
    _secrets: TempDir,
}

/// The account of the institution's information system.
const HIS: &str = "his-1";
const CARE: types::PurposeCode = types::PurposeCode::Care;

fn his(account: &str, division: Option<&str>) -> Principal {
    Principal {
        account: account.to_owned(),
        roles: Roles::of(&[Role::Hospital]),
        subject: None,
        division: division.map(|division| DivisionCode::parse(division).unwrap()),
        feed: None,
        desks: Vec::new(),
    }
}

fn person(subject: &str) -> Principal {
    citizen("wx-1", Some(subject.parse().unwrap()))
}

/// The metadata `outcome` of a refusal.
fn outcome(fault: &Fault) -> &str {
    let found = fault.metadata.iter().find(|(key, _)| key == "outcome");
    found.map_or("", |(_, value)| value)
}

impl Hospital {
    /// `family`: the platform's; none: no platform.
    async fn start(bed: Bed, family: Option<&str>) -> Self {
        let (tokens, accepted) = (Tokens::default(), Accepted::default());
        let log = codes::event_log_service_server::EventLogServiceServer::new(CodeLog::default());
        let verification = codes::verification_service_server::VerificationServiceServer::new(tokens.clone());
        let routes = tonic::service::Routes::new(log).add_service(verification);
        bed.bind_fake(ServiceName::CodeRendering, routes);
        let log = declaration::event_log_service_server::EventLogServiceServer::new(accepted.clone());
        bed.bind_fake(ServiceName::Declaration, tonic::service::Routes::new(log));
        let (clock, random) = (Arc::new(bed.clock.clone()), Arc::new(SeededRandom::new(15)));
        let stand_ins = StandIns::start(0, clock, random).await.unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let mut config = json!({ "trust_stated": true });
        if let Some(family) = family {
            config["card_platform"] = stand_ins.card_platform(family, secrets.path()).unwrap();
            config["card_platform"]["retry_s"] = 1.into();
        }
        let config: IdentityConfig = serde_json::from_value(config).unwrap();
        Self {
            identity: start_with(bed, config).await,
            stand_ins,
            tokens,
            accepted,
            _secrets: secrets,
        }
    }

    fn bed(&self) -> &Bed {
        &self.identity.0
    }

    fn cards(&self) -> HealthCardServiceClient<MeshChannel> {
        HealthCardServiceClient::new(self.bed().channel(ServiceName::Identity, Caller::Gateway))
    }

    fn uses(&self) -> HealthCardUseServiceClient<MeshChannel> {
        HealthCardUseServiceClient::new(self.bed().channel(ServiceName::Identity, Caller::Gateway))
    }

    fn patients(&self) -> PatientBindingServiceClient<MeshChannel> {
        PatientBindingServiceClient::new(self.bed().channel(ServiceName::Identity, Caller::Gateway))
    }

    /// A person who has registered and applied.
    async fn applicant(&self, n: u32, name: &str, number: &str) -> String {
        let account = format!("wx-{n}");
        let subject = self
            .identity
            .register(&account, n, items(name, number))
            .await
            .unwrap();
        let mut told = self.accepted.0.lock().unwrap();
        let sequence = i64::try_from(told.len()).unwrap() + 1;
        let accepted = declaration::DeclarationAccepted {
            declaration: format!("applications/{}", request_id(n)),
            ..declaration::DeclarationAccepted::default()
        };
        told.push(declaration::Event {
            sequence,
            subject_id: subject.clone(),
            create_time: None,
            payload: Some(declaration::event::Payload::DeclarationAccepted(accepted)),
        });
        subject
    }

    fn token(&self, token: &str, subject: &str, outcome: codes::VerificationOutcome, on_paper: bool) {
        self.token_of(token, subject, outcome, (on_paper, false));
    }

    fn token_of(
        &self,
        token: &str,
        subject: &str,
        outcome: codes::VerificationOutcome,
        (on_paper, on_card): (bool, bool),
    ) {
        let answer = codes::ResolveTokenResponse {
            outcome: outcome.into(),
            subject_id: subject.to_owned(),
            on_paper,
            on_card,
        };
        self.tokens.0.lock().unwrap().insert(token.to_owned(), answer);
    }

    async fn card(&self, subject: &str) -> Result<wire::HealthCard, Fault> {
        let call = self.bed().call_as(&person(subject));
        let answer = self
            .cards()
            .get_health_card(call.request(wire::GetHealthCardRequest {}))
            .await;
        told(answer).map(|answer| answer.health_card.unwrap())
    }

    /// The card once it has this state.
    async fn card_in(&self, subject: &str, state: wire::HealthCardState) -> wire::HealthCard {
        let mut last = None;
        for _ in 0..400 {
            match self.card(subject).await {
                Ok(card) if card.state() == state => return card,
                other => last = Some(other),
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
            self.bed().clock.advance(Duration::from_millis(25));
        }
        panic!("the card is not {state:?} after 10 s: {last:?}");
    }

    /// How often the platform was asked.
    fn asked(&self) -> u64 {
        self.stand_ins
            .faults
            .counts()
            .get("card")
            .copied()
            .unwrap_or_default()
    }

    /// Waits until the platform was told where the holder of a card lives.
    async fn holder_becomes(&self, card: &wire::HealthCard, address: &str) {
        for _ in 0..400 {
            let told = self.stand_ins.card_holder(&card.card_number);
            if told.is_some_and(|told| told.address == address) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
            self.bed().clock.advance(Duration::from_millis(25));
        }
        panic!("the platform was not told after 10 s");
    }

    async fn create_card(&self, principal: &Principal, n: u32) -> Result<wire::HealthCard, Fault> {
        let request = wire::CreateHealthCardRequest {
            request_id: request_id(n),
        };
        let call = self.bed().call_as(principal);
        let answer = told(self.cards().create_health_card(call.request(request)).await);
        answer.map(|answer| answer.health_card.unwrap())
    }

    async fn suspend(&self, subject: &str, n: u32, etag: &str) -> Result<wire::HealthCard, Fault> {
        let request = wire::SuspendHealthCardRequest {
            request_id: request_id(n),
            etag: etag.to_owned(),
        };
        let call = self.bed().call_as(&person(subject));
        let answer = told(self.cards().suspend_health_card(call.request(request)).await);
        answer.map(|answer| answer.health_card.unwrap())
    }

    async fn resume(&self, subject: &str, n: u32, etag: &str) -> Result<wire::HealthCard, Fault> {
        let request = wire::ResumeHealthCardRequest {
            request_id: request_id(n),
            etag: etag.to_owned(),
        };
        let call = self.bed().call_as(&person(subject));
        let answer = told(self.cards().resume_health_card(call.request(request)).await);
        answer.map(|answer| answer.health_card.unwrap())
    }

    /// An institution with one terminal: the terminal's name.
    async fn equip(&self, n: u32, account: &str, steps: &[&str]) -> String {
        let staff = officer(Some("370200"));
        let code = account.replace('-', "").to_uppercase();
        let created = self
            .identity
            .create_institution(&staff, institution(n, &code, "370202", account))
            .await
            .unwrap();
        let device = terminal(n + 1, &created.name, "T1", steps);
        self.identity.create_terminal(&staff, device).await.unwrap().name
    }

    async fn read_as(
        &self,
        principal: &Principal,
        request: wire::ReadHealthCardRequest,
    ) -> Result<wire::ReadHealthCardResponse, Fault> {
        let call = self.bed().call_as(principal);
        told(self.cards().read_health_card(call.request(request)).await)
    }

    async fn read(&self, n: u32, terminal: &str, code: &str) -> Result<wire::ReadHealthCardResponse, Fault> {
        self.read_as(&his(HIS, Some("370202")), reading(n, terminal, code, "010101"))
            .await
    }

    async fn report(
        &self,
        principal: &Principal,
        request: wire::CreateHealthCardUseRequest,
    ) -> Result<String, Fault> {
        let call = self.bed().call_as(principal);
        let answer = told(self.uses().create_health_card_use(call.request(request)).await);
        answer.map(|answer| answer.name)
    }

    async fn list_uses(&self, principal: &Principal, token: &str) -> Result<Vec<wire::HealthCardUse>, Fault> {
        let request = wire::ListHealthCardUsesRequest {
            page_size: 0,
            page_token: token.to_owned(),
        };
        let call = self.bed().call_as(principal);
        let answer = told(self.uses().list_health_card_uses(call.request(request)).await);
        answer.map(|answer| answer.health_card_uses)
    }

    async fn bind(
        &self,
        principal: &Principal,
        (n, read, number): (u32, &str, &str),
    ) -> Result<wire::PatientBinding, Fault> {
        let request = wire::CreatePatientBindingRequest {
            request_id: request_id(n),
            health_card_read: read.to_owned(),
            patient_number: number.to_owned(),
        };
        let call = self.bed().call_as(principal);
        let answer = told(
            self.patients()
                .create_patient_binding(call.request(request))
                .await,
        );
        answer.map(|answer| answer.patient_binding.unwrap())
    }

    async fn list_bound(
        &self,
        principal: &Principal,
        token: &str,
    ) -> Result<Vec<wire::PatientBinding>, Fault> {
        let request = wire::ListPatientBindingsRequest {
            page_size: 0,
            page_token: token.to_owned(),
        };
        let call = self.bed().call_as(principal);
        let answer = told(self.patients().list_patient_bindings(call.request(request)).await);
        answer.map(|answer| answer.patient_bindings)
    }

    async fn unbind(
        &self,
        principal: &Principal,
        (n, name, etag): (u32, &str, &str),
    ) -> Result<wire::PatientBinding, Fault> {
        let request = wire::EndPatientBindingRequest {
            request_id: request_id(n),
            name: name.to_owned(),
            etag: etag.to_owned(),
        };
        let call = self.bed().call_as(principal);
        let answer = told(self.patients().end_patient_binding(call.request(request)).await);
        answer.map(|answer| answer.patient_binding.unwrap())
    }
}

fn reading(n: u32, terminal: &str, code: &str, step: &str) -> wire::ReadHealthCardRequest {
    wire::ReadHealthCardRequest {
        request_id: request_id(n),
        code: code.to_owned(),
        medical_terminal: terminal.to_owned(),
        step: step.to_owned(),
        purpose: Some(types::Purpose {
            code: CARE.into(),
            reference: String::new(),
        }),
    }
}

fn used(n: u32, read: &str, step: &str, department: &str) -> wire::CreateHealthCardUseRequest {
    wire::CreateHealthCardUseRequest {
        request_id: request_id(n),
        health_card_read: read.to_owned(),
        step: step.to_owned(),
        department: department.to_owned(),
        payment: String::new(),
        use_time: None,
    }
}

const ACTIVE: wire::HealthCardState = wire::HealthCardState::Active;

async fn a_card_is_asked_for_with_the_confirmation_until_the_platform_gives_its_number(bed: Bed) {
    let hospital = Hospital::start(bed, Some("open-platform")).await;
    hospital.stand_ins.faults.turn_on(Broken::CardBusy);
    let wang = hospital.applicant(1, "王小明", ONE).await;
    let waiting = hospital.card_in(&wang, wire::HealthCardState::Pending).await;
    assert_eq!((waiting.card_number.as_str(), waiting.activate_time), ("", None));
    hospital.stand_ins.faults.turn_off(Broken::CardBusy);
    // The platform has forgotten the token besides: it is asked for a new one.
    hospital.stand_ins.faults.turn_on(Broken::CardTokensLost);
    let card = hospital.card_in(&wang, ACTIVE).await;
    assert_eq!(card.card_number.len(), 64);
    assert_eq!(card.name, format!("subjects/{wang}/health-card"));
    let stored = lutong_testing::bytes(&hospital.identity.1, "health_cards", "card_number").await;
    let shown = card.card_number.as_bytes();
    assert!(
        !stored.windows(shown.len()).any(|window| window == shown),
        "it is stored encrypted"
    );
    let nobody = hospital.card(&request_id(9)).await.unwrap_err();
    assert_eq!(nobody.reason, "HEALTH_CARD_NOT_FOUND");
}

async fn the_national_family_gives_a_number_and_verifies_a_dynamic_code(bed: Bed) {
    let hospital = Hospital::start(bed, Some("card-management")).await;
    let device = hospital.equip(10, HIS, &[]).await;
    let wang = hospital.applicant(1, "王小明", ONE).await;
    let card = hospital.card_in(&wang, ACTIVE).await;
    let code = hospital.stand_ins.dynamic_card_code(&card.card_number);
    let read = hospital.read(20, &device, &code).await.unwrap();
    assert_eq!((read.card_number, read.subject_id), (card.card_number, wang));
    // The platform takes a dynamic code once.
    let again = hospital.read(21, &device, &code).await.unwrap_err();
    assert_eq!(outcome(&again), "PLATFORM_REFUSED");
}

async fn a_card_that_the_platform_refuses_is_asked_for_again_by_its_holder(bed: Bed) {
    let hospital = Hospital::start(bed, Some("open-platform")).await;
    hospital.stand_ins.faults.turn_on(Broken::CardRefused);
    let wang = hospital.applicant(1, "王小明", ONE).await;
    let refused = hospital.card_in(&wang, wire::HealthCardState::Refused).await;
    assert_eq!(refused.card_number, "");
    hospital.stand_ins.faults.turn_off(Broken::CardRefused);
    let asked = hospital.create_card(&person(&wang), 20).await.unwrap();
    assert_ne!(asked.state(), wire::HealthCardState::Refused);
    hospital.card_in(&wang, ACTIVE).await;
    // Asking for one that is there changes nothing.
    let again = hospital.create_card(&person(&wang), 21).await.unwrap();
    assert_eq!(again.state(), ACTIVE);
    let nobody = hospital
        .create_card(&citizen("wx-9", None), 22)
        .await
        .unwrap_err();
    assert_eq!(nobody.reason, "PERSON_NOT_FOUND");
    let invalid = wire::CreateHealthCardRequest {
        request_id: "x".to_owned(),
    };
    let call = hospital.bed().call_as(&person(&wang));
    let invalid = told(hospital.cards().create_health_card(call.request(invalid)).await);
    assert_eq!(invalid.unwrap_err().reason, "INVALID_FIELDS");
}

async fn the_open_platform_is_told_of_every_change_about_the_holder_of_a_card(bed: Bed) {
    is_told_of_every_change(bed, "open-platform").await;
}

async fn the_national_family_is_told_of_every_change_about_the_holder_of_a_card(bed: Bed) {
    is_told_of_every_change(bed, "card-management").await;
}

async fn is_told_of_every_change(bed: Bed, family: &str) {
    let hospital = Hospital::start(bed, Some(family)).await;
    let wang = hospital.applicant(1, "王小明", ONE).await;
    let card = hospital.card_in(&wang, ACTIVE).await;
    let told = hospital.stand_ins.card_holder(&card.card_number).unwrap();
    assert_eq!(
        (told.name.as_str(), told.document.as_str()),
        ("王小明", ONE),
        "{family}"
    );
    let moves = |n: u32, detail: &str| wire::UpdatePersonRequest {
        person: Some(wire::Person {
            home_address: Some(home("370203", detail)),
            ..wire::Person::default()
        }),
        ..update(n, &["home_address"])
    };
    // While the platform is away, the change stands here and waits.
    hospital.stand_ins.faults.turn_on(Broken::CardBusy);
    hospital
        .identity
        .update("wx-1", moves(20, "山东路2号"))
        .await
        .unwrap();
    hospital.stand_ins.faults.turn_off(Broken::CardBusy);
    hospital.holder_becomes(&card, "山东路2号").await;
    hospital
        .identity
        .update("wx-1", moves(21, "文化东路3号"))
        .await
        .unwrap();
    hospital.holder_becomes(&card, "文化东路3号").await;
    // A platform that refuses the change takes nobody's card away.
    hospital.stand_ins.faults.turn_on(Broken::CardRefused);
    let asked = hospital.asked();
    hospital
        .identity
        .update("wx-1", moves(22, "泉城路4号"))
        .await
        .unwrap();
    for _ in 0..400 {
        if hospital.asked() > asked {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
        hospital.bed().clock.advance(Duration::from_millis(25));
    }
    assert!(hospital.asked() > asked, "{family}: it was told");
    assert_eq!(hospital.card(&wang).await.unwrap(), card, "{family}");
}

async fn nobody_gets_the_number_of_another_person_s_card(bed: Bed) {
    let hospital = Hospital::start(bed, Some("open-platform")).await;
    hospital.stand_ins.faults.turn_on(Broken::CardSameNumber);
    let wang = hospital.applicant(1, "王小明", ONE).await;
    let card = hospital.card_in(&wang, ACTIVE).await;
    let li = hospital.applicant(2, "李四", TWO).await;
    let other = hospital.card_in(&li, wire::HealthCardState::Refused).await;
    assert_eq!(other.card_number, "");
    assert_eq!(hospital.card(&wang).await.unwrap(), card);
}

async fn a_system_without_a_platform_has_no_cards_and_hospitals_read_pass_codes(bed: Bed) {
    let hospital = Hospital::start(bed, None).await;
    let device = hospital.equip(10, HIS, &[]).await;
    let wang = hospital.applicant(1, "王小明", ONE).await;
    let off = hospital.create_card(&person(&wang), 20).await.unwrap_err();
    assert_eq!(off.reason, "HEALTH_CARDS_OFF");
    hospital.token("LT1:A", &wang, codes::VerificationOutcome::Valid, false);
    let read = hospital.read(21, &device, "LT1:A").await.unwrap();
    assert_eq!(
        (read.full_name.as_str(), read.card_number.as_str()),
        ("王小明", "")
    );
    let code = format!("{}:1", "A".repeat(64));
    let unknown = hospital.read(22, &device, &code).await.unwrap_err();
    assert_eq!(unknown.reason, "HEALTH_CARD_NOT_FOUND");
}

async fn a_lost_card_is_read_by_nobody_until_it_is_resumed(bed: Bed) {
    let hospital = Hospital::start(bed, Some("open-platform")).await;
    let device = hospital.equip(10, HIS, &[]).await;
    let wang = hospital.applicant(1, "王小明", ONE).await;
    let card = hospital.card_in(&wang, ACTIVE).await;
    hospital.token("LT1:A", &wang, codes::VerificationOutcome::Valid, false);
    let lost = hospital.suspend(&wang, 20, &card.etag).await.unwrap();
    assert_eq!(lost.state(), wire::HealthCardState::Suspended);
    assert!(lost.suspend_time.is_some());
    let fixed = format!("{}:1", card.card_number);
    for (n, code) in [(21, "LT1:A"), (22, fixed.as_str())] {
        let refused = hospital.read(n, &device, code).await.unwrap_err();
        assert_eq!(refused.reason, "HEALTH_CARD_SUSPENDED");
    }
    let stale = hospital.suspend(&wang, 23, &card.etag).await.unwrap_err();
    assert_eq!(stale.reason, "STALE");
    let over = hospital.suspend(&wang, 24, "").await.unwrap_err();
    assert_eq!(over.reason, "WRONG_STATE");
    let stale = hospital.resume(&wang, 25, &card.etag).await.unwrap_err();
    assert_eq!(stale.reason, "STALE");
    let found = hospital.resume(&wang, 26, &lost.etag).await.unwrap();
    assert_eq!((found.state(), found.suspend_time), (ACTIVE, None));
    let over = hospital.resume(&wang, 27, "").await.unwrap_err();
    assert_eq!(over.reason, "WRONG_STATE");
    hospital.read(28, &device, &fixed).await.unwrap();
    for refused in [
        hospital.suspend(&request_id(9), 29, "").await.unwrap_err(),
        hospital.resume(&request_id(9), 30, "").await.unwrap_err(),
    ] {
        assert_eq!(refused.reason, "HEALTH_CARD_NOT_FOUND");
    }
    let long = "x".repeat(65);
    for refused in [
        hospital.suspend(&wang, 31, &long).await.unwrap_err(),
        hospital.resume(&wang, 32, &long).await.unwrap_err(),
    ] {
        assert_eq!(violations(&refused), ["etag TOO_LONG"]);
    }
}

async fn a_card_is_read_by_every_code_of_its_holder_and_stands_in_their_ledger(bed: Bed) {
    use wire::HealthCardCodeKind as By;
    let hospital = Hospital::start(bed, Some("open-platform")).await;
    let device = hospital.equip(10, HIS, &["010101"]).await;
    let wang = hospital.applicant(1, "王小明", ONE).await;
    let card = hospital.card_in(&wang, ACTIVE).await;
    hospital.token("LT1:A", &wang, codes::VerificationOutcome::Superseded, false);
    hospital.token("LT1:B", &wang, codes::VerificationOutcome::Valid, true);
    hospital.token_of("LT1:C", &wang, codes::VerificationOutcome::Valid, (false, true));
    let fixed = format!("{}:1", card.card_number);
    let dynamic = hospital.stand_ins.dynamic_card_code(&card.card_number);
    for (n, code, by) in [
        (20, "LT1:A", By::Screen),
        (21, "LT1:B", By::Paper),
        (24, "LT1:C", By::Card),
        (22, fixed.as_str(), By::PlatformStatic),
        (23, dynamic.as_str(), By::PlatformDynamic),
    ] {
        let read = hospital.read(n, &device, code).await.unwrap();
        assert_eq!(read.code_kind(), by);
        assert_eq!((&read.card_number, &read.subject_id), (&card.card_number, &wang));
        assert_eq!(
            (read.full_name.as_str(), read.mobile.as_str()),
            ("王小明", "+8613800138000")
        );
        assert_eq!(read.document.unwrap().number, ONE);
    }
    let seen = hospital.identity.ledger_of(&person(&wang), 5).await;
    assert_eq!(seen.len(), 5, "each reading stands in the ledger once");
    for lookup in seen {
        assert_eq!(lookup.role(), Role::Hospital);
        assert_eq!(lookup.classes, [i32::from(DataClass::Identity)]);
        assert_eq!(lookup.purpose.unwrap().code(), CARE);
    }
}

async fn a_wrong_terminal_step_or_division_reads_nothing(bed: Bed) {
    let hospital = Hospital::start(bed, Some("open-platform")).await;
    let device = hospital.equip(10, HIS, &["010101"]).await;
    let other = hospital.equip(12, "his-2", &[]).await;
    let wang = hospital.applicant(1, "王小明", ONE).await;
    hospital.token("LT1:A", &wang, codes::VerificationOutcome::Valid, false);
    let own = his(HIS, Some("370202"));
    // Another institution's terminal, an account that reads for none, a division in which the institution does not lie.
    for (n, principal, device) in [
        (20, own.clone(), &other),
        (21, his("his-9", Some("370202")), &device),
        (22, his(HIS, Some("370203")), &device),
    ] {
        let refused = hospital
            .read_as(&principal, reading(n, device, "LT1:A", "010101"))
            .await;
        assert_eq!(refused.unwrap_err().reason, "MEDICAL_TERMINAL_NOT_FOUND");
    }
    let refused = hospital
        .read_as(&own, reading(23, &device, "LT1:A", "010105"))
        .await;
    assert_eq!(refused.unwrap_err().reason, "MEDICAL_STEP_NOT_ALLOWED");
    hospital
        .read_as(&own, reading(24, &device, "LT1:A", "0101011"))
        .await
        .unwrap();
    let nowhere = his(HIS, None);
    let refused = hospital
        .read_as(&nowhere, reading(25, &device, "LT1:A", "010101"))
        .await;
    assert_eq!(refused.unwrap_err().reason, "DIVISION_MISSING");
    let mut wrong = reading(26, &device, "nonsense", "10101");
    wrong.purpose.as_mut().unwrap().code = types::PurposeCode::Audit.into();
    let refused = hospital.read_as(&own, wrong).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        [
            "code HEALTH_CARD_CODE_SHAPE",
            "step MEDICAL_STEP_UNKNOWN",
            "purpose.code PURPOSE_NOT_CARE"
        ]
    );
    // Ended, it reads no more.
    let staff = officer(Some("370200"));
    hospital
        .identity
        .end_terminal(&staff, (27, &device, ""))
        .await
        .unwrap();
    let refused = hospital.read(28, &device, "LT1:A").await.unwrap_err();
    assert_eq!(refused.reason, "MEDICAL_TERMINAL_NOT_FOUND");
    assert_eq!(
        lutong_testing::rows(&hospital.identity.1, "health_card_reads").await,
        1
    );
}

async fn a_code_that_proves_nothing_is_refused_with_its_outcome(bed: Bed) {
    let hospital = Hospital::start(bed, Some("open-platform")).await;
    let device = hospital.equip(10, HIS, &[]).await;
    let wang = hospital.applicant(1, "王小明", ONE).await;
    let card = hospital.card_in(&wang, ACTIVE).await;
    hospital.token("LT1:OLD", "", codes::VerificationOutcome::Expired, false);
    for (n, code, why) in [(20, "LT1:OLD", "EXPIRED"), (21, "LT1:FORGED", "BAD_SIGNATURE")] {
        let refused = hospital.read(n, &device, code).await.unwrap_err();
        assert_eq!(refused.reason, "HEALTH_CARD_CODE_REFUSED");
        assert_eq!(outcome(&refused), why);
    }
    let forged = format!("{}:0:{}", card.card_number, "0".repeat(32));
    let refused = hospital.read(22, &device, &forged).await.unwrap_err();
    assert_eq!(outcome(&refused), "PLATFORM_REFUSED");
    // Nobody but the platform verifies its dynamic codes: while it is away nothing is guessed.
    let dynamic = hospital.stand_ins.dynamic_card_code(&card.card_number);
    for broken in [Broken::CardBusy, Broken::Away, Broken::Garbage] {
        hospital.stand_ins.faults.turn_on(broken);
        let refused = hospital.read(23, &device, &dynamic).await.unwrap_err();
        assert_eq!(refused.reason, "HEALTH_CARDS_UNAVAILABLE", "{broken:?}");
        assert!(refused.retry_after.is_some());
        hospital.stand_ins.faults.turn_off(broken);
    }
    hospital.read(23, &device, &dynamic).await.unwrap();
    // Without code-rendering no pass code is verified.
    hospital.tokens.1.store(true, Ordering::Relaxed);
    let refused = hospital.read(24, &device, "LT1:A").await.unwrap_err();
    assert_eq!(refused.reason, "PART_UNAVAILABLE");
    assert_eq!(
        lutong_testing::rows(&hospital.identity.1, "health_card_reads").await,
        1
    );
}

async fn a_reading_whose_answer_was_lost_is_answered_again_after_the_code_has_expired(bed: Bed) {
    let hospital = Hospital::start(bed, Some("open-platform")).await;
    let device = hospital.equip(10, HIS, &[]).await;
    let wang = hospital.applicant(1, "王小明", ONE).await;
    let card = hospital.card_in(&wang, ACTIVE).await;
    let dynamic = hospital.stand_ins.dynamic_card_code(&card.card_number);
    let first = hospital.read(20, &device, &dynamic).await.unwrap();
    hospital.bed().clock.advance(Duration::from_secs(300));
    assert_eq!(hospital.read(20, &device, &dynamic).await.unwrap(), first);
    let reused = hospital.read(20, &device, "LT1:A").await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
}

async fn a_use_is_noted_and_passed_on_until_the_platform_takes_it(bed: Bed) {
    let hospital = Hospital::start(bed, Some("open-platform")).await;
    let device = hospital.equip(10, HIS, &["010101", "010105"]).await;
    hospital.equip(12, "his-2", &[]).await;
    let wang = hospital.applicant(1, "王小明", ONE).await;
    hospital.card_in(&wang, ACTIVE).await;
    hospital.token("LT1:A", &wang, codes::VerificationOutcome::Valid, false);
    let read = hospital
        .read(20, &device, "LT1:A")
        .await
        .unwrap()
        .health_card_read;
    let own = his(HIS, Some("370202"));
    hospital.stand_ins.faults.turn_on(Broken::Away);
    let first = used(21, &read, "0101012", "内科");
    let name = hospital.report(&own, first.clone()).await.unwrap();
    assert_eq!(hospital.report(&own, first).await.unwrap(), name);
    let listed = hospital.list_uses(&person(&wang), "").await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].step_title.as_str(), listed[0].department.as_str()),
        ("当日挂号", "内科")
    );
    assert_eq!((&listed[0].name, listed[0].report_time), (&name, None));
    assert_eq!(listed[0].institution_title, "青岛市立医院");
    hospital.stand_ins.faults.turn_off(Broken::Away);
    for _ in 0..400 {
        if !hospital.stand_ins.card_uses().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
        hospital.bed().clock.advance(Duration::from_millis(25));
    }
    let passed = hospital.stand_ins.card_uses();
    assert_eq!(
        (&passed[0]["scene"], &passed[0]["cardChannel"]),
        (&"0101012".into(), &"0100".into())
    );
    // Wrong ones: not at this terminal, of no reading, of another institution's reading, incomplete, in the future.
    let not_here = hospital
        .report(&own, used(22, &read, "010103", ""))
        .await
        .unwrap_err();
    assert_eq!(not_here.reason, "MEDICAL_STEP_NOT_ALLOWED");
    let foreign = his("his-2", Some("370202"));
    let unread = format!("health-card-reads/{}", request_id(1));
    for (n, principal, read) in [(23, &foreign, &read), (24, &own, &unread)] {
        let refused = hospital
            .report(principal, used(n, read, "010101", "内科"))
            .await
            .unwrap_err();
        assert_eq!(refused.reason, "HEALTH_CARD_READ_NOT_FOUND");
    }
    let refused = hospital
        .report(&own, used(25, &read, "010101", ""))
        .await
        .unwrap_err();
    assert_eq!(violations(&refused), ["department DEPARTMENT_MISSING"]);
    let refused = hospital
        .report(&own, used(26, &read, "010105", ""))
        .await
        .unwrap_err();
    assert_eq!(violations(&refused), ["payment PAYMENT_MISSING"]);
    let mut ahead = used(27, &read, "010101", "内科");
    ahead.use_time = Some(lutong_proto::time::from_micros(i64::MAX / 4));
    let refused = hospital.report(&own, ahead).await.unwrap_err();
    assert_eq!(refused.reason, "INVALID_FIELDS");
    let refused = hospital
        .report(&his(HIS, None), used(28, &read, "010101", "内科"))
        .await;
    assert_eq!(refused.unwrap_err().reason, "DIVISION_MISSING");
    let reused = hospital
        .report(&own, used(21, &read, "010101", "外科"))
        .await
        .unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    let nobody = hospital.list_uses(&citizen("wx-9", None), "").await.unwrap_err();
    assert_eq!(nobody.reason, "CODE_NOT_FOUND");
    let page = hospital.list_uses(&person(&wang), "x").await.unwrap_err();
    assert_eq!(page.reason, "INVALID_FIELDS");
    // Seven days later a reading is too old to refer to.
    hospital
        .bed()
        .clock
        .advance(Duration::from_secs(7 * 24 * 3_600 + 1));
    let late = hospital
        .report(&own, used(29, &read, "010101", "内科"))
        .await
        .unwrap_err();
    assert_eq!(late.reason, "HEALTH_CARD_READ_NOT_FOUND");
}

async fn a_patient_number_belongs_to_one_card_of_an_institution(bed: Bed) {
    let hospital = Hospital::start(bed, None).await;
    let device = hospital.equip(10, HIS, &[]).await;
    let (wang, li) = (
        hospital.applicant(1, "王小明", ONE).await,
        hospital.applicant(2, "李四", TWO).await,
    );
    hospital.token("LT1:A", &wang, codes::VerificationOutcome::Valid, false);
    hospital.token("LT1:B", &li, codes::VerificationOutcome::Valid, false);
    let one = hospital
        .read(20, &device, "LT1:A")
        .await
        .unwrap()
        .health_card_read;
    let two = hospital
        .read(21, &device, "LT1:B")
        .await
        .unwrap()
        .health_card_read;
    let own = his(HIS, Some("370202"));
    let bound = hospital.bind(&own, (22, &one, "P-1")).await.unwrap();
    assert_eq!(hospital.bind(&own, (22, &one, "P-1")).await.unwrap(), bound);
    let taken = hospital.bind(&own, (23, &two, "P-1")).await.unwrap_err();
    assert_eq!(taken.reason, "PATIENT_NUMBER_BOUND");
    let read = hospital.read(24, &device, "LT1:A").await.unwrap();
    assert_eq!(read.patient_number, "P-1");
    // Another number takes its place; the old one is free.
    hospital.bed().clock.advance(Duration::from_secs(1));
    let moved = hospital.bind(&own, (25, &one, "P-2")).await.unwrap();
    hospital.bind(&own, (26, &two, "P-1")).await.unwrap();
    let seen = hospital.list_bound(&person(&wang), "").await.unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(
        (seen[0].patient_number.as_str(), seen[1].patient_number.as_str()),
        ("P-2", "")
    );
    assert_eq!(seen[1].state(), wire::PatientBindingState::Ended);
    // Whose card it is not cannot end it.
    let hidden = hospital
        .unbind(&person(&li), (27, &moved.name, ""))
        .await
        .unwrap_err();
    assert_eq!(hidden.reason, "PATIENT_BINDING_NOT_FOUND");
    let ended = hospital
        .unbind(&person(&wang), (28, &moved.name, &moved.etag))
        .await
        .unwrap();
    assert_eq!(ended.state(), wire::PatientBindingState::Ended);
    let stale = hospital
        .unbind(&person(&wang), (29, &moved.name, &moved.etag))
        .await;
    assert_eq!(stale.unwrap_err().reason, "STALE");
    let over = hospital
        .unbind(&person(&wang), (30, &moved.name, ""))
        .await
        .unwrap_err();
    assert_eq!(over.reason, "WRONG_STATE");
    let read = hospital.read(31, &device, "LT1:A").await.unwrap();
    assert_eq!(read.patient_number, "");
    let unread = format!("health-card-reads/{}", request_id(1));
    let refused = hospital.bind(&own, (32, &unread, "P-3")).await.unwrap_err();
    assert_eq!(refused.reason, "HEALTH_CARD_READ_NOT_FOUND");
    let refused = hospital.bind(&own, (33, &one, "")).await.unwrap_err();
    assert_eq!(violations(&refused), ["patient_number MISSING"]);
    let refused = hospital
        .bind(&his(HIS, None), (34, &one, "P-3"))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "DIVISION_MISSING");
    let nobody = hospital.list_bound(&citizen("wx-9", None), "").await.unwrap_err();
    assert_eq!(nobody.reason, "CODE_NOT_FOUND");
    for invalid in [
        hospital.list_bound(&person(&wang), "x").await.unwrap_err(),
        hospital.unbind(&person(&wang), (35, "x", "")).await.unwrap_err(),
    ] {
        assert_eq!(invalid.reason, "INVALID_FIELDS");
    }
    let reused = [
        hospital.bind(&own, (22, &one, "P-9")).await.unwrap_err(),
        hospital
            .unbind(&person(&wang), (28, &bound.name, ""))
            .await
            .unwrap_err(),
    ];
    assert!(
        reused.iter().all(|fault| fault.reason == "REQUEST_ID_REUSED"),
        "{reused:?}"
    );
}

async fn a_request_for_a_card_is_taken_once(bed: Bed) {
    let hospital = Hospital::start(bed, Some("open-platform")).await;
    let wang = hospital.applicant(1, "王小明", ONE).await;
    let card = hospital.card_in(&wang, ACTIVE).await;
    let lost = hospital.suspend(&wang, 20, &card.etag).await.unwrap();
    assert_eq!(hospital.suspend(&wang, 20, &card.etag).await.unwrap(), lost);
    let found = hospital.resume(&wang, 21, &lost.etag).await.unwrap();
    assert_eq!(hospital.resume(&wang, 21, &lost.etag).await.unwrap(), found);
    let reused = [
        hospital.suspend(&wang, 20, "").await.unwrap_err(),
        hospital.resume(&wang, 21, "").await.unwrap_err(),
    ];
    assert!(
        reused.iter().all(|fault| fault.reason == "REQUEST_ID_REUSED"),
        "{reused:?}"
    );
}
