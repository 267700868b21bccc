//! `ApplyBindings` and identity's log: whom a binder may show, and that nothing brings an ended binding back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::identity::v1 as identity;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines};
use tonic::{Request, Response, Status};
use wire::VerificationOutcome as Outcome;

use crate::{Codes, build, decision, fault, start, subject};

on_both_engines!(
    a_binder_shows_the_code_of_a_ward_and_of_nobody_else,
    after_an_acknowledged_unbinding_no_replica_shows_the_code,
    an_end_that_comes_before_its_beginning_stays_an_end,
    two_bindings_of_the_same_people_are_two_bindings,
    bindings_that_no_call_delivered_come_with_the_log,
    a_binding_that_says_nothing_is_named_and_not_taken_in,
);

pub fn binding(n: u32, binder: u32, ward: u32, active: bool) -> wire::AppliedBinding {
    wire::AppliedBinding {
        binding_id: format!("00000000-0000-7000-a000-{n:012}"),
        binder_subject_id: subject(binder).to_string(),
        ward_subject_id: subject(ward).to_string(),
        version: if active { 1 } else { 2 },
        active,
    }
}

impl Codes {
    async fn try_to_bind(&self, bindings: Vec<wire::AppliedBinding>) -> Result<i64, Fault> {
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::Identity);
        let call = lutong_transport::client::Call::background(Duration::from_secs(5));
        let request = call.request(wire::ApplyBindingsRequest { bindings });
        let answer = CodeServiceClient::new(channel).apply_bindings(request).await;
        answer
            .map(|answer| answer.into_inner().applied)
            .map_err(|status| fault(&status))
    }

    pub async fn bind(&self, bindings: Vec<wire::AppliedBinding>) -> i64 {
        self.try_to_bind(bindings).await.unwrap()
    }

    /// The token of the ward that the binder is shown, or why there is none.
    async fn shown(&self, binder: u32, ward: u32) -> Result<String, String> {
        let ward = subject(ward).to_string();
        let shown = self.show_of(binder, &ward, wire::ImageFormat::Unspecified).await;
        shown
            .map(|shown| shown.token)
            .map_err(|fault| fault.reason.into_owned())
    }

    async fn is_shown(&self, binder: u32, ward: u32) -> bool {
        match self.shown(binder, ward).await {
            Ok(_) => true,
            Err(reason) => {
                assert_eq!(reason, "CODE_NOT_FOUND");
                false
            }
        }
    }
}

/// A fake of identity's event log.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<identity::Event>>>);

impl Log {
    /// The routes of an identity that names nobody and has this log.
    pub fn routes(&self) -> tonic::service::Routes {
        use identity::event_log_service_server::EventLogServiceServer;
        use identity::identity_service_server::IdentityServiceServer;
        tonic::service::Routes::new(EventLogServiceServer::new(self.clone()))
            .add_service(IdentityServiceServer::new(self.clone()))
    }

    fn tell(&self, binding: &wire::AppliedBinding) {
        let (binding_id, binder_subject_id) = (binding.binding_id.clone(), binding.binder_subject_id.clone());
        let version = binding.version;
        let payload = if binding.active {
            identity::event::Payload::BindingActivated(identity::BindingActivated {
                binding_id,
                binder_subject_id,
                version,
            })
        } else {
            identity::event::Payload::BindingEnded(identity::BindingEnded {
                binding_id,
                binder_subject_id,
                version,
            })
        };
        let mut told = self.0.lock().unwrap();
        let sequence = i64::try_from(told.len()).unwrap() + 1;
        told.push(identity::Event {
            sequence,
            subject_id: binding.ward_subject_id.clone(),
            create_time: None,
            payload: Some(payload),
        });
    }
}

impl Log {
    /// Somebody lives in a division from now on.
    pub fn place(&self, subject: &str, division: &str) {
        let mut told = self.0.lock().unwrap();
        let sequence = i64::try_from(told.len()).unwrap() + 1;
        told.push(identity::Event {
            sequence,
            subject_id: subject.to_owned(),
            create_time: None,
            payload: Some(identity::event::Payload::SubjectPlaced(identity::SubjectPlaced {
                division: division.to_owned(),
            })),
        });
    }
}

#[tonic::async_trait]
impl identity::event_log_service_server::EventLogService for Log {
    async fn list_events(
        &self,
        request: Request<identity::ListEventsRequest>,
    ) -> Result<Response<identity::ListEventsResponse>, Status> {
        let after = lutong_testing::plain_cursor(&request.get_ref().cursor);
        let told = self.0.lock().unwrap();
        let events = told.iter().filter(|event| event.sequence > after).cloned();
        Ok(Response::new(identity::ListEventsResponse {
            events: events.collect(),
            next_cursor: told.len().to_string(),
            head_sequence: i64::try_from(told.len()).unwrap(),
        }))
    }
}

/// Names nobody: every code is shown without a mask.
#[tonic::async_trait]
impl identity::identity_service_server::IdentityService for Log {
    async fn register_person(
        &self,
        _: Request<identity::RegisterPersonRequest>,
    ) -> Result<Response<identity::RegisterPersonResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn register_batch(
        &self,
        _: Request<identity::RegisterBatchRequest>,
    ) -> Result<Response<identity::RegisterBatchResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn register_at_counter(
        &self,
        _: Request<identity::RegisterAtCounterRequest>,
    ) -> Result<Response<identity::RegisterAtCounterResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn get_ward(
        &self,
        _: Request<identity::GetWardRequest>,
    ) -> Result<Response<identity::GetWardResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn resolve_documents(
        &self,
        _: Request<identity::ResolveDocumentsRequest>,
    ) -> Result<Response<identity::ResolveDocumentsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn get_name_masks(
        &self,
        _: Request<identity::GetNameMasksRequest>,
    ) -> Result<Response<identity::GetNameMasksResponse>, Status> {
        Ok(Response::new(identity::GetNameMasksResponse::default()))
    }
}

async fn a_binder_shows_the_code_of_a_ward_and_of_nobody_else(bed: Bed) {
    let codes = start(bed).await;
    codes
        .apply((1..=3).map(|n| decision(n, Colour::Green, 1)).collect())
        .await;
    assert!(!codes.is_shown(1, 2).await);
    assert_eq!(codes.bind(vec![binding(1, 1, 2, true)]).await, 1);
    let token = codes.shown(1, 2).await.unwrap();
    assert_eq!(codes.outcome(&token).await, Outcome::Valid);
    // Not in the other direction, not somebody else's ward, and not over the ward.
    codes.bind(vec![binding(2, 2, 3, true)]).await;
    for (binder, other) in [(2, 1), (3, 2), (1, 3)] {
        assert!(!codes.is_shown(binder, other).await, "{binder} {other}");
    }
    assert!(codes.is_shown(1, 1).await);
    // A ward without a code has none.
    codes.bind(vec![binding(3, 1, 4, true)]).await;
    assert!(!codes.is_shown(1, 4).await);
}

async fn after_an_acknowledged_unbinding_no_replica_shows_the_code(bed: Bed) {
    let storage = bed
        .storage::<lutong_code_rendering::Migrations>(ServiceName::CodeRendering)
        .await;
    build(&bed, &storage).await;
    // A replica exists where the engine allows two: on SQLite it is the same process after a restart.
    let other = bed.reopened();
    let codes = Codes(bed);
    codes
        .apply(vec![decision(1, Colour::Green, 1), decision(2, Colour::Green, 1)])
        .await;
    codes.bind(vec![binding(1, 1, 2, true)]).await;
    assert!(codes.is_shown(1, 2).await);
    build(&other, &storage).await;
    let other = Codes(other);
    assert!(other.is_shown(1, 2).await);
    assert_eq!(codes.bind(vec![binding(1, 1, 2, false)]).await, 1);
    assert!(!codes.is_shown(1, 2).await);
    assert!(!other.is_shown(1, 2).await);
    // Sent again, to the other one: known already.
    assert_eq!(other.bind(vec![binding(1, 1, 2, false)]).await, 0);
}

async fn an_end_that_comes_before_its_beginning_stays_an_end(bed: Bed) {
    let codes = start(bed).await;
    codes
        .apply(vec![decision(1, Colour::Green, 1), decision(2, Colour::Green, 1)])
        .await;
    let (begun, ended) = (binding(1, 1, 2, true), binding(1, 1, 2, false));
    codes.bind(vec![ended.clone()]).await;
    assert_eq!(codes.bind(vec![begun.clone()]).await, 0);
    assert!(!codes.is_shown(1, 2).await);
    // In one call, and twice.
    let (begun, ended) = (binding(2, 1, 2, true), binding(2, 1, 2, false));
    codes.bind(vec![ended.clone(), begun.clone(), ended, begun]).await;
    assert!(!codes.is_shown(1, 2).await);
}

async fn two_bindings_of_the_same_people_are_two_bindings(bed: Bed) {
    let codes = start(bed).await;
    codes
        .apply(vec![decision(1, Colour::Green, 1), decision(2, Colour::Green, 1)])
        .await;
    codes
        .bind(vec![binding(1, 1, 2, true), binding(1, 1, 2, false)])
        .await;
    codes.bind(vec![binding(2, 1, 2, true)]).await;
    assert!(codes.is_shown(1, 2).await);
    // The end of the first one once more does not end the second.
    codes.bind(vec![binding(1, 1, 2, false)]).await;
    assert!(codes.is_shown(1, 2).await);
    codes.bind(vec![binding(2, 1, 2, false)]).await;
    assert!(!codes.is_shown(1, 2).await);
}

async fn bindings_that_no_call_delivered_come_with_the_log(bed: Bed) {
    let log = Log::default();
    bed.bind_fake(ServiceName::Identity, log.routes());
    let codes = start(bed).await;
    codes
        .apply((1..=3).map(|n| decision(n, Colour::Green, 1)).collect())
        .await;
    log.tell(&binding(1, 1, 2, true));
    codes.until(1, 2, true).await;
    // A call was faster than the log, which says the beginning after the end.
    codes.bind(vec![binding(2, 1, 3, false)]).await;
    log.tell(&binding(2, 1, 3, true));
    log.tell(&binding(1, 1, 2, false));
    codes.until(1, 2, false).await;
    assert!(!codes.is_shown(1, 3).await);
}

impl Codes {
    async fn until(&self, binder: u32, ward: u32, is_shown: bool) {
        for _ in 0..400 {
            if self.is_shown(binder, ward).await == is_shown {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the log was not read within 10 s");
    }
}

async fn a_binding_that_says_nothing_is_named_and_not_taken_in(bed: Bed) {
    let codes = start(bed).await;
    codes
        .apply(vec![decision(1, Colour::Green, 1), decision(2, Colour::Green, 1)])
        .await;
    let mut nobody = binding(2, 1, 3, true);
    nobody.ward_subject_id.clear();
    let refused = codes
        .try_to_bind(vec![binding(1, 1, 2, true), nobody])
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "INVALID_FIELDS");
    assert_eq!(refused.violations[0].field, "bindings[1].ward_subject_id");
    assert!(!codes.is_shown(1, 2).await);
    let many = vec![binding(1, 1, 2, true); 1_001];
    let refused = codes.try_to_bind(many).await.unwrap_err();
    assert_eq!(refused.violations[0].reason, "TOO_MANY");
    assert_eq!(codes.bind(vec![binding(1, 1, 2, true); 1_000]).await, 1);
}
