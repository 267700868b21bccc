//! How long it takes to find a person by their document among a million, over the RPC and on SQLite:
//! `cargo run --release -p lutong-identity --example lookup_speed -- 1000000`.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)]

use std::time::{Duration, Instant};

use lutong_identity::{IdentityConfig, Migrations};
use lutong_kernel::ServiceName;
use lutong_kernel::document::check_character;
use lutong_proto::identity::v1 as wire;
use lutong_proto::identity::v1::identity_service_client::IdentityServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1 as types;
use lutong_storage::Engine;
use lutong_testing::Bed;
use lutong_transport::client::{Call, MeshChannel};

const BATCH: usize = 1_000;
const LOOKUPS: usize = 20_000;
/// Prime stride through the people.
const STRIDE: usize = 48_611;

fn document(n: usize) -> types::Document {
    let (year, month, day) = (1930 + n / 336_000, 1 + n / 28_000 % 12, 1 + n / 1_000 % 28);
    let digits = format!("370202{year:04}{month:02}{day:02}{:03}", n % 1_000);
    let check = check_character(digits.as_bytes()).unwrap();
    types::Document {
        r#type: types::DocumentType::ResidentId.into(),
        number: format!("{digits}{check}"),
        issuing_country: String::new(),
    }
}

fn person(n: usize) -> types::PersonItems {
    types::PersonItems {
        full_name: "王小明".to_owned(),
        document: Some(document(n)),
        mobile: format!("138{n:08}"),
        nationality: "CHN".to_owned(),
        home_address: Some(types::HomeAddress {
            division: "370202".to_owned(),
            detail: "香港中路1号".to_owned(),
        }),
    }
}

async fn register(channel: MeshChannel, from: usize) {
    let request = wire::RegisterBatchRequest {
        request_id: format!("00000000-0000-7000-8000-{from:012}"),
        organisation_account: "bench".to_owned(),
        people: (from..from + BATCH).map(person).collect(),
    };
    let request = Call::background(Duration::from_secs(60)).request(request);
    let answer = IdentityServiceClient::new(channel).register_batch(request).await;
    let registered = answer.unwrap().into_inner().registrations;
    assert!(registered.iter().all(|one| one.errors.is_empty()));
}

async fn find(channel: MeshChannel, n: usize) -> Duration {
    let request = wire::ResolveDocumentsRequest {
        documents: vec![document(n)],
    };
    let started = Instant::now();
    let request = Call::background(Duration::from_secs(5)).request(request);
    let answer = IdentityServiceClient::new(channel)
        .resolve_documents(request)
        .await;
    let took = started.elapsed();
    let resolutions = answer.unwrap().into_inner().resolutions;
    assert!(matches!(
        resolutions[0].outcome,
        Some(wire::resolution::Outcome::SubjectId(_))
    ));
    took
}

#[tokio::main]
async fn main() {
    let people: usize = std::env::args()
        .nth(1)
        .map_or(100_000, |count| count.parse().unwrap());
    let bed = Bed::new(Engine::Sqlite);
    let storage = bed.storage::<Migrations>(ServiceName::Identity).await;
    let peers = lutong_identity::Peers {
        declaration: bed.channel(ServiceName::Declaration, Caller::Identity),
        code_rendering: bed.channel(ServiceName::CodeRendering, Caller::Identity),
    };
    let config = IdentityConfig::default();
    let component = lutong_identity::build(&bed.foundation, &storage, &config, peers);
    bed.bind(component.await.unwrap());
    let channel = bed.channel(ServiceName::Identity, Caller::Declaration);
    let started = Instant::now();
    for from in (0..people).step_by(BATCH) {
        register(channel.clone(), from).await;
    }
    let took = started.elapsed().as_secs_f64();
    println!("registered  {people} people, {:.0}/s", people as f64 / took);
    let mut latencies = Vec::with_capacity(LOOKUPS);
    for n in 0..LOOKUPS {
        latencies.push(find(channel.clone(), n * STRIDE % people).await);
    }
    latencies.sort_unstable();
    let at = |part: usize| latencies[LOOKUPS * part / 1_000].as_secs_f64() * 1e3;
    println!(
        "found       {LOOKUPS} of {people} one after the other: p50 {:.3} ms, p99 {:.3} ms (aim: p99 ≤ 2 ms)",
        at(500),
        at(990)
    );
}
