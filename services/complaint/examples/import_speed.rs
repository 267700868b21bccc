//! How many orders of the hotline are imported a second, and how long a page of an officer's queue then takes, over the RPCs:
//! `cargo run --release -p lutong-complaint --example import_speed -- 100000 sqlite` (or `postgres`, with the servers of `tests/servers`).

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)]

use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use lutong_complaint::Migrations;
use lutong_kernel::{DivisionCode, ServiceName};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::complaint::v1::case_service_client::CaseServiceClient;
use lutong_proto::complaint::v1::hotline_order_service_client::HotlineOrderServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1::{Purpose, PurposeCode};
use lutong_storage::Engine;
use lutong_testing::Bed;
use lutong_transport::access::{Principal, Roles};

/// Orders of one call, the most that the contract takes.
const PIECE: usize = 500;
/// Calls at once.
const AT_ONCE: usize = 4;
const PAGES: usize = 200;

fn staff(role: Role) -> Principal {
    Principal {
        account: "bench".to_owned(),
        roles: Roles::of(&[role]),
        subject: None,
        division: DivisionCode::parse("370000").ok(),
        feed: None,
    }
}

fn purpose() -> Purpose {
    Purpose {
        code: PurposeCode::Assistance.into(),
        reference: String::new(),
    }
}

/// Every fourth caller is secret, and there are a thousand places in a hundred districts.
fn order(n: usize) -> wire::HotlineOrder {
    wire::HotlineOrder {
        hotline_number: format!("SD{n:012}"),
        city_number: format!("QD{n:012}"),
        division: format!("37{:02}{:02}", 1 + n % 10, 2 + n / 10 % 10),
        kind: Some(wire::hotline_order::Kind::Place(wire::PlaceComplaint {
            issue: wire::PlaceIssue::RefusingGreen.into(),
            place: format!("第{}酒店，香港中路1号", n % 1_000),
            text: "持绿码仍不让进入，工作人员要求另外登记身份证件和电话。".to_owned(),
        })),
        caller: Some(wire::CaseCaller {
            name: "王小明".to_owned(),
            mobile: format!("138{n:08}"),
        }),
        secret_caller: n.is_multiple_of(4),
        repeat_caller: false,
        call_time: None,
    }
}

async fn import(bed: &Bed, from: usize) {
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

async fn queue_page(bed: &Bed) -> Duration {
    let channel = bed.channel(ServiceName::Complaint, Caller::Gateway);
    let request = wire::ListCasesRequest {
        division: "370202".to_owned(),
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

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let orders: usize = arguments.next().map_or(100_000, |count| count.parse().unwrap());
    let engine = match arguments.next().as_deref() {
        Some("postgres") => Engine::Postgres,
        _ => Engine::Sqlite,
    };
    let bed = Bed::new(engine);
    let storage = bed.storage::<Migrations>(ServiceName::Complaint).await;
    let peer = |service| bed.channel(service, Caller::Complaint);
    let peers = lutong_complaint::Peers {
        identity: peer(ServiceName::Identity),
        declaration: peer(ServiceName::Declaration),
        risk_rules: peer(ServiceName::RiskRules),
        code_rendering: peer(ServiceName::CodeRendering),
    };
    let component = lutong_complaint::build(&bed.foundation, &storage, peers).await;
    bed.bind(component.unwrap());
    let started = Instant::now();
    stream::iter((0..orders).step_by(PIECE))
        .for_each_concurrent(AT_ONCE, |from| import(&bed, from))
        .await;
    let took = started.elapsed().as_secs_f64();
    let rate = orders as f64 / took;
    println!("imported    {orders} orders on {engine:?}, {rate:.0}/s (aim: ≥ 5,000/s)");
    let mut pages = Vec::with_capacity(PAGES);
    for _ in 0..PAGES {
        pages.push(queue_page(&bed).await);
    }
    pages.sort_unstable();
    let at = |part: usize| pages[PAGES * part / 100].as_secs_f64() * 1e3;
    println!(
        "queue page  of 370202 among {orders}: p50 {:.2} ms, p99 {:.2} ms (aim: ≤ 50 ms)",
        at(50),
        at(99)
    );
}
