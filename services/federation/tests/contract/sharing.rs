//! Two provinces share changes: what was verified for a partner is followed, told in signed batches, in force there before it is acknowledged, and
//! nothing that the network or the partner does makes anything green that is not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::Uri;
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use lutong_federation::{FederationConfig, Migrations};
use lutong_kernel::{Colour, Fault, ServiceName, Timestamp};
use lutong_proto::federation::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::time::instant;
use lutong_proto::types::v1::Colour as WireColour;
use lutong_storage::StorageConfig;
use lutong_testing::{Bed, bytes, on_both_engines, rows, tamper, texts};
use lutong_token::{Claims, SigningKey, VerifyingKey};
use lutong_transport::access::{PARTNER_HEADER, Principal};
use serde_json::{Value, json};
use wire::conversion_service_client::ConversionServiceClient;
use wire::event_log_service_client::EventLogServiceClient;
use wire::exchange_service_client::ExchangeServiceClient;
use wire::subscription_service_client::SubscriptionServiceClient;

use crate::codes::Codes;
use crate::partner_codes::verify;
use crate::{fault, key, metadata, province, staff};

on_both_engines!(
    a_change_at_the_origin_is_told_here_and_acknowledged_once_it_is_in_force,
    a_withdrawal_counts_as_yellow_and_green_comes_back_of_green_alone,
    what_changes_while_the_partner_is_away_is_told_afterwards_once,
    a_lossy_network_leaves_both_sides_agreed,
    a_batch_that_is_not_the_next_of_the_partner_is_not_taken_in,
    after_missed_batches_the_codes_are_compared,
    a_conversion_says_where_it_came_from_and_nothing_of_its_holder,
    subscriptions_are_listed_with_how_they_stand,
    a_partner_learns_nothing_of_codes_that_were_verified_for_another,
    the_log_of_conversions_is_read_on_and_says_what_it_keeps_no_more,
);

const SUBJECTS: [&str; 3] = [
    "0193b2a0-0000-7000-8000-000000000001",
    "0193b2a0-0000-7000-8000-000000000002",
    "0193b2a0-0000-7000-8000-000000000003",
];

/// What the line between the provinces does with the next calls to one side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Line {
    #[default]
    Up,
    Down,
    /// The request arrives, its answer does not.
    LosesAnswers,
    /// The request arrives twice; the second answer is given.
    Duplicates,
    /// A byte of each answer's body is changed.
    Corrupts,
}

/// The gateway of a province, as far as a partner calls it: JSON of `lutong.federation.v1`.
#[derive(Clone, Default)]
pub struct Gateway {
    bed: Arc<Mutex<Option<Arc<Bed>>>>,
    pub line: Arc<Mutex<Line>>,
}

async fn pass(State(gateway): State<Gateway>, uri: Uri, body: String) -> axum::response::Response {
    let line = *gateway.line.lock().unwrap();
    let bed = gateway.bed.lock().unwrap().clone();
    let (false, Some(bed)) = (line == Line::Down, bed) else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let read: Value = serde_json::from_str(&body).unwrap();
    let field = |name: &str| STANDARD.decode(read["message"][name].as_str().unwrap()).unwrap();
    let message = wire::SignedMessage {
        header: field("header"),
        body: field("body"),
    };
    if line == Line::Duplicates {
        drop(call(&bed, uri.path(), message.clone()).await);
    }
    let answered = call(&bed, uri.path(), message).await;
    match (line, answered) {
        (Line::LosesAnswers, _) => StatusCode::GATEWAY_TIMEOUT.into_response(),
        (_, Err(_)) => StatusCode::BAD_REQUEST.into_response(),
        (line, Ok(mut answer)) => {
            if let (Line::Corrupts, Some(byte)) = (line, answer.body.first_mut()) {
                *byte ^= 1;
            }
            let answer =
                json!({"header": STANDARD.encode(answer.header), "body": STANDARD.encode(answer.body)});
            axum::Json(json!({"answer": answer})).into_response()
        }
    }
}

/// A partner's call of one of the signed methods.
pub async fn call(bed: &Bed, path: &str, message: wire::SignedMessage) -> Result<wire::SignedMessage, Fault> {
    call_over(bed, path, message, None).await
}

/// The same over the listener for partners, where the certificate of the connection names these hosts.
pub async fn call_over(
    bed: &Bed,
    path: &str,
    message: wire::SignedMessage,
    certificate: Option<&str>,
) -> Result<wire::SignedMessage, Fault> {
    let channel = bed.channel(ServiceName::Federation, Caller::Gateway);
    let public = bed.call_as(&Principal::public());
    let message = Some(message);
    let mut shared = SubscriptionServiceClient::new(channel.clone());
    let mut exchanges = ExchangeServiceClient::new(channel);
    let answered = match path {
        "/v1/exchanges:verify" => {
            let request = over(
                public.request(wire::VerifyHealthCodeRequest { message }),
                certificate,
            );
            let answer = exchanges.verify_health_code(request).await;
            answer.map(|answer| answer.into_inner().answer)
        }
        "/v1/exchanges:declare" => {
            let request = over(
                public.request(wire::DeclareHealthRequest { message }),
                certificate,
            );
            let answer = exchanges.declare_health(request).await;
            answer.map(|answer| answer.into_inner().answer)
        }
        "/v1/exchanges:travel" => {
            let request = over(
                public.request(wire::DeclareItineraryRequest { message }),
                certificate,
            );
            let answer = exchanges.declare_itinerary(request).await;
            answer.map(|answer| answer.into_inner().answer)
        }
        "/v1/exchanges:query" => {
            let request = over(
                public.request(wire::QueryHealthRecordsRequest { message }),
                certificate,
            );
            let answer = exchanges.query_health_records(request).await;
            answer.map(|answer| answer.into_inner().answer)
        }
        "/v1/exchanges:call" => {
            let request = over(
                public.request(wire::CallHealthCodeRequest { message }),
                certificate,
            );
            let answer = exchanges.call_health_code(request).await;
            answer.map(|answer| answer.into_inner().answer)
        }
        "/v1/exchanges:make" => {
            let request = over(
                public.request(wire::MakeHealthCodeRequest { message }),
                certificate,
            );
            let answer = exchanges.make_health_code(request).await;
            answer.map(|answer| answer.into_inner().answer)
        }
        "/v1/exchanges:correct" => {
            let request = over(
                public.request(wire::CorrectDeclarationRequest { message }),
                certificate,
            );
            let answer = exchanges.correct_declaration(request).await;
            answer.map(|answer| answer.into_inner().answer)
        }
        "/v1/subscriptions:pull" => {
            let request = over(public.request(wire::PullChangesRequest { message }), certificate);
            let answer = shared.pull_changes(request).await;
            answer.map(|answer| answer.into_inner().answer)
        }
        "/v1/subscriptions:compare" => {
            let request = over(public.request(wire::CompareCodesRequest { message }), certificate);
            let answer = shared.compare_codes(request).await;
            answer.map(|answer| answer.into_inner().answer)
        }
        "/v1/subscriptions:acknowledge" => {
            let request = over(
                public.request(wire::AcknowledgeChangesRequest { message }),
                certificate,
            );
            let answer = shared.acknowledge_changes(request).await;
            answer.map(|answer| answer.into_inner().answer)
        }
        "/v1/subscriptions:notify" => {
            let request = over(
                public.request(wire::NotifyChangesRequest { message }),
                certificate,
            );
            let answer = shared.notify_changes(request).await;
            answer.map(|answer| answer.into_inner().answer)
        }
        other => panic!("nobody calls {other}"),
    };
    answered.map(Option::unwrap).map_err(|status| fault(&status))
}

fn over<T>(mut request: tonic::Request<T>, certificate: Option<&str>) -> tonic::Request<T> {
    if let Some(names) = certificate {
        let names = names.parse().unwrap();
        request.metadata_mut().insert(PARTNER_HEADER, names);
    }
    request
}

async fn listen(gateway: &Gateway) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(pass).with_state(gateway.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A province: its federation, and what it says to others.
pub struct Side {
    pub bed: Arc<Bed>,
    pub storage: StorageConfig,
    pub codes: Codes,
    pub gateway: Gateway,
    address: String,
}

async fn build(bed: &Bed, storage: &StorageConfig, province: &str, list: Option<&str>) {
    let file = bed.folder().join("trust-list.toml");
    if let Some(list) = list {
        std::fs::write(&file, list).unwrap();
    }
    let config = FederationConfig {
        trust_list: list.map(|_| file),
        province: province.to_owned(),
        ..FederationConfig::default()
    };
    let peers = lutong_federation::Peers {
        code_rendering: bed.channel(ServiceName::CodeRendering, Caller::Federation),
        identity: bed.channel(ServiceName::Identity, Caller::Federation),
        declaration: bed.channel(ServiceName::Declaration, Caller::Federation),
    };
    let component = lutong_federation::build(&bed.foundation, storage, &config, peers).await;
    bed.bind(component.unwrap());
}

/// The keys that a province signs with: messages, batches.
async fn keys(bed: &Bed) -> [String; 2] {
    let channel = bed.channel(ServiceName::Federation, Caller::Gateway);
    let request = bed
        .call_as(&Principal::public())
        .request(wire::GetMessageKeyRequest {});
    let answer = ExchangeServiceClient::new(channel).get_message_key(request).await;
    let answer = answer.unwrap().into_inner();
    let public = VerifyingKey::from_pem(&answer.batch_public_key).unwrap();
    assert_eq!(public.kid().to_string(), answer.batch_key_id);
    [answer.public_key, answer.batch_public_key]
}

/// A list of one partner.
fn list(
    own: &str,
    partner: &str,
    address: &str,
    codes: &SigningKey,
    [messages, batches]: &[String; 2],
) -> String {
    let key = |pem: &str, purpose: &str| {
        format!(
            "[[partner.key]]\npublic_key = \"\"\"\n{pem}\"\"\"\npurposes = [\"{purpose}\"]\nnot_before = \"2022-01-01T00:00:00+08:00\"\n"
        )
    };
    format!(
        "version = \"x\"\naudience = \"{own}\"\n[[partner]]\nprovince = \"{partner}\"\nname = \"甲\"\naddress = \"{address}\"\n\
         directions = [\"INBOUND\", \"OUTBOUND\"]\nmodes = [\"CONVERSION\", \"SHARED_DATA\"]\n\
         quota = {{ requests_per_minute = 1000000, requests_per_day = 1000000 }}\n{}{}{}",
        key(&codes.verifying_key().to_pem().unwrap(), "CODES"),
        key(messages, "MESSAGES"),
        key(batches, "BATCHES"),
    )
}

pub struct Provinces {
    /// Shandong, where people arrive.
    pub here: Side,
    /// Jiangsu, where they come from.
    pub origin: Side,
    pub jiangsu: SigningKey,
}

pub async fn start(bed: Bed) -> Provinces {
    let jiangsu = key(32);
    let mut other = Bed::new(bed.engine());
    // The same instant in both, other keys and other chance.
    other.foundation.clock = std::sync::Arc::clone(&bed.foundation.clock);
    other.foundation.random = Arc::new(lutong_kernel::random::SeededRandom::new(32));
    let mut sides = Vec::new();
    for (bed, own) in [(bed, "37"), (other, "32")] {
        let storage = bed.storage::<Migrations>(ServiceName::Federation).await;
        let (codes, gateway) = (Codes::default(), Gateway::default());
        let before = bed.reopened();
        codes.bind(&before);
        build(&before, &storage, own, None).await;
        let keys = keys(&before).await;
        before.foundation.stop.cancel();
        let address = listen(&gateway).await;
        sides.push((bed, own, storage, codes, gateway, address, keys));
    }
    let lists = [
        list("37", "32", &sides[1].5, &jiangsu, &sides[1].6),
        list("32", "37", &sides[0].5, &key(37), &sides[0].6),
    ];
    let mut built = Vec::new();
    for ((bed, own, storage, codes, gateway, address, _), list) in sides.into_iter().zip(lists) {
        codes.bind(&bed);
        build(&bed, &storage, own, Some(&list)).await;
        let bed = Arc::new(bed);
        *gateway.bed.lock().unwrap() = Some(Arc::clone(&bed));
        built.push(Side {
            bed,
            storage,
            codes,
            gateway,
            address,
        });
    }
    let [here, origin] = <[Side; 2]>::try_from(built).ok().unwrap();
    Provinces {
        here,
        origin,
        jiangsu,
    }
}

impl Side {
    /// Two operators suspend a partner.
    pub async fn suspend(&self, partner: &str) {
        let channel = self.bed.channel(ServiceName::Federation, Caller::Gateway);
        let mut partners = wire::partner_service_client::PartnerServiceClient::new(channel);
        let name = format!("partners/{partner}");
        let proposal = wire::ProposePartnerRequest {
            request_id: crate::next_request_id(),
            name: name.clone(),
            proposed_state: wire::PartnerState::Suspended.into(),
            reason: "试验".to_owned(),
            ..wire::ProposePartnerRequest::default()
        };
        let call = self.bed.call_as(&staff("op-1", Role::Operator));
        partners.propose_partner(call.request(proposal)).await.unwrap();
        let approval = wire::ApprovePartnerRequest {
            request_id: crate::next_request_id(),
            name,
            ..wire::ApprovePartnerRequest::default()
        };
        let call = self.bed.call_as(&staff("op-2", Role::Operator));
        partners.approve_partner(call.request(approval)).await.unwrap();
    }

    /// Digests of the bodies of requests about people, in the order of their records.
    pub async fn digests(&self) -> Vec<Vec<u8>> {
        const ABOUT_PEOPLE: &[u8] = b"ExchangeService/";
        let kept = bytes(&self.storage, "message_records", "header").await;
        let is_about_people = |at: usize| {
            let before = &kept[at.saturating_sub(64)..at];
            before
                .windows(ABOUT_PEOPLE.len())
                .any(|text| text == ABOUT_PEOPLE)
        };
        // Nonce, digest, and no nonce of a request that it would answer.
        let headers = kept.windows(52).enumerate().filter(|(_, found)| {
            found[0] == 0x50 && found[17] == 0x58 && found[18] == 0x20 && found[51] == 0xf6
        });
        let found = headers.filter(|(at, _)| is_about_people(*at));
        found.map(|(_, found)| found[19..51].to_vec()).collect()
    }
}

/// A colour that the log of federation says of a conversion.
pub type Said = (String, WireColour);

impl Provinces {
    pub fn now(&self) -> Timestamp {
        self.here.bed.foundation.now()
    }

    /// Time passes in both provinces.
    pub fn wait(&self, seconds: u64) {
        self.here.bed.clock.advance(Duration::from_secs(seconds));
    }

    pub fn set(&self, n: usize, colour: Option<WireColour>) {
        self.origin.codes.set(SUBJECTS[n], colour, self.now());
    }

    /// The traveller shows a code of the origin here: what it is converted to.
    pub async fn arrive(&self, n: usize, signed: Colour) -> wire::VerifyPartnerCodeResponse {
        let number = u8::try_from(n).unwrap();
        let claims = Claims::dynamic(province("32"), self.now(), [number; 24], signed, None).unwrap();
        let token = self.jiangsu.sign(&claims).unwrap();
        self.origin.codes.issue(&token, SUBJECTS[n]);
        verify(&self.here.bed, &token).await.unwrap()
    }

    /// What the log of federation here says, read as declaration does.
    async fn log(&self) -> Vec<wire::ConversionChanged> {
        let events = self.events("").await.unwrap().events.into_iter();
        let changed = events.map(|event| match event.payload.unwrap() {
            wire::event::Payload::ConversionChanged(changed) => changed,
        });
        changed.collect()
    }

    async fn events(&self, cursor: &str) -> Result<wire::ListEventsResponse, Fault> {
        let bed = &self.here.bed;
        let channel = bed.channel(ServiceName::Federation, Caller::Declaration);
        let call = bed.call_as(&Principal::service("declaration"));
        let request = call.request(wire::ListEventsRequest {
            cursor: cursor.to_owned(),
            page_size: 0,
        });
        let listed = EventLogServiceClient::new(channel).list_events(request).await;
        listed
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    pub async fn said(&self) -> Vec<Said> {
        let log = self.log().await.into_iter();
        log.map(|changed| (changed.conversion.clone(), changed.colour()))
            .collect()
    }

    /// Waits until the log says this much: its relay numbers what was committed.
    pub async fn until_said(&self, count: usize) -> Vec<Said> {
        let started = std::time::Instant::now();
        loop {
            let said = self.said().await;
            if said.len() >= count {
                return said;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{said:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Declaration brings everything that is said into force, also what the log does not show yet.
    pub async fn confirm(&self) {
        let bed = &self.here.bed;
        let channel = bed.channel(ServiceName::Federation, Caller::Declaration);
        let call = bed.call_as(&Principal::service("declaration"));
        let started = std::time::Instant::now();
        while self.subscription(&self.here, "32").await.unconfirmed_changes > 0 {
            let log = self.log().await.into_iter();
            let request = call.request(wire::ConfirmConversionsRequest {
                change_ids: log.map(|changed| changed.change_id).collect(),
            });
            let mut client = ConversionServiceClient::new(channel.clone());
            client.confirm_conversions(request).await.unwrap();
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "it does not come into force"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn subscription(&self, side: &Side, partner: &str) -> wire::Subscription {
        let channel = side.bed.channel(ServiceName::Federation, Caller::Gateway);
        let call = side.bed.call_as(&staff("auditor-1", Role::Auditor));
        let request = call.request(wire::GetSubscriptionRequest {
            name: format!("subscriptions/{partner}"),
        });
        let found = SubscriptionServiceClient::new(channel)
            .get_subscription(request)
            .await;
        found.unwrap().into_inner().subscription.unwrap()
    }

    pub async fn conversion(&self, name: &str) -> wire::Conversion {
        let channel = self.here.bed.channel(ServiceName::Federation, Caller::Gateway);
        let call = self.here.bed.call_as(&staff("auditor-1", Role::Auditor));
        let request = call.request(wire::GetConversionRequest {
            name: name.to_owned(),
        });
        let found = ConversionServiceClient::new(channel)
            .get_conversion(request)
            .await;
        found.unwrap().into_inner().conversion.unwrap()
    }

    /// Waits until a conversion has an outcome, woken by notices and by the poll.
    pub async fn until(&self, name: &str, outcome: wire::RecognitionOutcome) -> wire::Conversion {
        let started = std::time::Instant::now();
        loop {
            let found = self.conversion(name).await;
            if found.outcome() == outcome {
                return found;
            }
            assert!(
                started.elapsed() < Duration::from_secs(40),
                "{found:?} is not {outcome:?}; {:?}",
                self.subscription(&self.here, "32").await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the origin knows that everything of its chain is in force here.
    async fn until_acknowledged(&self) -> wire::Subscription {
        let started = std::time::Instant::now();
        loop {
            let found = self.subscription(&self.origin, "37").await;
            if !found.head_tag.is_empty() && found.acknowledged_tag == found.head_tag {
                return found;
            }
            assert!(started.elapsed() < Duration::from_secs(40), "{found:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

use wire::RecognitionOutcome as Outcome;

async fn a_change_at_the_origin_is_told_here_and_acknowledged_once_it_is_in_force(bed: Bed) {
    let provinces = start(bed).await;
    provinces.set(0, Some(WireColour::Green));
    let arrived = provinces.arrive(0, Colour::Green).await;
    assert_eq!(arrived.colour(), WireColour::Green);
    provinces.wait(60);
    provinces.set(0, Some(WireColour::Red));
    let changed = provinces.until(&arrived.conversion, Outcome::Red).await;
    assert_eq!(changed.change_time, Some(instant(provinces.now())));
    assert_eq!(
        provinces.until_said(1).await,
        [(arrived.conversion.clone(), WireColour::Red)]
    );
    // Told, and not in force: nobody acknowledges it.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let here = provinces.subscription(&provinces.here, "32").await;
    assert_eq!(here.unconfirmed_changes, 1);
    let origin = provinces.subscription(&provinces.origin, "37").await;
    assert_ne!(origin.acknowledged_tag, origin.head_tag, "{origin:?}");
    provinces.confirm().await;
    let origin = provinces.until_acknowledged().await;
    assert_eq!(origin.unacknowledged_batches, 0);
    let here = provinces.subscription(&provinces.here, "32").await;
    assert_eq!((here.unconfirmed_changes, here.taken_tag), (0, origin.head_tag));
    assert_eq!(here.failure, "");
}

async fn a_withdrawal_counts_as_yellow_and_green_comes_back_of_green_alone(bed: Bed) {
    let provinces = start(bed).await;
    provinces.set(0, Some(WireColour::Green));
    let arrived = provinces.arrive(0, Colour::Green).await;
    provinces.wait(60);
    provinces.set(0, None);
    let withdrawn = provinces.until(&arrived.conversion, Outcome::NoCode).await;
    assert_eq!(withdrawn.state(), wire::ConversionState::Withdrawn);
    provinces.wait(60);
    provinces.set(0, Some(WireColour::Green));
    let back = provinces.until(&arrived.conversion, Outcome::Green).await;
    assert_eq!(back.state(), wire::ConversionState::Standing);
    let colours: Vec<_> = provinces
        .until_said(2)
        .await
        .into_iter()
        .map(|(_, colour)| colour)
        .collect();
    assert_eq!(colours, [WireColour::Yellow, WireColour::Green]);
}

async fn what_changes_while_the_partner_is_away_is_told_afterwards_once(bed: Bed) {
    let provinces = start(bed).await;
    for n in 0..3 {
        provinces.set(n, Some(WireColour::Green));
    }
    let mut names = Vec::new();
    for n in 0..3 {
        names.push(provinces.arrive(n, Colour::Green).await.conversion);
    }
    *provinces.origin.gateway.line.lock().unwrap() = Line::Down;
    // What was under way arrives.
    tokio::time::sleep(Duration::from_secs(1)).await;
    provinces.wait(60);
    provinces.set(0, Some(WireColour::Red));
    provinces.wait(60);
    provinces.set(0, Some(WireColour::Yellow));
    provinces.set(1, Some(WireColour::Red));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(provinces.said().await.is_empty(), "nothing is told");
    *provinces.origin.gateway.line.lock().unwrap() = Line::Up;
    provinces.until(&names[0], Outcome::Yellow).await;
    provinces.until(&names[1], Outcome::Red).await;
    provinces.confirm().await;
    provinces.until_acknowledged().await;
    let said = provinces.said().await;
    let last = |n: usize| {
        said.iter()
            .rfind(|(name, _)| *name == names[n])
            .map(|(_, colour)| *colour)
    };
    assert_eq!(
        [last(0), last(1), last(2)],
        [Some(WireColour::Yellow), Some(WireColour::Red), None]
    );
    let mut once = said.clone();
    once.dedup();
    assert_eq!(once, said, "nothing is said twice");
}

async fn a_lossy_network_leaves_both_sides_agreed(bed: Bed) {
    let provinces = start(bed).await;
    provinces.set(0, Some(WireColour::Green));
    let name = provinces.arrive(0, Colour::Green).await.conversion;
    let turns = [
        (Line::LosesAnswers, WireColour::Red, Outcome::Red),
        (Line::Duplicates, WireColour::Yellow, Outcome::Yellow),
        (Line::Corrupts, WireColour::Red, Outcome::Red),
        (Line::Down, WireColour::Green, Outcome::Green),
    ];
    for (line, colour, outcome) in turns {
        for side in [&provinces.here, &provinces.origin] {
            *side.gateway.line.lock().unwrap() = line;
        }
        provinces.wait(60);
        provinces.set(0, Some(colour));
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let standing = provinces.conversion(&name).await.outcome();
        assert!(standing != Outcome::Green || line == Line::LosesAnswers || outcome == Outcome::Green);
        for side in [&provinces.here, &provinces.origin] {
            *side.gateway.line.lock().unwrap() = Line::Up;
        }
        provinces.until(&name, outcome).await;
        provinces.confirm().await;
        provinces.until_acknowledged().await;
    }
    let colours: Vec<_> = provinces
        .said()
        .await
        .into_iter()
        .map(|(_, colour)| colour)
        .collect();
    let each = turns.map(|(_, colour, _)| colour);
    assert_eq!(colours, each, "each change once, in order");
}

async fn a_batch_that_is_not_the_next_of_the_partner_is_not_taken_in(bed: Bed) {
    let provinces = start(bed).await;
    provinces.set(0, Some(WireColour::Green));
    let name = provinces.arrive(0, Colour::Green).await.conversion;
    provinces.wait(60);
    provinces.set(0, Some(WireColour::Yellow));
    provinces.until(&name, Outcome::Yellow).await;
    // Somebody at the origin changes a batch that was cut.
    *provinces.origin.gateway.line.lock().unwrap() = Line::Down;
    let before = rows(&provinces.origin.storage, "batches").await;
    provinces.wait(60);
    provinces.set(0, Some(WireColour::Green));
    let started = std::time::Instant::now();
    while rows(&provinces.origin.storage, "batches").await == before {
        assert!(started.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let body = bytes(&provinces.origin.storage, "batches", "body").await;
    assert!(
        !String::from_utf8_lossy(&body).contains(SUBJECTS[0]),
        "no subject crosses the border"
    );
    let sql = format!("UPDATE batches SET body = header WHERE number > {before}");
    tamper(&provinces.origin.storage, &sql).await;
    *provinces.origin.gateway.line.lock().unwrap() = Line::Up;
    let started = std::time::Instant::now();
    loop {
        let here = provinces.subscription(&provinces.here, "32").await;
        if here.failure == "WRONG_BODY" {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(40), "{here:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(provinces.conversion(&name).await.outcome(), Outcome::Yellow);
}

async fn after_missed_batches_the_codes_are_compared(bed: Bed) {
    let provinces = start(bed).await;
    provinces.set(0, Some(WireColour::Green));
    let name = provinces.arrive(0, Colour::Green).await.conversion;
    provinces.wait(60);
    provinces.set(0, Some(WireColour::Yellow));
    provinces.until(&name, Outcome::Yellow).await;
    *provinces.origin.gateway.line.lock().unwrap() = Line::Down;
    provinces.wait(60);
    provinces.set(0, Some(WireColour::Red));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    // The origin's database is restored from a backup: its chain is another one.
    tamper(&provinces.origin.storage, "DELETE FROM batches").await;
    *provinces.origin.gateway.line.lock().unwrap() = Line::Up;
    provinces.until(&name, Outcome::Red).await;
}

async fn a_conversion_says_where_it_came_from_and_nothing_of_its_holder(bed: Bed) {
    let provinces = start(bed).await;
    provinces.set(0, Some(WireColour::Green));
    let arrived = provinces.arrive(0, Colour::Green).await;
    let found = provinces.conversion(&arrived.conversion).await;
    assert_eq!((found.partner_id.as_str(), found.is_followed), ("32", true));
    assert_eq!(found.key_id, provinces.jiangsu.kid().to_string());
    assert_eq!(
        (found.trust_list_version.as_str(), found.interface.as_str()),
        ("x", "lutong-1")
    );
    assert_eq!(found.token_digest.len(), 64);
    let channel = || {
        provinces
            .here
            .bed
            .channel(ServiceName::Federation, Caller::Gateway)
    };
    let call = provinces.here.bed.call_as(&staff("auditor-1", Role::Auditor));
    let list = |state: wire::ConversionState, partner: &str| {
        let request = call.request(wire::ListConversionsRequest {
            partner_id: partner.to_owned(),
            state: state.into(),
            ..Default::default()
        });
        let mut client = ConversionServiceClient::new(channel());
        async move {
            client
                .list_conversions(request)
                .await
                .map(tonic::Response::into_inner)
        }
    };
    let all = list(wire::ConversionState::Unspecified, "32").await.unwrap();
    assert_eq!(all.conversions, [found]);
    let none = list(wire::ConversionState::Withdrawn, "").await.unwrap();
    assert!(none.conversions.is_empty());
    let refused = list(wire::ConversionState::Unspecified, "xx").await.unwrap_err();
    assert_eq!(
        lutong_testing::violations(&fault(&refused)),
        ["partner_id PARTNER_SHAPE"]
    );
    let token = wire::ListConversionsRequest {
        page_token: "x".to_owned(),
        ..Default::default()
    };
    let refused = ConversionServiceClient::new(channel())
        .list_conversions(call.request(token))
        .await;
    assert_eq!(&*fault(&refused.unwrap_err()).reason, "INVALID_FIELDS");
    let request = call.request(wire::GetConversionRequest::default());
    let refused = ConversionServiceClient::new(channel())
        .get_conversion(request)
        .await;
    assert_eq!(&*fault(&refused.unwrap_err()).reason, "INVALID_FIELDS");
    let declaration = provinces
        .here
        .bed
        .channel(ServiceName::Federation, Caller::Declaration);
    let service = provinces.here.bed.call_as(&Principal::service("declaration"));
    let request = service.request(wire::ConfirmConversionsRequest {
        change_ids: vec!["x".to_owned()],
    });
    let refused = ConversionServiceClient::new(declaration)
        .confirm_conversions(request)
        .await;
    assert_eq!(
        lutong_testing::violations(&fault(&refused.unwrap_err())),
        ["change_ids[0] CHANGE_ID_SHAPE"]
    );
    for unknown in [
        "conversions/x",
        "conversions/0193b2a0-0000-7000-8000-00000000000f",
    ] {
        let request = call.request(wire::GetConversionRequest {
            name: unknown.to_owned(),
        });
        let refused = ConversionServiceClient::new(channel())
            .get_conversion(request)
            .await;
        assert_eq!(&*fault(&refused.unwrap_err()).reason, "CONVERSION_NOT_FOUND");
    }
}

async fn subscriptions_are_listed_with_how_they_stand(bed: Bed) {
    let provinces = start(bed).await;
    let channel = || {
        provinces
            .here
            .bed
            .channel(ServiceName::Federation, Caller::Gateway)
    };
    let call = provinces.here.bed.call_as(&staff("operator-1", Role::Operator));
    let request = call.request(wire::ListSubscriptionsRequest::default());
    let listed = SubscriptionServiceClient::new(channel())
        .list_subscriptions(request)
        .await;
    let listed = listed.unwrap().into_inner();
    assert_eq!(listed.subscriptions.len(), 1);
    assert_eq!(listed.subscriptions[0].name, "subscriptions/32");
    for unknown in ["subscriptions/44", "subscriptions/x"] {
        let request = call.request(wire::GetSubscriptionRequest {
            name: unknown.to_owned(),
        });
        let refused = SubscriptionServiceClient::new(channel())
            .get_subscription(request)
            .await;
        assert_eq!(
            &*fault(&refused.unwrap_err()).reason,
            "PARTNER_NOT_FOUND",
            "{unknown}"
        );
    }
    let request = call.request(wire::GetSubscriptionRequest::default());
    let refused = SubscriptionServiceClient::new(channel())
        .get_subscription(request)
        .await;
    assert_eq!(&*fault(&refused.unwrap_err()).reason, "INVALID_FIELDS");
    let request = call.request(wire::ListSubscriptionsRequest {
        page_token: "x".to_owned(),
        ..Default::default()
    });
    let refused = SubscriptionServiceClient::new(channel())
        .list_subscriptions(request)
        .await;
    assert_eq!(&*fault(&refused.unwrap_err()).reason, "INVALID_FIELDS");
    // Whoever cannot sign, learns nothing.
    for path in ["pull", "compare", "acknowledge", "notify"] {
        let message = wire::SignedMessage {
            header: b"x".to_vec(),
            body: Vec::new(),
        };
        let path = format!("/v1/subscriptions:{path}");
        let refused = call_refused(&provinces.here.bed, &path, message).await;
        assert_eq!(&*refused.reason, "MESSAGE_REFUSED");
        assert_eq!(metadata(&refused, "outcome"), "UNREADABLE");
    }
    assert!(provinces.here.address.starts_with("http://127.0.0.1:"));
}

async fn call_refused(bed: &Bed, path: &str, message: wire::SignedMessage) -> Fault {
    call(bed, path, message).await.unwrap_err()
}

async fn a_partner_learns_nothing_of_codes_that_were_verified_for_another(bed: Bed) {
    let provinces = start(bed).await;
    provinces.set(0, Some(WireColour::Green));
    provinces.arrive(0, Colour::Green).await;
    let references = texts(
        &provinces.origin.storage,
        "followed_codes",
        "reference",
        "reference",
    )
    .await;
    let partners = texts(
        &provinces.origin.storage,
        "followed_codes",
        "partner",
        "reference",
    )
    .await;
    assert_eq!((references.len(), partners), (1, vec!["37".to_owned()]));
    // As Henan would have it: the same code under another reference.
    let sql = "UPDATE followed_codes SET partner = '41'";
    tamper(&provinces.origin.storage, sql).await;
    provinces.wait(60);
    provinces.set(0, Some(WireColour::Red));
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(provinces.said().await.is_empty());
}

async fn the_log_of_conversions_is_read_on_and_says_what_it_keeps_no_more(bed: Bed) {
    let provinces = start(bed).await;
    provinces.set(0, Some(WireColour::Green));
    let name = provinces.arrive(0, Colour::Green).await.conversion;
    for (colour, outcome) in [
        (WireColour::Red, Outcome::Red),
        (WireColour::Yellow, Outcome::Yellow),
    ] {
        provinces.wait(60);
        provinces.set(0, Some(colour));
        provinces.until(&name, outcome).await;
    }
    let started = std::time::Instant::now();
    while provinces.said().await.len() < 2 {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "the relay has not numbered them"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let read = provinces.events("").await.unwrap();
    assert_eq!((read.events[1].sequence, read.head_sequence), (2, 2));
    let refused = provinces.events("1").await.unwrap_err();
    assert_eq!(lutong_testing::violations(&refused), ["cursor CURSOR_FOREIGN"]);
    tamper(&provinces.here.storage, "DELETE FROM outbox WHERE sequence < 2").await;
    assert_eq!(provinces.events("").await.unwrap_err().reason, "EVENTS_EXPIRED");
    tamper(&provinces.here.storage, "DELETE FROM outbox").await;
    let refused = provinces.events(&read.next_cursor).await.unwrap_err();
    assert_eq!(refused.reason, "LOG_REPLACED");
}
