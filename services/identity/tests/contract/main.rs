//! Contract tests of identity, on both engines.

#![allow(clippy::unwrap_used)]

mod accounts;
mod audit;
mod bindings;
mod code_notices;
mod event_log;
mod health_cards;
mod lookups;
mod medical_institutions;
mod merges;
mod one_time_codes;
mod organisations;
mod partner_consents;
mod people;
mod person_changes;
mod person_disclosures;
mod proving;
mod registrations;
mod registrations_at_a_counter;

use std::time::Duration;

use lutong_identity::{IdentityConfig, Migrations};
use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1 as wire;
use lutong_proto::identity::v1::account_service_client::AccountServiceClient;
use lutong_proto::identity::v1::identity_service_client::IdentityServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1 as types;
use lutong_storage::StorageConfig;
use lutong_testing::Bed;
use tonic::Status;
use wire::event::Payload;
use wire::event_log_service_client::EventLogServiceClient;

struct Identity(Bed, StorageConfig);

/// Accounts of the tests are those of the development provider, unless they say their channel.
async fn start(bed: Bed) -> Identity {
    let config = IdentityConfig {
        trust_stated: true,
        ..IdentityConfig::default()
    };
    start_with(bed, config).await
}

async fn start_with(bed: Bed, config: IdentityConfig) -> Identity {
    let storage = bed.storage::<Migrations>(ServiceName::Identity).await;
    let peers = lutong_identity::Peers {
        declaration: bed.channel(ServiceName::Declaration, Caller::Identity),
        code_rendering: bed.channel(ServiceName::CodeRendering, Caller::Identity),
    };
    let component = lutong_identity::build(&bed.foundation, &storage, &config, peers)
        .await
        .unwrap();
    bed.bind(component);
    Identity(bed, storage)
}

fn items(name: &str, number: &str) -> types::PersonItems {
    types::PersonItems {
        full_name: name.to_owned(),
        document: Some(document(number)),
        mobile: "13800138000".to_owned(),
        nationality: "CHN".to_owned(),
        home_address: Some(types::HomeAddress {
            division: "370202".to_owned(),
            detail: "香港中路1号".to_owned(),
        }),
    }
}

fn document(number: &str) -> types::Document {
    types::Document {
        r#type: types::DocumentType::ResidentId.into(),
        number: number.to_owned(),
        issuing_country: String::new(),
    }
}

/// GB 11643's own example numbers.
const ONE: &str = "11010519491231002X";
const TWO: &str = "440524188001010014";

fn request_id(n: u32) -> String {
    format!("00000000-0000-7000-8000-{n:012}")
}

/// A request id that no other request of this run has.
fn next_id() -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(900_000);
    request_id(NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}

fn reason(status: &Status) -> Fault {
    lutong_transport::status::to_fault(status, "identity")
}

impl Identity {
    async fn register(&self, account: &str, n: u32, person: types::PersonItems) -> Result<String, Fault> {
        let registered = self.registered(account, n, person).await;
        registered.map(|registered| registered.subject_id)
    }

    /// Asserts that a form is refused with these fields and reasons, without repeating its values or storing anything.
    async fn refuses(&self, person: types::PersonItems, named: &[&str]) {
        let written = [
            person.full_name.clone(),
            person.document.clone().unwrap().number,
            person.nationality.clone(),
        ];
        let refused = self.register("wx-1", 1, person).await.unwrap_err();
        assert_eq!(refused.reason, "INVALID_FIELDS");
        let violations = refused.violations.iter();
        let told: Vec<_> = violations
            .map(|one| format!("{} {}", one.field, one.reason))
            .collect();
        assert_eq!(told, named);
        let told = format!("{refused:?}");
        assert!(
            written
                .iter()
                .all(|text| text == "CHN" || !told.contains(text.as_str())),
            "{told}"
        );
        for table in ["people", "accounts", "idempotency"] {
            assert_eq!(lutong_testing::rows(&self.1, table).await, 0, "{table}");
        }
    }

    async fn registered(
        &self,
        account: &str,
        n: u32,
        person: types::PersonItems,
    ) -> Result<wire::RegisterPersonResponse, Fault> {
        let channel = self.0.channel(ServiceName::Identity, Caller::Declaration);
        let request =
            self.0
                .call_as(&lutong_testing::citizen(account, None))
                .request(wire::RegisterPersonRequest {
                    request_id: request_id(n),
                    mobile_proof: None,
                    person: Some(person),
                });
        let answer = IdentityServiceClient::new(channel).register_person(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| reason(&status))
    }

    async fn resolve(&self, documents: Vec<types::Document>) -> Vec<wire::resolution::Outcome> {
        let channel = self.0.channel(ServiceName::Identity, Caller::Declaration);
        let request = self
            .0
            .call_as(&lutong_testing::feed("cdc-370200", &["case"]))
            .request(wire::ResolveDocumentsRequest { documents });
        let answer = IdentityServiceClient::new(channel)
            .resolve_documents(request)
            .await
            .unwrap();
        let resolutions = answer.into_inner().resolutions.into_iter();
        resolutions
            .map(|resolution| resolution.outcome.unwrap())
            .collect()
    }

    async fn masks(&self, subjects: &[&str]) -> Vec<wire::NameMask> {
        let channel = self.0.channel(ServiceName::Identity, Caller::CodeRendering);
        let call = lutong_transport::client::Call::background(Duration::from_secs(5));
        let request = call.request(wire::GetNameMasksRequest {
            subject_ids: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
        });
        let answer = IdentityServiceClient::new(channel)
            .get_name_masks(request)
            .await
            .unwrap();
        answer.into_inner().masks
    }

    async fn two(&self) -> (String, String) {
        let one = self.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
        let two = self.register("wx-2", 2, items("李四", TWO)).await.unwrap();
        (one, two)
    }

    async fn list(&self, cursor: &str, page_size: i32) -> Result<(Vec<wire::Event>, String), Fault> {
        let request = lutong_transport::client::Call::background(Duration::from_secs(5)).request(
            wire::ListEventsRequest {
                cursor: cursor.to_owned(),
                page_size,
            },
        );
        let mut log = EventLogServiceClient::new(self.0.channel(ServiceName::Identity, Caller::RiskRules));
        let answer = log.list_events(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map(|answer| (answer.events, answer.next_cursor))
            .map_err(|status| reason(&status))
    }

    /// The events in the log, once there are `count` of them.
    async fn published_events(&self, count: usize) -> Vec<(String, Payload)> {
        for _ in 0..400 {
            let (events, _) = self.list("", 0).await.unwrap();
            if events.len() >= count {
                let told = events.into_iter();
                return told
                    .map(|event| (event.subject_id, event.payload.unwrap()))
                    .collect();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{count} events were not told within 10 s");
    }

    async fn account(&self, id: &str) -> wire::Account {
        self.asked(id).await.unwrap()
    }

    async fn asked(&self, id: &str) -> Result<wire::Account, Fault> {
        let channel = self.0.channel(ServiceName::Identity, Caller::Gateway);
        let call = lutong_transport::client::Call::background(Duration::from_secs(5));
        let request = call.request(wire::GetAccountRequest {
            account_id: id.to_owned(),
        });
        let answer = AccountServiceClient::new(channel).get_account(request).await;
        answer
            .map(|answer| answer.into_inner().account.unwrap())
            .map_err(|status| reason(&status))
    }
}
