//! Contract tests of declaration, on both engines, with fakes of the services that it calls.

#![allow(clippy::unwrap_used)]

mod application_imports;
mod applications;
mod arrivals;
mod assisted_applications;
mod audit;
mod commitments;
mod daily_reports;
mod declarations;
mod event_log;
mod fact_imports;
mod fakes;
mod feeds;
mod journeys;
mod lookups;
mod national_codes;
mod partner_declarations;
mod postponed;
mod proofs;
mod pulls;
mod replacements;
mod ward_applications;

use std::time::Duration;

use lutong_chassis::Component;
use lutong_declaration::{DeclarationConfig, Migrations, Peers};
use lutong_kernel::{Fault, ServiceName};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::declaration::v1::application_service_client::ApplicationServiceClient;
use lutong_proto::declaration::v1::arrival_service_client::ArrivalServiceClient;
use lutong_proto::declaration::v1::event_log_service_client::EventLogServiceClient;
use lutong_proto::federation::v1::conversion_service_server::ConversionServiceServer;
use lutong_proto::federation::v1::event_log_service_server::EventLogServiceServer as FederationLogServer;
use lutong_proto::federation::v1::national_code_service_server::NationalCodeServiceServer;
use lutong_proto::federation::v1::partner_code_service_server::PartnerCodeServiceServer;
use lutong_proto::identity::v1::event_log_service_server::EventLogServiceServer;
use lutong_proto::identity::v1::identity_service_server::IdentityServiceServer;
use lutong_proto::identity::v1::lookup_service_server::LookupServiceServer;
use lutong_proto::identity::v1::person_disclosure_service_server::PersonDisclosureServiceServer;
use lutong_proto::policy::Caller;
use lutong_proto::risk_rules::v1::decision_service_server::DecisionServiceServer;
use lutong_proto::risk_rules::v1::{FactStatement, fact_statement};
use lutong_proto::types::v1 as types;
use lutong_storage::StorageConfig;
use lutong_testing::Bed;
use lutong_testing::lookups::RecordedLookups;
use lutong_transport::access::Principal;
use lutong_transport::status;
use tonic::service::Routes;

/// GB 11643's own example number.
const NUMBER: &str = "11010519491231002X";

/// Declaration without its peers; a test binds the ones it needs.
struct Declaration {
    bed: Bed,
    storage: StorageConfig,
    identity: fakes::Identity,
    risk_rules: fakes::RiskRules,
    federation: fakes::Federation,
    /// The ledger of its identity.
    lookups: RecordedLookups,
}

async fn alone(bed: Bed) -> Declaration {
    alone_with(bed, &DeclarationConfig::default()).await
}

async fn alone_with(bed: Bed, config: &DeclarationConfig) -> Declaration {
    let storage = bed.storage::<Migrations>(ServiceName::Declaration).await;
    let component = build(&bed, &storage, config).await;
    bed.bind(component);
    Declaration {
        bed,
        storage,
        identity: fakes::Identity::default(),
        risk_rules: fakes::RiskRules::default(),
        federation: fakes::Federation::default(),
        lookups: RecordedLookups::default(),
    }
}

/// A process of the service on a store.
async fn build(bed: &Bed, storage: &StorageConfig, config: &DeclarationConfig) -> Component {
    let channel = |to| bed.channel(to, Caller::Declaration);
    let peers = Peers {
        identity: channel(ServiceName::Identity),
        risk_rules: channel(ServiceName::RiskRules),
        federation: channel(ServiceName::Federation),
    };
    let component = lutong_declaration::build(&bed.foundation, storage, config, peers).await;
    component.unwrap()
}

async fn start(bed: Bed) -> Declaration {
    start_with(bed, &DeclarationConfig::default()).await
}

async fn start_with(bed: Bed, config: &DeclarationConfig) -> Declaration {
    let declaration = alone_with(bed, config).await;
    declaration.bind_identity();
    declaration.bind_risk_rules();
    declaration.bind_federation();
    declaration
}

fn request_id(n: u32) -> String {
    format!("00000000-0000-7000-9000-{n:012}")
}

fn fault(status: &tonic::Status) -> Fault {
    status::to_fault(status, "declaration")
}

fn form() -> wire::ApplicationForm {
    wire::ApplicationForm {
        person: Some(types::PersonItems {
            full_name: "王小明".to_owned(),
            document: Some(document(NUMBER)),
            mobile: "13800138000".to_owned(),
            nationality: "CHN".to_owned(),
            home_address: Some(types::HomeAddress {
                division: "370202".to_owned(),
                detail: "香港中路1号".to_owned(),
            }),
        }),
        contact_history: Vec::new(),
        mobile_proof: None,
        commitment: Some(wire::Commitment {
            accepted: true,
            text_version: "2020-02".to_owned(),
        }),
    }
}

/// The fact kind of a statement.
fn kind_of(statement: &FactStatement) -> &'static str {
    let fact = match statement.statement.as_ref().unwrap() {
        fact_statement::Statement::Fact(fact) => fact,
        fact_statement::Statement::Correction(correction) => correction.fact.as_ref().unwrap(),
        fact_statement::Statement::Retraction(_) => return "retraction",
    };
    fact.fact_kind().unwrap().as_str()
}

/// The key that a statement corrects; empty if it is not a correction.
fn replaces(statement: &FactStatement) -> String {
    match statement.statement.as_ref().unwrap() {
        fact_statement::Statement::Correction(correction) => correction.replaces_key.clone(),
        _ => String::new(),
    }
}

fn document(number: &str) -> types::Document {
    types::Document {
        r#type: types::DocumentType::ResidentId.into(),
        number: number.to_owned(),
        issuing_country: String::new(),
    }
}

fn destination() -> wire::Destination {
    wire::Destination {
        division: "370202".to_owned(),
        detail: "香港中路1号".to_owned(),
        arrive_time: None,
    }
}

fn stay(day: &str) -> wire::ContactEntry {
    wire::ContactEntry {
        contact_date: day.to_owned(),
        r#type: wire::ContactType::AreaStay.into(),
        division: "370202".to_owned(),
        ..wire::ContactEntry::default()
    }
}

impl Declaration {
    fn bind_identity(&self) {
        let log = EventLogServiceServer::new(self.identity.clone());
        let service = IdentityServiceServer::new(self.identity.clone());
        let ledger = LookupServiceServer::new(self.lookups.clone());
        let disclosures = PersonDisclosureServiceServer::new(self.identity.clone());
        let routes = Routes::new(service)
            .add_service(log)
            .add_service(ledger)
            .add_service(disclosures);
        self.bed.bind_fake(ServiceName::Identity, routes);
    }

    fn bind_risk_rules(&self) {
        let service = DecisionServiceServer::new(self.risk_rules.clone());
        self.bed.bind_fake(ServiceName::RiskRules, Routes::new(service));
    }

    fn bind_federation(&self) {
        let codes = PartnerCodeServiceServer::new(self.federation.clone());
        let log = FederationLogServer::new(self.federation.clone());
        let conversions = ConversionServiceServer::new(self.federation.clone());
        let national = NationalCodeServiceServer::new(self.federation.clone());
        let routes = Routes::new(codes)
            .add_service(log)
            .add_service(conversions)
            .add_service(national);
        self.bed.bind_fake(ServiceName::Federation, routes);
    }

    fn client(&self) -> ApplicationServiceClient<lutong_transport::client::MeshChannel> {
        ApplicationServiceClient::new(self.bed.channel(ServiceName::Declaration, Caller::Gateway))
    }

    fn arrivals(&self) -> ArrivalServiceClient<lutong_transport::client::MeshChannel> {
        ArrivalServiceClient::new(self.bed.channel(ServiceName::Declaration, Caller::Gateway))
    }

    /// The account's principal once its person is known.
    fn person(&self, account: &str) -> Principal {
        lutong_testing::citizen(account, Some(self.identity.subject(NUMBER).parse().unwrap()))
    }

    async fn apply_as(
        &self,
        account: &str,
        n: u32,
        form: wire::ApplicationForm,
    ) -> Result<wire::Application, Fault> {
        let call = self.bed.call_as(&lutong_testing::citizen(account, None));
        let request = wire::CreateApplicationRequest {
            request_id: request_id(n),
            form: Some(form),
            replaces: String::new(),
        };
        let answer = self.client().create_application(call.request(request)).await;
        answer
            .map(|answer| answer.into_inner().application.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn apply(&self, n: u32, form: wire::ApplicationForm) -> Result<wire::Application, Fault> {
        self.apply_as("wx-1", n, form).await
    }

    async fn own_applications(&self, who: &Principal) -> Vec<wire::Application> {
        let request = self
            .bed
            .call_as(who)
            .request(wire::ListApplicationsRequest::default());
        let answer = self.client().list_applications(request).await.unwrap();
        answer.into_inner().applications
    }

    async fn application(&self, who: &Principal, name: &str) -> Result<wire::Application, Fault> {
        let request = wire::GetApplicationRequest {
            name: name.to_owned(),
        };
        let request = self.bed.call_as(who).request(request);
        let answer = self.client().get_application(request).await;
        answer
            .map(|answer| answer.into_inner().application.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn arrive(
        &self,
        n: u32,
        origin: impl Into<Option<wire::arrival_form::Origin>>,
        form: wire::ApplicationForm,
    ) -> Result<wire::Arrival, Fault> {
        self.arrive_and(n, origin, form, false).await
    }

    async fn arrive_and(
        &self,
        n: u32,
        origin: impl Into<Option<wire::arrival_form::Origin>>,
        form: wire::ApplicationForm,
        wait_for_entry: bool,
    ) -> Result<wire::Arrival, Fault> {
        let request = wire::CreateArrivalRequest {
            wait_for_entry,
            request_id: request_id(n),
            form: Some(wire::ArrivalForm {
                application: Some(form),
                origin: origin.into(),
                destination: Some(destination()),
                itinerary: Vec::new(),
            }),
        };
        let request = self
            .bed
            .call_as(&lutong_testing::citizen("wx-1", None))
            .request(request);
        let answer = self.arrivals().create_arrival(request).await;
        answer
            .map(|answer| answer.into_inner().arrival.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn events(&self, cursor: &str, page: i32) -> Result<(Vec<wire::Event>, String), Fault> {
        let channel = self.bed.channel(ServiceName::Declaration, Caller::RiskRules);
        let call = lutong_transport::client::Call::background(Duration::from_secs(5));
        let request = call.request(wire::ListEventsRequest {
            cursor: cursor.to_owned(),
            page_size: page,
        });
        let answer = EventLogServiceClient::new(channel).list_events(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map(|answer| (answer.events, answer.next_cursor))
            .map_err(|status| fault(&status))
    }

    /// The events in the log, once `count` of them have their sequence.
    async fn published_events(&self, count: usize) -> Vec<wire::DeclarationAccepted> {
        let waiting = async {
            loop {
                let (events, _) = self.events("", 0).await.unwrap();
                if events.len() >= count {
                    return events;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let events = tokio::time::timeout(Duration::from_secs(5), waiting)
            .await
            .unwrap();
        let accepted = events.into_iter().map(|event| match event.payload.unwrap() {
            wire::event::Payload::DeclarationAccepted(accepted) => accepted,
            wire::event::Payload::ArrivalPostponed(postponed) => panic!("{postponed:?}"),
        });
        accepted.collect()
    }

    /// Numbers of declarations, idempotency answers and events; a refusal adds none.
    async fn stored(&self) -> [i64; 3] {
        [
            lutong_testing::rows(&self.storage, "declarations").await,
            lutong_testing::rows(&self.storage, "idempotency").await,
            lutong_testing::rows(&self.storage, "outbox").await,
        ]
    }
}
