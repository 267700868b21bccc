//! The replicas of one service behind one channel: each call goes to the least busy one that answers; what never left is
//! sent to another at once; one that refuses or falls silent is left out until it answers again.

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
use super::replica::{Question, Replica};
use lutong_operating::tls::TlsError;

/// Tries of one call. A connection that closes may be chosen again before its channel has noticed.
const TRIES: usize = 4;

/// When a replica is taken for silent, and how often it and the names are asked again.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// A replica that has a call and answers nothing for so long is asked whether it lives …
    pub patience: Duration,
    /// … and has so long to say so.
    pub probe_patience: Duration,
    /// Between two questions to a replica that is out of use; four times as long once it has been away for a while.
    pub probe_every: Duration,
    /// Between two look-ups of the names, and at the least when a connection was refused.
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

/// A balanced channel; cheap to clone. Made in a runtime, on which it looks up names and asks replicas until dropped.
#[derive(Clone)]
pub struct Replicas(Arc<Set>);

struct Set {
    part: ServiceName,
    addresses: Addresses,
    /// What every endpoint has but its address.
    dial: Box<dyn Fn(String) -> Result<Endpoint, TlsError> + Send + Sync>,
    timing: Timing,
    replicas: ArcSwap<Vec<Arc<Replica>>>,
    /// Whether the names were looked up at least once.
    looked_up: watch::Sender<bool>,
    look_again: Arc<Notify>,
    budget: RetryBudget,
    turn: AtomicUsize,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("no replica is known")]
    Nobody,
    #[error(transparent)]
    Transport(#[from] Error),
}

/// What became of one try.
enum Tried {
    Answered(Response<Body>),
    Failed(Error),
    /// The replica fell silent, and another is there.
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
        let set = Arc::new(Set {
            part,
            addresses,
            dial: Box::new(dial),
            timing,
            replicas: ArcSwap::default(),
            looked_up: watch::Sender::new(!has_names),
            look_again: Arc::default(),
            budget: RetryBudget::new(),
            turn: AtomicUsize::new(0),
        });
        set.update(&fixed)?;
        if has_names {
            tokio::spawn(keep_looking(Arc::downgrade(&set)));
        }
        Ok(Self(set))
    }

    /// Sends a call, and sends it again elsewhere as long as that does no harm.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, SendError> {
        let set = &self.0;
        if set.replicas.load().is_empty() {
            set.first_look_up().await;
        }
        set.budget.add();
        let several = set.replicas.load().len() > 1;
        let repeatable = several && is_repeatable(request.uri().path());
        let replay = Replay::new(request, repeatable);
        let mut left_out: Vec<Arc<Replica>> = Vec::new();
        let mut failed = SendError::Nobody;
        for _ in 0..TRIES {
            let Some(replica) = set.pick(&left_out) else {
                set.look_again.notify_one();
                break;
            };
            match set.attempt(&replica, &replay, &left_out).await {
                Tried::Answered(response) => return Ok(response),
                Tried::Failed(error) => {
                    let (closed, late) = (closed_before(&error), super::timed_out(&error));
                    if replay.is_unsent() && !closed && !late {
                        set.refused(&replica);
                    }
                    failed = error.into();
                    let again = !late && (closed || set.may_repeat(&replica, &left_out));
                    if !again || !replay.take_back() {
                        break;
                    }
                    if closed {
                        // Its channel is about to connect anew: it may well be the right one.
                        tokio::task::yield_now().await;
                        continue;
                    }
                }
                Tried::Silent => {}
            }
            left_out.push(replica);
        }
        Err(failed)
    }
}

impl Set {
    /// The least busy replica in use that is not left out; else one that is out of use: it may be back.
    fn pick(&self, left_out: &[Arc<Replica>]) -> Option<Arc<Replica>> {
        let replicas = self.replicas.load();
        if let [only] = &replicas[..] {
            return left_out.is_empty().then(|| Arc::clone(only));
        }
        let begin = self.turn.fetch_add(1, Ordering::Relaxed);
        // In turn among those that are equally busy.
        (0..replicas.len())
            .filter_map(|step| replicas.get(begin.wrapping_add(step) % replicas.len()))
            .filter(|replica| !left_out.iter().any(|other| Arc::ptr_eq(other, replica)))
            .min_by_key(|replica| (!replica.is_in_use(), replica.load()))
            .cloned()
    }

    /// Whether a call that failed at `replica` finds another one, and the budget allows it.
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
    ) -> Tried {
        let _load = replica.enter();
        let mut sent = std::pin::pin!(replica.channel().oneshot(replay.request()));
        // Whoever has nobody else to turn to waits.
        if !self.another(replica, left_out) {
            return done(replica, sent.await);
        }
        let mut patience = self.timing.patience;
        match tokio::time::timeout(patience, sent.as_mut()).await {
            Ok(answer) => return done(replica, answer),
            Err(_) => patience *= 2,
        }
        let mut usage = replica.usage();
        loop {
            let in_use = *usage.borrow_and_update();
            if in_use {
                self.suspect(replica);
            } else if (replay.is_unsent() || replay.is_kept())
                && self.may_repeat(replica, left_out)
                && replay.take_back()
            {
                return Tried::Silent;
            }
            tokio::select! {
                biased;
                answer = sent.as_mut() => return done(replica, answer),
                _ = usage.changed() => {}
                () = tokio::time::sleep(patience) => patience = (patience * 2).min(MOST_PATIENCE),
            }
        }
    }

    /// Asks a replica that was not heard for a while whether it lives, and takes it out of use when it does not say so.
    fn suspect(self: &Arc<Self>, replica: &Arc<Replica>) {
        if replica.was_heard_within(self.timing.patience) {
            return;
        }
        if let Some(question) = replica.question() {
            let set = Arc::clone(self);
            tokio::spawn(async move {
                if question.0.is_silent(set.timing.probe_patience).await {
                    set.eject(question, "is silent");
                }
            });
        }
    }

    /// A connection was refused, or could not be made.
    fn refused(self: &Arc<Self>, replica: &Arc<Replica>) {
        self.look_again.notify_one();
        if let Some(question) = replica.question() {
            self.eject(question, "refuses connections");
        }
    }

    /// Takes a replica out of use, unless it is the last one, and asks it until it answers.
    fn eject(self: &Arc<Self>, question: Question, why: &'static str) {
        let replicas = self.replicas.load();
        let replica = &question.0;
        let last = !replicas
            .iter()
            .any(|other| !Arc::ptr_eq(other, replica) && other.is_in_use());
        if last || !replica.eject() {
            return;
        }
        let (part, address) = (self.part.as_str(), replica.address);
        metrics::counter!("lutong_replicas_ejected_total", "part" => part).increment(1);
        tracing::warn!(part, %address, "a replica {why}: calls go to the others until it answers");
        tokio::spawn(keep_asking(Arc::downgrade(self), question));
    }

    /// Waits until the names were looked up for the first time.
    async fn first_look_up(&self) {
        // The sender lives as long as this set.
        let _ = self.looked_up.subscribe().wait_for(|done| *done).await;
    }

    /// Keeps the replicas that are still there, with their connections, and adds the new ones.
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

/// The longest between two looks at a replica whose call takes long.
const MOST_PATIENCE: Duration = Duration::from_secs(5);

fn done(replica: &Replica, answer: Result<Response<Body>, Error>) -> Tried {
    match answer {
        Ok(response) => {
            replica.hear();
            Tried::Answered(response)
        }
        Err(error) => Tried::Failed(error),
    }
}

/// The connection was closed between choosing it and writing to it: it had grown old, or its server drains.
fn closed_before(error: &Error) -> bool {
    super::causes(error).any(|cause| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_canceled)
    })
}

/// Asks a replica that is out of use until it answers, is gone, or nobody calls any more.
async fn keep_asking(set: Weak<Set>, question: Question) {
    /// After so many questions it is asked less often.
    const OFTEN: u32 = 20;
    let mut asked = 0_u32;
    loop {
        let Some(timing) = set.upgrade().map(|set| set.timing) else {
            return;
        };
        let pause = if asked < OFTEN { 1 } else { 4 };
        tokio::time::sleep(timing.probe_every * pause).await;
        let replica = &question.0;
        if replica.answers_anew(timing.probe_patience).await {
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

/// Looks the names up again and again, and sooner when a connection was refused. A name that cannot be looked up changes
/// nothing: its replicas may be there all the same.
async fn keep_looking(set: Weak<Set>) {
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
        let again = Arc::clone(&now.look_again);
        // Held meanwhile, the set would never end.
        drop(now);
        tokio::time::sleep(timing.look_up_at_most_every).await;
        tokio::select! {
            () = again.notified() => {}
            () = tokio::time::sleep(timing.look_up_every.saturating_sub(timing.look_up_at_most_every)) => {}
        }
    }
}
