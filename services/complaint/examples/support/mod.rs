//! What the measurements of complaint share: the service on an engine, and whoever calls it.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use lutong_complaint::Migrations;
use lutong_kernel::{DivisionCode, ServiceName};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::complaint::v1::case_service_client::CaseServiceClient;
use lutong_proto::complaint::v1::hotline_order_service_client::HotlineOrderServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1::{Purpose, PurposeCode};
use lutong_storage::{Engine, StorageConfig};
use lutong_testing::Bed;
use lutong_transport::access::{Principal, Roles};

/// Orders of one call, the most that the contract takes.
const PIECE: usize = 500;
/// Calls at once.
const AT_ONCE: usize = 4;
const PAGES: usize = 200;

/// The number and the engine that the command line states: `100000 postgres`.
pub fn arguments(by_default: usize) -> (usize, Engine) {
    let mut arguments = std::env::args().skip(1);
    let count = arguments
        .next()
        .map_or(by_default, |count| count.parse().unwrap());
    match arguments.next().as_deref() {
        Some("postgres") => (count, Engine::Postgres),
        _ => (count, Engine::Sqlite),
    }
}

/// The service, without the services that it calls.
pub async fn service(engine: Engine) -> (Bed, StorageConfig) {
    let bed = Bed::new(engine);
    let storage = bed.storage::<Migrations>(ServiceName::Complaint).await;
    let peer = |service| bed.channel(service, Caller::Complaint);
    let peers = lutong_complaint::Peers {
        identity: peer(ServiceName::Identity),
        declaration: peer(ServiceName::Declaration),
        risk_rules: peer(ServiceName::RiskRules),
        code_rendering: peer(ServiceName::CodeRendering),
    };
    let config = lutong_complaint::ComplaintConfig::default();
    let component = lutong_complaint::build(&bed.foundation, &storage, &config, peers).await;
    bed.bind(component.unwrap());
    (bed, storage)
}

fn staff(role: Role) -> Principal {
    Principal {
        account: "bench".to_owned(),
        roles: Roles::of(&[role]),
        subject: None,
        division: DivisionCode::parse("370000").ok(),
        feed: None,
        desks: Vec::new(),
    }
}

fn purpose() -> Purpose {
    Purpose {
        code: PurposeCode::Assistance.into(),
        reference: String::new(),
    }
}

/// The hotline's number of an order.
pub fn hotline_number(n: usize) -> String {
    format!("SD{n:012}")
}

/// A complaint about one of a thousand places.
pub fn place(n: usize) -> wire::PlaceComplaint {
    wire::PlaceComplaint {
        issue: wire::PlaceIssue::RefusingGreen.into(),
        place: format!("第{}酒店，香港中路1号", n % 1_000),
        text: "持绿码仍不让进入，工作人员要求另外登记身份证件和电话。".to_owned(),
    }
}

/// One of a hundred districts.
pub fn district(n: usize) -> String {
    format!("37{:02}{:02}", 1 + n % 10, 2 + n / 10 % 10)
}

/// Every fourth caller is secret.
fn order(n: usize) -> wire::HotlineOrder {
    wire::HotlineOrder {
        hotline_number: hotline_number(n),
        city_number: format!("QD{n:012}"),
        division: district(n),
        kind: Some(wire::hotline_order::Kind::Place(place(n))),
        caller: Some(wire::CaseCaller {
            name: "王小明".to_owned(),
            mobile: format!("138{n:08}"),
        }),
        secret_caller: n.is_multiple_of(4),
        repeat_caller: false,
        call_time: None,
    }
}

async fn import_piece(bed: &Bed, from: usize) {
    let channel = bed.channel(ServiceName::Complaint, Caller::Gateway);
    let request = wire::ImportHotlineOrdersRequest {
        purpose: Some(purpose()),
        orders: (from..from + PIECE).map(order).collect(),
    };
    let request = bed.call_as(&staff(Role::HotlineAgent)).request(request);
    let answer = HotlineOrderServiceClient::new(channel)
        .import_hotline_orders(request)
        .await;
    let outcomes = answer.unwrap().into_inner().outcomes;
    let imported = wire::HotlineOrderResult::Imported;
    assert!(
        outcomes.iter().all(|one| one.result() == imported),
        "{outcomes:?}"
    );
}

/// Imports orders, several pieces at once. Returns how long it took.
pub async fn import(bed: &Bed, orders: usize) -> Duration {
    let started = Instant::now();
    stream::iter((0..orders).step_by(PIECE))
        .for_each_concurrent(AT_ONCE, |from| import_piece(bed, from))
        .await;
    started.elapsed()
}

async fn queue_page(bed: &Bed, division: &str) -> Duration {
    let channel = bed.channel(ServiceName::Complaint, Caller::Gateway);
    let request = wire::ListCasesRequest {
        division: division.to_owned(),
        purpose: Some(purpose()),
        ..wire::ListCasesRequest::default()
    };
    let request = bed.call_as(&staff(Role::HealthOfficer)).request(request);
    let started = Instant::now();
    let page = CaseServiceClient::new(channel).list_cases(request).await;
    let took = started.elapsed();
    assert!(!page.unwrap().into_inner().cases.is_empty());
    took
}

/// Says how long pages of a queue take: of a division, or of the whole province where it is empty.
pub async fn report_queue(bed: &Bed, division: &str, orders: usize) {
    let mut pages = Vec::with_capacity(PAGES);
    for _ in 0..PAGES {
        pages.push(queue_page(bed, division).await);
    }
    let of = if division.is_empty() { "370000" } else { division };
    report(&format!("queue page  of {of} among {orders}"), pages, 50);
}

/// Says the 50th and the 99th percentile, and the aim in milliseconds.
pub fn report(what: &str, mut took: Vec<Duration>, aim_ms: u64) {
    took.sort_unstable();
    let at = |part: usize| took[took.len() * part / 100].as_secs_f64() * 1e3;
    let (p50, p99) = (at(50), at(99));
    println!("{what}: p50 {p50:.2} ms, p99 {p99:.2} ms (aim: ≤ {aim_ms} ms)");
}
