//! The replicas of one service behind one channel. Each call goes to the least busy healthy replica; a call that was
//! never sent is retried at another one at once; a replica that refuses connections or falls silent is ejected until it
//! answers again.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{Request, Response};
use lutong_kernel::ServiceName;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::{Endpoint, Error};
use tower::ServiceExt as _;

use super::addresses::Addresses;
use super::budget::RetryBudget;
use super::repeatable::is_repeatable;
use super::replay::Replay;
use super::replica::{ProbeGuard, Replica};
use lutong_operating::tls::TlsError;

/// Attempts per call. A closing connection may be chosen again before its channel notices.
const TRIES: usize = 4;

/// When a replica counts as silent, and how often replicas are probed and names resolved.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// A replica with a call in flight that answers nothing for this long is probed.
    pub patience: Duration,
    /// Timeout of a probe.
    pub probe_patience: Duration,
    /// Interval of probes of an ejected replica; four times as long once it has been away for a while.
    pub probe_every: Duration,
    /// Interval of name lookups; the second is the minimum, after a refused connection.
    pub look_up_every: Duration,
    pub look_up_at_most_every: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            patience: Duration::from_millis(300),
            probe_patience: Duration::from_millis(350),
            probe_every: Duration::from_millis(250),
            look_up_every: Duration::from_secs(5),
            look_up_at_most_every: Duration::from_millis(500),
        }
    }
}

/// A load-balanced channel; cheap to clone. Must be created within a Tokio runtime, on which it resolves names and
/// probes replicas until dropped.
#[derive(Clone)]
pub struct Replicas(Arc<ReplicaSet>);

struct ReplicaSet {
    part: ServiceName,
    addresses: Addresses,
    /// Makes the endpoint of a URI.
    dial: Box<dyn Fn(String) -> Result<Endpoint, TlsError> + Send + Sync>,
    timing: Timing,
    replicas: ArcSwap<Vec<Arc<Replica>>>,
    /// Whether the names were resolved at least once.
    looked_up: watch::Sender<bool>,
    refresh_now: Arc<Notify>,
    budget: RetryBudget,
    turn: AtomicUsize,
}

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("no replica is known")]
    NoReplica,
    #[error(transparent)]
    Transport(#[from] Error),
}

/// The outcome of one attempt.
enum AttemptOutcome {
    Answered(Response<Body>),
    Failed(Error),
    /// The replica fell silent and there is another one.
    Silent,
}

impl Replicas {
    /// `dial` makes the endpoint of a URI; nothing is connected yet.
    pub fn new(
        part: ServiceName,
        addresses: Addresses,
        timing: Timing,
        dial: impl Fn(String) -> Result<Endpoint, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        let has_names = addresses.has_names();
        let fixed: BTreeSet<SocketAddr> = addresses.fixed().collect();
        let set = Arc::new(ReplicaSet {
            part,
            addresses,
            dial: Box::new(dial),
            timing,
            replicas: ArcSwap::default(),
            looked_up: watch::Sender::new(!has_names),
            refresh_now: Arc::default(),
            budget: RetryBudget::new(),
            turn: AtomicUsize::new(0),
        });
        set.update(&fixed)?;
        if has_names {
            tokio::spawn(refresh_addresses(Arc::downgrade(&set)));
        }
        Ok(Self(set))
    }

    /// Sends a call, and retries it at other replicas where that is safe.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, SendError> {
        let set = &self.0;
        if set.replicas.load().is_empty() {
            set.wait_for_first_look_up().await;
        }
        set.budget.add();
        let several = set.replicas.load().len() > 1;
        let repeatable = several && is_repeatable(request.uri().path());
        let replay = Replay::new(request, repeatable);
        let mut left_out: Vec<Arc<Replica>> = Vec::new();
        let mut failed = SendError::NoReplica;
        for _ in 0..TRIES {
            let Some(replica) = set.pick(&left_out) else {
                set.refresh_now.notify_one();
                break;
            };
            match set.attempt(&replica, &replay, &left_out).await {
                AttemptOutcome::Answered(response) => return Ok(response),
                AttemptOutcome::Failed(error) => {
                    let (closed, late) = (closed_before(&error), super::timed_out(&error));
                    if replay.is_unsent() && !closed && !late {
                        set.refused(&replica);
                    }
                    failed = error.into();
                    let again = !late && (closed || set.may_repeat(&replica, &left_out));
                    if !again || !replay.reclaim() {
                        break;
                    }
                    if closed {
                        // Its channel is about to reconnect, so it may be chosen again.
                        tokio::task::yield_now().await;
                        continue;
                    }
                }
                AttemptOutcome::Silent => {}
            }
            left_out.push(replica);
        }
        Err(failed)
    }
}

impl ReplicaSet {
    /// The least busy replica in use that is not in `left_out`; if there is none, an ejected one, which may be back.
    fn pick(&self, left_out: &[Arc<Replica>]) -> Option<Arc<Replica>> {
        let replicas = self.replicas.load();
        if let [only] = &replicas[..] {
            return left_out.is_empty().then(|| Arc::clone(only));
        }
        let begin = self.turn.fetch_add(1, Ordering::Relaxed);
        // Round robin among equally busy replicas.
        (0..replicas.len())
            .filter_map(|step| replicas.get(begin.wrapping_add(step) % replicas.len()))
            .filter(|replica| !left_out.iter().any(|other| Arc::ptr_eq(other, replica)))
            .min_by_key(|replica| (!replica.is_in_use(), replica.load()))
            .cloned()
    }

    /// Whether there is another replica for a call that failed at `replica`, and the retry budget allows it.
    fn may_repeat(&self, replica: &Arc<Replica>, left_out: &[Arc<Replica>]) -> bool {
        self.another(replica, left_out) && self.budget.take(Instant::now())
    }

    fn another(&self, than: &Arc<Replica>, left_out: &[Arc<Replica>]) -> bool {
        let replicas = self.replicas.load();
        replicas.iter().any(|replica| {
            !Arc::ptr_eq(replica, than) && !left_out.iter().any(|other| Arc::ptr_eq(other, replica))
        })
    }

    async fn attempt(
        self: &Arc<Self>,
        replica: &Arc<Replica>,
        replay: &Replay,
        left_out: &[Arc<Replica>],
    ) -> AttemptOutcome {
        let _load = replica.begin_call();
        let mut sent = std::pin::pin!(replica.channel().oneshot(replay.request()));
        // Without another replica the call just waits.
        if !self.another(replica, left_out) {
            return outcome_of(replica, sent.await);
        }
        let mut patience = self.timing.patience;
        match tokio::time::timeout(patience, sent.as_mut()).await {
            Ok(answer) => return outcome_of(replica, answer),
            Err(_) => patience *= 2,
        }
        let mut usage = replica.usage();
        loop {
            let in_use = *usage.borrow_and_update();
            if in_use {
                self.suspect(replica);
            } else if (replay.is_unsent() || replay.is_buffered())
                && self.may_repeat(replica, left_out)
                && replay.reclaim()
            {
                return AttemptOutcome::Silent;
            }
            tokio::select! {
                biased;
                answer = sent.as_mut() => return outcome_of(replica, answer),
                _ = usage.changed() => {}
                () = tokio::time::sleep(patience) => patience = (patience * 2).min(MAX_PATIENCE),
            }
        }
    }

    /// Probes a replica that has not answered for a while, and ejects it if it is silent.
    fn suspect(self: &Arc<Self>, replica: &Arc<Replica>) {
        if replica.answered_within(self.timing.patience) {
            return;
        }
        if let Some(probe) = replica.begin_probe() {
            let set = Arc::clone(self);
            tokio::spawn(async move {
                if probe.0.is_silent(set.timing.probe_patience).await {
                    set.eject(probe, "is silent");
                }
            });
        }
    }

    /// Handles a refused or failed connection.
    fn refused(self: &Arc<Self>, replica: &Arc<Replica>) {
        self.refresh_now.notify_one();
        if let Some(probe) = replica.begin_probe() {
            self.eject(probe, "refuses connections");
        }
    }

    /// Ejects a replica, unless it is the last one in use, and probes it until it answers.
    fn eject(self: &Arc<Self>, probe: ProbeGuard, why: &'static str) {
        let replicas = self.replicas.load();
        let replica = &probe.0;
        let last = !replicas
            .iter()
            .any(|other| !Arc::ptr_eq(other, replica) && other.is_in_use());
        if last || !replica.eject() {
            return;
        }
        let (part, address) = (self.part.as_str(), replica.address);
        metrics::counter!("lutong_replicas_ejected_total", "part" => part).increment(1);
        tracing::warn!(part, %address, "a replica {why}: calls go to the others until it answers");
        tokio::spawn(probe_until_healthy(Arc::downgrade(self), probe));
    }

    /// Waits for the first name lookup.
    async fn wait_for_first_look_up(&self) {
        // The sender lives as long as this set.
        let _ = self.looked_up.subscribe().wait_for(|done| *done).await;
    }

    /// Replaces the list of replicas, keeping existing ones with their connections.
    fn update(&self, addresses: &BTreeSet<SocketAddr>) -> Result<(), TlsError> {
        let before = self.replicas.load();
        let mut now = Vec::with_capacity(addresses.len());
        for address in addresses {
            let known = before.iter().find(|replica| replica.address == *address);
            now.push(match known {
                Some(replica) => Arc::clone(replica),
                None => Arc::new(Replica::new(*address, (self.dial)(self.addresses.uri(*address))?)),
            });
        }
        self.replicas.store(Arc::new(now));
        Ok(())
    }
}

/// The longest interval between checks of a replica whose call takes long.
const MAX_PATIENCE: Duration = Duration::from_secs(5);

fn outcome_of(replica: &Replica, answer: Result<Response<Body>, Error>) -> AttemptOutcome {
    match answer {
        Ok(response) => {
            replica.note_answer();
            AttemptOutcome::Answered(response)
        }
        Err(error) => AttemptOutcome::Failed(error),
    }
}

/// Whether the connection was closed before the request was written: it reached its maximum age, or its server drains.
fn closed_before(error: &Error) -> bool {
    super::causes(error).any(|cause| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_canceled)
    })
}

/// Probes an ejected replica until it answers, is removed, or the channel is dropped.
async fn probe_until_healthy(set: Weak<ReplicaSet>, probe: ProbeGuard) {
    /// After this many probes the interval grows.
    const FREQUENT: u32 = 20;
    let mut asked = 0_u32;
    loop {
        let Some(timing) = set.upgrade().map(|set| set.timing) else {
            return;
        };
        let pause = if asked < FREQUENT { 1 } else { 4 };
        tokio::time::sleep(timing.probe_every * pause).await;
        let replica = &probe.0;
        if replica.answers_on_new_connection(timing.probe_patience).await {
            tracing::info!(address = %replica.address, "a replica answers again");
            return;
        }
        let Some(set) = set.upgrade() else { return };
        if !set
            .replicas
            .load()
            .iter()
            .any(|other| Arc::ptr_eq(other, replica))
        {
            return;
        }
        asked = asked.saturating_add(1);
    }
}

/// Resolves the names periodically, and sooner after a refused connection. A failed lookup changes nothing: the
/// replicas may still be there.
async fn refresh_addresses(set: Weak<ReplicaSet>) {
    let mut failed_before = false;
    loop {
        let Some(now) = set.upgrade() else { return };
        let timing = now.timing;
        let found = now.addresses.look_up().await;
        let updated = match found {
            Ok(addresses) if !addresses.is_empty() => now.update(&addresses).map_err(|e| e.to_string()),
            Ok(_) => Err("it has no address".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = &updated
            && !failed_before
        {
            tracing::warn!(part = now.part.as_str(), %error, "a peer's name could not be looked up");
        }
        failed_before = updated.is_err();
        now.looked_up.send_replace(true);
        let again = Arc::clone(&now.refresh_now);
        // Holding a strong reference while sleeping would keep the set alive for ever.
        drop(now);
        tokio::time::sleep(timing.look_up_at_most_every).await;
        tokio::select! {
            () = again.notified() => {}
            () = tokio::time::sleep(timing.look_up_every.saturating_sub(timing.look_up_at_most_every)) => {}
        }
    }
}
