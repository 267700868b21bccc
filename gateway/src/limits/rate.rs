//! Calls a second of one account and of one address, and sign-ins a second of one address. Counted in this process; with
//! Redis over all replicas. Without Redis each replica counts for itself, which is looser; nobody is refused for that.

mod shared;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use lutong_chassis::BuildError;
use lutong_kernel::{Fault, FaultCode};
use lutong_transport::peer::PeerAddress;

use crate::config::{GatewayConfig, rate, refused};
use shared::SharedRate;

/// Checks after which keys without recent calls are dropped.
const SWEEP_EVERY: u32 = 1 << 16;
/// A replica admits this part of a limit without asking Redis, so that ordinary use never waits for it.
const LOCAL_PART: u32 = 5;
/// Where addresses are not known, everybody without a session shares as much as so many addresses have.
const UNKNOWN_ADDRESSES: u32 = 20;

/// The rates of the edge.
pub struct RateLimits {
    subject: RateLimit,
    address: RateLimit,
    anywhere: RateLimit,
    sign_in: RateLimit,
}

impl RateLimits {
    pub fn new(config: &GatewayConfig, redis: Option<&str>) -> Result<Self, BuildError> {
        let shared = redis
            .map(SharedRate::new)
            .transpose()
            .map_err(|error| refused(format!("redis: {error}")))?;
        let limit = |name: &'static str, rate| RateLimit::new(name, rate, shared.clone());
        let address = rate("rate_per_address", config.rate_per_address)?;
        let anywhere = address.saturating_mul(NonZeroU32::new(UNKNOWN_ADDRESSES).unwrap_or(NonZeroU32::MIN));
        Ok(Self {
            subject: limit("subject", rate("rate_per_subject", config.rate_per_subject)?),
            address: limit("address", address),
            anywhere: limit("anywhere", anywhere),
            sign_in: limit("sign-in", rate("rate_sign_in", config.rate_sign_in)?),
        })
    }

    /// A call of an account.
    pub async fn account(&self, account: &str) -> Result<(), Fault> {
        self.subject.check(account, true).await
    }

    /// A call without a session.
    pub async fn anonymous(&self, from: Option<PeerAddress>) -> Result<(), Fault> {
        match from {
            Some(address) => self.address.check(&address.network().to_string(), true).await,
            None => self.anywhere.check("", true).await,
        }
    }

    /// A sign-in; each is counted everywhere.
    pub async fn sign_in(&self, from: Option<PeerAddress>) -> Result<(), Fault> {
        let from = from.map(|from| from.network().to_string()).unwrap_or_default();
        self.sign_in.check(&from, false).await
    }
}

/// So many calls a second of one key, twice as many at once.
struct RateLimit {
    name: &'static str,
    rate: NonZeroU32,
    all: DefaultKeyedRateLimiter<String>,
    local: DefaultKeyedRateLimiter<String>,
    shared: Option<SharedRate>,
    checks: AtomicU32,
}

impl RateLimit {
    fn new(name: &'static str, rate: NonZeroU32, shared: Option<SharedRate>) -> Self {
        let local = NonZeroU32::new(rate.get() / LOCAL_PART).unwrap_or(NonZeroU32::MIN);
        Self {
            name,
            rate,
            all: RateLimiter::keyed(quota(rate)),
            local: RateLimiter::keyed(Quota::per_second(local)),
            shared,
            checks: AtomicU32::new(0),
        }
    }

    async fn check(&self, key: &str, local_first: bool) -> Result<(), Fault> {
        self.sweep_sometimes();
        let key = key.to_owned();
        self.all
            .check_key(&key)
            .map_err(|until| too_many(until.wait_time_from(DefaultClock::default().now())))?;
        let Some(shared) = &self.shared else {
            return Ok(());
        };
        if local_first && self.local.check_key(&key).is_ok() {
            return Ok(());
        }
        match shared.take(self.name, &key, self.rate).await {
            Some(wait) => Err(too_many(wait)),
            None => Ok(()),
        }
    }

    fn sweep_sometimes(&self) {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.all.retain_recent();
            self.local.retain_recent();
        }
    }
}

fn quota(rate: NonZeroU32) -> Quota {
    Quota::per_second(rate).allow_burst(rate.saturating_mul(NonZeroU32::MIN.saturating_add(1)))
}

fn too_many(wait: Duration) -> Fault {
    Fault::new(
        FaultCode::ResourceExhausted,
        "TOO_MANY_CALLS",
        "操作过于频繁，请稍后重试",
        "too many calls in a short time; wait a moment",
    )
    .retry_after(wait.max(Duration::from_millis(1)))
}

#[cfg(test)]
mod tests;
