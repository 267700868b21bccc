//! The load generator, used for both the mesh and the baseline.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use hdrhistogram::Histogram;
use lutong_kernel::{Clock as _, RequestId};
use lutong_operating::entropy::Entropy;
use lutong_operating::wall_clock::WallClock;
use lutong_proto::code_rendering::v1::ShowCodeRequest;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::declaration::v1::CreateApplicationRequest;
use lutong_proto::declaration::v1::application_service_client::ApplicationServiceClient;
use lutong_proto::types::v1::OneTimeCodeProof;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use tonic_types::StatusExt as _;

use super::people::{People, form, signed_in};
use lutong_client::Failure;
use lutong_client::client::failed;

/// Concurrent calls, spread over this many connections.
const CALLERS: usize = 64;
const CONNECTIONS: usize = 4;
/// Prime stride through the people, so that consecutive calls are for different people.
pub const STRIDE: usize = 48_611;

pub struct Load {
    pub base: String,
    pub people: Arc<People>,
    /// The proofs of those who must prove who they are.
    proofs: Arc<HashMap<usize, OneTimeCodeProof>>,
}

fn channels(base: &str) -> Result<Vec<Channel>, Failure> {
    connections(base, CONNECTIONS)
}

/// So many connections.
pub fn connections(base: &str, count: usize) -> Result<Vec<Channel>, Failure> {
    let endpoint = Endpoint::from_shared(base.to_owned())?.tcp_nodelay(true);
    Ok((0..count).map(|_| endpoint.connect_lazy()).collect())
}

/// Applies and shows the code; returns how long both took.
async fn apply(
    channel: Channel,
    people: &People,
    n: usize,
    proof: Option<OneTimeCodeProof>,
) -> Result<Duration, Status> {
    let started = Instant::now();
    let application = CreateApplicationRequest {
        request_id: RequestId::new(WallClock.now(), &Entropy).to_string(),
        form: Some(form(n, proof)),
        replaces: String::new(),
    };
    ApplicationServiceClient::new(channel.clone())
        .create_application(signed_in(application, people.bearer(n)))
        .await?;
    show(channel, people, n).await?;
    Ok(started.elapsed())
}

/// The token that somebody is shown.
pub async fn show(channel: Channel, people: &People, n: usize) -> Result<String, Status> {
    let request = signed_in(ShowCodeRequest::default(), people.bearer(n));
    let shown = CodeServiceClient::new(channel).show_code(request).await?;
    let token = shown.into_inner().token;
    if token.is_empty() {
        return Err(Status::internal("a code without a token"));
    }
    Ok(token)
}

pub fn histogram() -> Result<Histogram<u64>, Failure> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

/// How long calls took, in words.
pub fn spread(latency: &Histogram<u64>) -> String {
    let ms = |micros: u64| micros as f64 / 1_000.0;
    let at = |quantile| ms(latency.value_at_quantile(quantile));
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
        at(0.5),
        at(0.99),
        ms(latency.max())
    )
}

/// How long whoever was turned away is told to wait.
pub fn retry_delay(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

pub fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

/// Asks for each of `who`, with as many calls at once as there are callers.
pub async fn ask_each<T, F>(
    load: &Load,
    who: Range<usize>,
    call: impl Fn(Channel, Arc<People>, usize) -> F,
) -> Result<Vec<T>, Failure>
where
    F: Future<Output = Result<T, Status>>,
{
    let channels = channels(&load.base)?;
    let calls = who.map(|n| call(channels[n % CONNECTIONS].clone(), Arc::clone(&load.people), n));
    let answers: Result<_, Status> = stream::iter(calls).buffer_unordered(CALLERS).try_collect().await;
    answers.map_err(|status| failed(&status))
}

impl Load {
    pub fn to(base: &str, people: People) -> Self {
        Self {
            base: base.to_owned(),
            people: Arc::new(people),
            proofs: Arc::default(),
        }
    }

    pub fn with_proofs(self, proofs: HashMap<usize, OneTimeCodeProof>) -> Self {
        Self {
            proofs: Arc::new(proofs),
            ..self
        }
    }

    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// Applies at a steady rate, independent of how long earlier calls take; latency in microseconds from when each
    /// call was due.
    pub async fn apply_steadily(&self, who: Range<usize>, a_second: u32) -> Result<Histogram<u64>, Failure> {
        self.steadily(who, a_second, |channel, people, n| {
            let proof = self.proofs.get(&n).cloned();
            async move { apply(channel, &people, n, proof).await.map(drop) }
        })
        .await
    }

    /// Calls for each of `who` at a steady rate, independent of how long earlier calls take; latency in microseconds
    /// from when each call was due.
    pub async fn steadily<F>(
        &self,
        who: Range<usize>,
        a_second: u32,
        call: impl Fn(Channel, Arc<People>, usize) -> F,
    ) -> Result<Histogram<u64>, Failure>
    where
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        let channels = channels(&self.base)?;
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / a_second);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let mut calls = Vec::with_capacity(who.len());
        for n in who {
            let due = ticks.tick().await;
            let called = call(channels[n % CONNECTIONS].clone(), Arc::clone(&self.people), n);
            calls.push(tokio::spawn(async move { called.await.map(|()| due.elapsed()) }));
        }
        let mut latency = histogram()?;
        for call in calls {
            let took = call.await?.map_err(|status| failed(&status))?;
            latency.saturating_record(micros(took));
        }
        Ok(latency)
    }

    /// Applies for each of `who` as fast as calls are answered; returns the total time and the latencies.
    pub async fn apply_all(&self, who: Range<usize>) -> Result<(Duration, Histogram<u64>), Failure> {
        // Twice the callers, because about half of an application is waiting for a group commit.
        let (channels, next, end) = (
            channels(&self.base)?,
            Arc::new(AtomicUsize::new(who.start)),
            who.end,
        );
        let started = Instant::now();
        let callers = (0..2 * CALLERS).map(|caller| {
            let (channel, people) = (channels[caller % CONNECTIONS].clone(), Arc::clone(&self.people));
            let (next, proofs) = (Arc::clone(&next), Arc::clone(&self.proofs));
            tokio::spawn(async move {
                let mut took = Vec::new();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= end {
                        return Ok::<_, Status>(took);
                    }
                    let proof = proofs.get(&n).cloned();
                    took.push(apply(channel.clone(), &people, n, proof).await?);
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        let mut latency = histogram()?;
        for caller in callers {
            for took in caller.await?.map_err(|status| failed(&status))? {
                latency.saturating_record(micros(took));
            }
        }
        Ok((started.elapsed(), latency))
    }

    /// Shows codes for `how_long`, each call for another person; returns calls per second. With `bare` the same calls
    /// go to the baseline.
    pub async fn show_for(&self, how_long: Duration, bare: Option<&str>) -> Result<f64, Failure> {
        let people = Arc::clone(&self.people);
        calls_for(bare.unwrap_or(&self.base), how_long, move |channel, n| {
            let bearer = people.bearer(n * STRIDE % people.len());
            async move {
                let request = signed_in(ShowCodeRequest::default(), bearer);
                CodeServiceClient::new(channel).show_code(request).await.map(drop)
            }
        })
        .await
    }
}

/// Calls for `how_long`, numbered from 0, as fast as they are answered; returns calls per second.
pub async fn calls_for<F>(
    base: &str,
    how_long: Duration,
    call: impl Fn(Channel, usize) -> F + Send + Sync + 'static,
) -> Result<f64, Failure>
where
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let channels = channels(base)?;
    let (call, next) = (Arc::new(call), Arc::new(AtomicUsize::new(0)));
    let started = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let channel = channels[caller % CONNECTIONS].clone();
        let (call, next) = (Arc::clone(&call), Arc::clone(&next));
        tokio::spawn(async move {
            let mut calls = 0_u32;
            while started.elapsed() < how_long {
                call(channel.clone(), next.fetch_add(1, Ordering::Relaxed)).await?;
                calls += 1;
            }
            Ok::<_, Status>(calls)
        })
    });
    let callers: Vec<_> = callers.collect();
    let mut calls = 0.0;
    for caller in callers {
        calls += f64::from(caller.await?.map_err(|status| failed(&status))?);
    }
    Ok(calls / started.elapsed().as_secs_f64())
}
