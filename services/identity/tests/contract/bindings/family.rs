//! Identity with people who are bound to each other, and a fake of code-rendering.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lutong_identity::{IdentityConfig, MessagesConfig};
use lutong_kernel::{DivisionCode, Fault, ServiceName};
use lutong_proto::code_rendering::v1 as codes;
use lutong_proto::identity::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1 as types;
use lutong_testing::Bed;
use lutong_transport::access::{Principal, Roles};
use lutong_transport::client::MeshChannel;
use tonic::{Request, Response, Status};
use wire::binding_service_client::BindingServiceClient;
use wire::create_binding_request::Proof;
use wire::event::Payload;
use wire::identity_service_client::IdentityServiceClient;
use wire::one_time_code_service_client::OneTimeCodeServiceClient;

use crate::code_notices::CodeLog;
use crate::{Identity, document, items, reason, request_id, start_with};

/// A fake of code-rendering.
#[derive(Clone, Default)]
pub struct Codes {
    /// The version and whether it is active, by binding.
    bindings: Arc<Mutex<HashMap<String, (i64, bool)>>>,
    is_away: Arc<AtomicBool>,
    loses_answers: Arc<AtomicBool>,
}

impl Codes {
    pub fn is_active(&self, binding: &str) -> bool {
        let bindings = self.bindings.lock().unwrap();
        bindings.get(binding).is_some_and(|(_, is_active)| *is_active)
    }

    pub fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    /// Takes bindings in, and answers that it is away.
    pub fn lose_answers(&self, loses: bool) {
        self.loses_answers.store(loses, Ordering::SeqCst);
    }
}

#[tonic::async_trait]
impl codes::code_service_server::CodeService for Codes {
    async fn batch_get_colours(
        &self,
        _: Request<codes::BatchGetColoursRequest>,
    ) -> Result<Response<codes::BatchGetColoursResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn apply_decisions(
        &self,
        _: Request<codes::ApplyDecisionsRequest>,
    ) -> Result<Response<codes::ApplyDecisionsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn apply_bindings(
        &self,
        request: Request<codes::ApplyBindingsRequest>,
    ) -> Result<Response<codes::ApplyBindingsResponse>, Status> {
        let away = || lutong_transport::status::from_fault(Fault::unavailable("code-rendering"));
        if self.is_away.load(Ordering::SeqCst) {
            return Err(away());
        }
        for binding in request.into_inner().bindings {
            let mut bindings = self.bindings.lock().unwrap();
            let stored = bindings.entry(binding.binding_id).or_default();
            if binding.version > stored.0 {
                *stored = (binding.version, binding.active);
            }
        }
        if self.loses_answers.load(Ordering::SeqCst) {
            return Err(away());
        }
        Ok(Response::new(codes::ApplyBindingsResponse::default()))
    }

    async fn show_code(
        &self,
        _: Request<codes::ShowCodeRequest>,
    ) -> Result<Response<codes::ShowCodeResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}

/// Somebody who binds or is bound.
#[derive(Debug, Clone)]
pub struct Someone {
    pub account: String,
    pub name: String,
    pub number: String,
    /// Empty while nobody is registered.
    pub subject: String,
}

impl Someone {
    /// Born on a day, `YYYYMMDD`, and not registered.
    pub fn new(account: &str, name: &str, born: &str) -> Self {
        let digits = format!("370202{born}001");
        let check = lutong_kernel::document::check_character(digits.as_bytes()).unwrap();
        Self {
            account: account.to_owned(),
            name: name.to_owned(),
            number: format!("{digits}{check}"),
            subject: String::new(),
        }
    }
}

pub fn counter(division: Option<&str>) -> Principal {
    Principal {
        account: "counter-1".to_owned(),
        roles: Roles::of(&[Role::CounterStaff]),
        subject: None,
        division: division.map(|code| DivisionCode::parse(code).unwrap()),
        feed: None,
        desks: Vec::new(),
    }
}

/// The fields and reasons that a refusal names.
pub fn named(refused: &Fault) -> Vec<String> {
    assert_eq!(refused.reason, "INVALID_FIELDS", "{refused:?}");
    lutong_testing::violations(refused)
}

/// Identity, a fake of code-rendering, and where messages are written.
pub struct Family {
    pub identity: Identity,
    pub codes: Codes,
    messages: PathBuf,
    _folder: tempfile::TempDir,
}

impl Family {
    pub async fn start(bed: Bed) -> Self {
        let codes = Codes::default();
        let server = codes::code_service_server::CodeServiceServer::new(codes.clone());
        let log = codes::event_log_service_server::EventLogServiceServer::new(CodeLog::default());
        let routes = tonic::service::Routes::new(server).add_service(log);
        bed.bind_fake(ServiceName::CodeRendering, routes);
        let folder = tempfile::tempdir().unwrap();
        let messages = folder.path().join("messages.ndjson");
        let config = IdentityConfig {
            trust_stated: true,
            messages: MessagesConfig {
                file: Some(messages.clone()),
                ..MessagesConfig::default()
            },
            ..IdentityConfig::default()
        };
        Self {
            identity: start_with(bed, config).await,
            codes,
            messages,
            _folder: folder,
        }
    }

    pub const fn household() -> Proof {
        Proof::HouseholdBook(wire::HouseholdBook {})
    }

    pub fn consent_by(mobile: &str, code: &str, digits: &str) -> Proof {
        Proof::MobileConsent(wire::MobileConsent {
            mobile: mobile.to_owned(),
            mobile_proof: Some(types::OneTimeCodeProof {
                one_time_code: code.to_owned(),
                code: digits.to_owned(),
            }),
        })
    }

    /// Registers somebody.
    pub async fn adult(&self, account: &str, name: &str, born: &str, mobile: &str) -> Someone {
        let someone = Someone::new(account, name, born);
        let mut stated = items(name, &someone.number);
        stated.mobile = mobile.to_owned();
        let subject = self.identity.register(account, 900, stated).await.unwrap();
        Someone { subject, ..someone }
    }

    /// A parent, and a child who is registered with the parent's mobile and home.
    pub async fn parent_and_child(&self) -> (Someone, Someone) {
        let parent = self.adult("wx-1", "李芳", "19850101", "13800138000").await;
        let child = self.adult("wx-2", "李小明", "20120401", "13800138000").await;
        (parent, child)
    }

    fn client(&self) -> BindingServiceClient<MeshChannel> {
        BindingServiceClient::new(self.identity.0.channel(ServiceName::Identity, Caller::Gateway))
    }

    fn call<T>(&self, who: &Someone, message: T) -> Request<T> {
        let subject = (!who.subject.is_empty()).then(|| who.subject.parse().unwrap());
        let principal = lutong_testing::citizen(&who.account, subject);
        self.identity.0.call_as(&principal).request(message)
    }

    pub async fn bind(
        &self,
        who: &Someone,
        n: u32,
        ward: &Someone,
        proof: impl Into<Option<Proof>>,
    ) -> Result<wire::Binding, Fault> {
        let request = self.call(
            who,
            wire::CreateBindingRequest {
                request_id: request_id(n),
                relation: wire::BindingRelation::Child.into(),
                full_name: ward.name.clone(),
                document: Some(document(&ward.number)),
                proof: proof.into(),
            },
        );
        let answer = self.client().create_binding(request).await;
        answer
            .map(|answer| answer.into_inner().binding.unwrap())
            .map_err(|status| reason(&status))
    }

    pub async fn get(&self, who: &Someone, name: &str) -> Result<wire::Binding, Fault> {
        let name = name.to_owned();
        let request = self.call(who, wire::GetBindingRequest { name });
        let answer = self.client().get_binding(request).await;
        answer
            .map(|answer| answer.into_inner().binding.unwrap())
            .map_err(|status| reason(&status))
    }

    pub async fn list(
        &self,
        who: &Someone,
        page_size: i32,
        page_token: &str,
    ) -> Result<wire::ListBindingsResponse, Fault> {
        let page_token = page_token.to_owned();
        let request = self.call(
            who,
            wire::ListBindingsRequest {
                page_size,
                page_token,
            },
        );
        let answer = self.client().list_bindings(request).await;
        answer.map(Response::into_inner).map_err(|status| reason(&status))
    }

    pub async fn consent(
        &self,
        who: &Someone,
        n: u32,
        name: &str,
        etag: &str,
    ) -> Result<wire::Binding, Fault> {
        let request = self.call(
            who,
            wire::ConsentBindingRequest {
                request_id: request_id(n),
                name: name.to_owned(),
                etag: etag.to_owned(),
            },
        );
        let answer = self.client().consent_binding(request).await;
        answer
            .map(|answer| answer.into_inner().binding.unwrap())
            .map_err(|status| reason(&status))
    }

    pub async fn end(&self, who: &Someone, n: u32, name: &str, etag: &str) -> Result<wire::Binding, Fault> {
        let request = self.call(
            who,
            wire::EndBindingRequest {
                request_id: request_id(n),
                name: name.to_owned(),
                etag: etag.to_owned(),
            },
        );
        let answer = self.client().end_binding(request).await;
        answer
            .map(|answer| answer.into_inner().binding.unwrap())
            .map_err(|status| reason(&status))
    }

    /// The ward for whom somebody applies.
    pub async fn ward(&self, who: &Someone, binding: &str) -> Result<String, Fault> {
        let binding = binding.to_owned();
        let request = self.call(who, wire::GetWardRequest { binding });
        let channel = self
            .identity
            .0
            .channel(ServiceName::Identity, Caller::Declaration);
        let answer = IdentityServiceClient::new(channel).get_ward(request).await;
        answer
            .map(|answer| answer.into_inner().subject_id)
            .map_err(|status| reason(&status))
    }

    pub async fn confirm(
        &self,
        who: &Principal,
        n: u32,
        name: &str,
        number: &str,
        etag: &str,
    ) -> Result<wire::Binding, Fault> {
        let request = self.identity.0.call_as(who).request(wire::ConfirmBindingRequest {
            request_id: request_id(n),
            name: name.to_owned(),
            document: Some(document(number)),
            purpose: Some(types::Purpose {
                code: types::PurposeCode::Assistance.into(),
                reference: String::new(),
            }),
            etag: etag.to_owned(),
        });
        let answer = self.client().confirm_binding(request).await;
        answer
            .map(|answer| answer.into_inner().binding.unwrap())
            .map_err(|status| reason(&status))
    }

    /// Asks for a one-time code to a mobile; returns its name and digits.
    pub async fn code(&self, who: &Someone, n: u32, mobile: &str) -> (String, String) {
        let channel = self.identity.0.channel(ServiceName::Identity, Caller::Gateway);
        let request = self.call(
            who,
            wire::CreateOneTimeCodeRequest {
                request_id: request_id(n),
                mobile: mobile.to_owned(),
                purpose: wire::OneTimeCodePurpose::Bind.into(),
            },
        );
        let answer = OneTimeCodeServiceClient::new(channel)
            .create_one_time_code(request)
            .await;
        let name = answer.unwrap().into_inner().one_time_code.unwrap().name;
        let text = std::fs::read_to_string(&self.messages).unwrap();
        let last = text.lines().last().unwrap();
        let (_, after) = last.split_once("验证码").unwrap();
        (name, after[..6].to_owned())
    }

    pub async fn events(&self) -> Vec<(String, Payload)> {
        self.events_until(|payload| matches!(payload, Payload::BindingActivated(_)))
            .await
    }

    /// The events in the log, once one of them is such.
    pub async fn events_until(&self, is_such: impl Fn(&Payload) -> bool) -> Vec<(String, Payload)> {
        for _ in 0..400 {
            let (events, _) = self.identity.list("", 0).await.unwrap();
            let told: Vec<_> = events
                .into_iter()
                .map(|event| (event.subject_id, event.payload.unwrap()))
                .collect();
            if told.iter().any(|(_, payload)| is_such(payload)) {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the event was not told within 10 s");
    }

    /// The binding, once it is in a state.
    pub async fn until(&self, who: &Someone, name: &str, state: wire::BindingState) -> wire::Binding {
        for _ in 0..400 {
            let seen = self.get(who, name).await.unwrap();
            if seen.state() == state {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the binding was not {state:?} within 10 s");
    }

    /// The messages with a text, once there are `count` of them.
    pub async fn messages_until(&self, text: &str, count: usize) -> Vec<String> {
        for _ in 0..400 {
            let written = std::fs::read_to_string(&self.messages).unwrap_or_default();
            let lines = written.lines().filter(|line| line.contains(text));
            let found: Vec<_> = lines.map(str::to_owned).collect();
            if found.len() >= count {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{count} messages were not written within 10 s");
    }
}
