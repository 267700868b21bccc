//! How long filing takes at a given rate, open-loop: each complaint has its instant, and its time counts from there, however late the one
//! before is: `cargo run --release -p lutong-complaint --example filing_speed -- 15000 sqlite` (or `postgres`, with the servers of
//! `tests/servers`). Half are feedback, half are about places.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss
)]

#[path = "support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use futures::future::join_all;
use lutong_kernel::{ServiceName, SubjectId};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::complaint::v1::complaint_service_client::ComplaintServiceClient;
use lutong_proto::policy::Caller;
use lutong_testing::Bed;
use wire::create_complaint_request::Kind;

/// Complaints a second.
const RATE: u32 = 500;

async fn file(bed: &Bed, n: usize, due: Instant) -> Duration {
    tokio::time::sleep_until(due.into()).await;
    let kind = if n.is_multiple_of(2) {
        Kind::Place(support::place(n))
    } else {
        Kind::Feedback(wire::Feedback {
            category: wire::FeedbackCategory::Technical.into(),
            text: "亮码页面一直转圈，无法显示颜色。".to_owned(),
        })
    };
    let request = wire::CreateComplaintRequest {
        request_id: format!("00000000-0000-7000-9000-{n:012}"),
        kind: Some(kind),
        division: support::district(n),
    };
    let person: SubjectId = format!("00000000-0000-7000-8000-{n:012}").parse().unwrap();
    let filer = lutong_testing::citizen(&format!("wx-{n}"), Some(person));
    let channel = bed.channel(ServiceName::Complaint, Caller::Gateway);
    let request = bed.call_as(&filer).request(request);
    let filed = ComplaintServiceClient::new(channel)
        .create_complaint(request)
        .await;
    assert!(filed.is_ok(), "{filed:?}");
    due.elapsed()
}

#[tokio::main]
async fn main() {
    let (count, engine) = support::arguments(15_000);
    let (bed, _) = support::service(engine).await;
    let bed: &'static Bed = Box::leak(Box::new(bed));
    // The first loads keys and rules.
    file(bed, count, Instant::now()).await;
    let (start, step) = (Instant::now(), Duration::from_secs(1) / RATE);
    let due = |n: usize| start + step * u32::try_from(n).unwrap();
    // In tasks, as a server has them: calls within one process run in the task of the caller.
    let calls = (0..count).map(|n| tokio::spawn(file(bed, n, due(n))));
    let took: Vec<Duration> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let rate = count as f64 / start.elapsed().as_secs_f64();
    println!("filed       {count} complaints on {engine:?}, {rate:.0}/s (aim: {RATE}/s)");
    support::report("filing", took, 50);
}
