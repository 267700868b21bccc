//! `lutong bench --overload`: ten times as many callers show codes as the gateway serves at once. Whoever is turned away waits as long as the
//! answer says and calls again, as a client should.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use lutong_client::Failure;
use lutong_client::client::failed;
use lutong_proto::code_rendering::v1::ShowCodeRequest;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::load::{Load, STRIDE, connections, histogram, micros, retry_delay};
use crate::people::{People, signed_in};

/// People who apply first and whose codes are shown.
pub const PEOPLE: usize = 20_000;
/// How many times as many callers as are served at once.
const TIMES: usize = 10;
/// Callers of one connection, which carries 100 calls at once.
const CALLERS_OF_ONE: usize = 96;
/// It is over once so much of the peak is reached again.
const RECOVERED: f64 = 0.95;
/// The span of one look at the recovery.
const LOOK: Duration = Duration::from_millis(500);
const LONGEST_RECOVERY: Duration = Duration::from_secs(30);

/// What became of the calls of one caller.
struct Calls {
    shown: u64,
    /// How long it took to be turned away, in microseconds.
    refused: Vec<u64>,
    without_delay: u64,
}

/// Measures the peak, what is left of it under the load, and how long it takes afterwards.
pub async fn run(load: &Load, served: usize, seconds: u64) -> Result<(), Failure> {
    load.apply_all(0..PEOPLE).await?;
    load.show_for(Duration::from_secs(1), None).await?;
    let span = Duration::from_secs(seconds);
    let peak = load.show_for(span, None).await?;
    say!("peak before                  {peak:.0}/s shown");
    let callers = served * TIMES;
    let (shown, refused, without_delay) = overload(load, callers, span).await?;
    let goodput = shown as f64 / span.as_secs_f64();
    say!(
        "under {callers} callers          {goodput:.0}/s shown, {:.2} of the peak ({TIMES} times as many callers as are served at once) (aim: ≥ 0.85)",
        goodput / peak
    );
    say!(
        "turned away                  {:.0}/s, p50 {:.1} ms, p99 {:.1} ms; {without_delay} answers without a delay (aim: < 50 ms, none)",
        refused.len() as f64 / span.as_secs_f64(),
        refused.value_at_quantile(0.5) as f64 / 1_000.0,
        refused.value_at_quantile(0.99) as f64 / 1_000.0,
    );
    let over = Instant::now();
    while load.show_for(LOOK, None).await? < peak * RECOVERED {
        if over.elapsed() > LONGEST_RECOVERY {
            return Err(Failure::Because("the peak is not reached again".to_owned()));
        }
    }
    say!(
        "recovered                    within {:.1} s to {RECOVERED} of the peak (aim: < 5 s)",
        over.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Calls for a span; what was shown, how long refusals took, and how many said nothing of when to come back.
async fn overload(
    load: &Load,
    callers: usize,
    span: Duration,
) -> Result<(u64, Histogram<u64>, u64), Failure> {
    let channels = connections(&load.base, callers.div_ceil(CALLERS_OF_ONE))?;
    let next = Arc::new(AtomicUsize::new(0));
    let until = Instant::now() + span;
    // They come within a second, and not within an instant: opening the connections and the first calls is the client's own work.
    let apart = Duration::from_secs(1) / u32::try_from(callers).unwrap_or(u32::MAX);
    let calls: Vec<_> = (0..callers)
        .map(|caller| {
            let client = CodeServiceClient::new(channels[caller % channels.len()].clone());
            let (people, next) = (Arc::clone(&load.people), Arc::clone(&next));
            let begins = apart * u32::try_from(caller).unwrap_or_default();
            tokio::spawn(async move {
                tokio::time::sleep(begins).await;
                call_until(client, people, next, until).await
            })
        })
        .collect();
    let (mut shown, mut without_delay, mut refused) = (0, 0, histogram()?);
    for caller in calls {
        let calls = caller.await?.map_err(|status| failed(&status))?;
        shown += calls.shown;
        without_delay += calls.without_delay;
        for took in calls.refused {
            refused.saturating_record(took);
        }
    }
    Ok((shown, refused, without_delay))
}

async fn call_until(
    mut client: CodeServiceClient<Channel>,
    people: Arc<People>,
    next: Arc<AtomicUsize>,
    until: Instant,
) -> Result<Calls, Status> {
    let mut calls = Calls {
        shown: 0,
        refused: Vec::new(),
        without_delay: 0,
    };
    while Instant::now() < until {
        let n = next.fetch_add(STRIDE, Ordering::Relaxed) % people.len();
        let request = signed_in(ShowCodeRequest::default(), people.bearer(n));
        let started = Instant::now();
        match client.show_code(request).await {
            // An answer after the end is none of the load.
            Ok(_) if Instant::now() < until => calls.shown += 1,
            Ok(_) => {}
            Err(status) if status.code() == Code::ResourceExhausted => {
                calls.refused.push(micros(started.elapsed()));
                match retry_delay(&status) {
                    Some(delay) => tokio::time::sleep_until(until.min(Instant::now() + delay).into()).await,
                    None => calls.without_delay += 1,
                }
            }
            Err(status) => return Err(status),
        }
    }
    Ok(calls)
}
