//! Code-rendering as federation sees it: it says of every token what the test says, or whose it is and how that code stands, and tells in its log
//! whose code has changed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lutong_kernel::{Colour as KernelColour, Fault, ServiceName, Timestamp};
use lutong_proto::code_rendering::v1 as codes;
use lutong_proto::code_rendering::v1::code_disclosure_service_server::{
    CodeDisclosureService, CodeDisclosureServiceServer,
};
use lutong_proto::code_rendering::v1::code_service_server::{CodeService, CodeServiceServer};
use lutong_proto::code_rendering::v1::event_log_service_server::{EventLogService, EventLogServiceServer};
use lutong_proto::code_rendering::v1::verification_service_server::{
    VerificationService, VerificationServiceServer,
};
use lutong_proto::time::instant;
use lutong_proto::types::v1::{Colour, PurposeCode};
use lutong_testing::Bed;
use lutong_token::{Claims, Issuer, SigningKey};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

/// The one token of [`Codes::answers`], and whose it is.
pub const TOKEN: &str = "LT1:OUR-CODE";
const SUBJECT: &str = "0193b2a0-0000-7000-8000-000000000001";

/// What it says of a token.
#[derive(Clone, Default)]
enum Verdict {
    /// Whose it is, and how that code stands.
    #[default]
    OfHolder,
    Says(codes::VerifyTokenForPartnerResponse),
    /// It is away.
    Nothing,
}

#[derive(Clone, Default)]
pub struct Codes {
    verdict: Arc<Mutex<Verdict>>,
    colours: Arc<Mutex<BTreeMap<String, Option<Colour>>>>,
    log: Arc<Mutex<Vec<codes::Event>>>,
    /// Whose a token is.
    tokens: Arc<Mutex<BTreeMap<String, String>>>,
    /// With what it signs codes that it shows to partners: its key, its province, the time.
    signer: Arc<Mutex<Option<(SigningKey, Issuer, Timestamp)>>>,
    /// Codes that were shown to partners: whose, and the reference of the purpose.
    pub shown: Arc<Mutex<Vec<(String, String)>>>,
}

impl Codes {
    pub fn bind(&self, bed: &Bed) {
        let routes = Routes::new(VerificationServiceServer::new(self.clone()))
            .add_service(EventLogServiceServer::new(self.clone()))
            .add_service(CodeDisclosureServiceServer::new(self.clone()))
            .add_service(CodeServiceServer::new(self.clone()));
        bed.bind_fake(ServiceName::CodeRendering, routes);
    }

    /// Of [`TOKEN`] it says this; how a code stands it cannot say.
    pub fn answers(&self, outcome: codes::VerificationOutcome, colour: Option<Colour>) {
        *self.verdict.lock().unwrap() = Verdict::Says(codes::VerifyTokenForPartnerResponse {
            outcome: outcome.into(),
            colour: colour.map(Into::into),
            subject_id: colour.map(|_| SUBJECT.to_owned()).unwrap_or_default(),
        });
    }

    pub fn signs_with(&self, key: SigningKey, province: Issuer, now: Timestamp) {
        *self.signer.lock().unwrap() = Some((key, province, now));
    }

    fn sign(&self, colour: Colour) -> String {
        let signer = self.signer.lock().unwrap();
        let Some((key, province, now)) = &*signer else {
            return "LT1:UNSIGNED".to_owned();
        };
        let colour = match colour {
            Colour::Green => KernelColour::Green,
            Colour::Yellow => KernelColour::Yellow,
            _ => KernelColour::Red,
        };
        let claims = Claims::dynamic(*province, *now, [5; 24], colour, None).unwrap();
        key.sign(&claims).unwrap()
    }

    pub fn go_away(&self) {
        *self.verdict.lock().unwrap() = Verdict::Nothing;
    }

    /// Whose a token is.
    pub fn issue(&self, token: &str, subject: &str) {
        let mut tokens = self.tokens.lock().unwrap();
        tokens.insert(token.to_owned(), subject.to_owned());
    }

    /// A code has this colour from now on; `None`: there is none any more.
    pub fn set(&self, subject: &str, colour: Option<Colour>, at: Timestamp) {
        self.colours.lock().unwrap().insert(subject.to_owned(), colour);
        let mut log = self.log.lock().unwrap();
        let sequence = i64::try_from(log.len()).unwrap() + 1;
        log.push(codes::Event {
            sequence,
            subject_id: subject.to_owned(),
            create_time: Some(instant(at)),
            payload: Some(codes::event::Payload::CodeChanged(codes::CodeChanged {
                version: sequence,
            })),
        });
    }

    fn colour(&self, subject: &str) -> Option<Colour> {
        self.colours.lock().unwrap().get(subject).copied().flatten()
    }
}

fn away() -> Status {
    lutong_transport::status::from_fault(Fault::unavailable("code-rendering"))
}

fn not_asked<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not asked here"))
}

#[tonic::async_trait]
impl VerificationService for Codes {
    async fn verify_token_for_partner(
        &self,
        request: Request<codes::VerifyTokenForPartnerRequest>,
    ) -> Result<Response<codes::VerifyTokenForPartnerResponse>, Status> {
        let request = request.into_inner();
        let purpose = request.purpose.unwrap();
        assert_eq!(purpose.code(), PurposeCode::Recognition);
        assert!(
            purpose.reference.starts_with("partners/"),
            "{}",
            purpose.reference
        );
        let verdict = self.verdict.lock().unwrap().clone();
        match verdict {
            Verdict::Nothing => Err(away()),
            Verdict::Says(answer) => {
                assert_eq!(request.token, TOKEN);
                Ok(Response::new(answer))
            }
            Verdict::OfHolder => {
                let subject_id = self.tokens.lock().unwrap()[&request.token].clone();
                Ok(Response::new(codes::VerifyTokenForPartnerResponse {
                    outcome: codes::VerificationOutcome::Valid.into(),
                    colour: self.colour(&subject_id).map(Into::into),
                    subject_id,
                }))
            }
        }
    }

    async fn verify_token(
        &self,
        _: Request<codes::VerifyTokenRequest>,
    ) -> Result<Response<codes::VerifyTokenResponse>, Status> {
        not_asked()
    }

    async fn resolve_token(
        &self,
        _: Request<codes::ResolveTokenRequest>,
    ) -> Result<Response<codes::ResolveTokenResponse>, Status> {
        not_asked()
    }
}

#[tonic::async_trait]
impl EventLogService for Codes {
    async fn list_events(
        &self,
        request: Request<codes::ListEventsRequest>,
    ) -> Result<Response<codes::ListEventsResponse>, Status> {
        let after = lutong_testing::plain_cursor(&request.get_ref().cursor);
        let told = self.log.lock().unwrap();
        let events = told.iter().filter(|event| event.sequence > after).cloned();
        Ok(Response::new(codes::ListEventsResponse {
            events: events.collect(),
            next_cursor: told.len().to_string(),
            head_sequence: i64::try_from(told.len()).unwrap(),
        }))
    }
}

#[tonic::async_trait]
impl CodeService for Codes {
    async fn batch_get_colours(
        &self,
        request: Request<codes::BatchGetColoursRequest>,
    ) -> Result<Response<codes::BatchGetColoursResponse>, Status> {
        if !matches!(*self.verdict.lock().unwrap(), Verdict::OfHolder) {
            return Err(away());
        }
        let subjects = request.into_inner().subject_ids.into_iter();
        let codes = subjects.map(|subject_id| codes::CodeColour {
            colour: self.colour(&subject_id).map(Into::into),
            subject_id,
            is_refreshing: false,
        });
        Ok(Response::new(codes::BatchGetColoursResponse {
            codes: codes.collect(),
        }))
    }

    async fn apply_decisions(
        &self,
        _: Request<codes::ApplyDecisionsRequest>,
    ) -> Result<Response<codes::ApplyDecisionsResponse>, Status> {
        not_asked()
    }

    async fn apply_bindings(
        &self,
        _: Request<codes::ApplyBindingsRequest>,
    ) -> Result<Response<codes::ApplyBindingsResponse>, Status> {
        not_asked()
    }

    async fn show_code(
        &self,
        _: Request<codes::ShowCodeRequest>,
    ) -> Result<Response<codes::ShowCodeResponse>, Status> {
        not_asked()
    }
}

#[tonic::async_trait]
impl CodeDisclosureService for Codes {
    async fn show_code_to_partner(
        &self,
        request: Request<codes::ShowCodeToPartnerRequest>,
    ) -> Result<Response<codes::ShowCodeToPartnerResponse>, Status> {
        if matches!(*self.verdict.lock().unwrap(), Verdict::Nothing) {
            return Err(away());
        }
        let request = request.into_inner();
        let purpose = request.purpose.unwrap();
        assert_eq!(purpose.code(), PurposeCode::Recognition);
        let subject_id = request.subject_id;
        self.shown
            .lock()
            .unwrap()
            .push((subject_id.clone(), purpose.reference));
        let known = self.colours.lock().unwrap().get(&subject_id).copied();
        let colour = known.flatten();
        let at = instant(Timestamp::from_seconds(1_669_435_200));
        Ok(Response::new(codes::ShowCodeToPartnerResponse {
            colour: colour.map(Into::into),
            is_refreshing: known == Some(None),
            decide_time: colour.map(|_| at),
            token: colour
                .filter(|_| request.with_token)
                .map(|colour| self.sign(colour))
                .unwrap_or_default(),
            expire_time: colour.filter(|_| request.with_token).map(|_| at),
            subject_id,
        }))
    }
}
