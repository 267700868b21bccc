//! Calls a second of one account, of one partner and of one address, and sign-ins and text messages a second of one address. Counted in this process; with
//! Redis over all replicas. Without Redis each replica counts for itself, which is looser; nobody is refused for that.

mod shared;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use lutong_chassis::BuildError;
use lutong_kernel::Fault;
use lutong_operating::tls::PeerPartner;
use lutong_transport::peer::PeerAddress;

use crate::config::{GatewayConfig, rate, refused};
use crate::fault::limits::too_many_calls;
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
    partner: RateLimit,
    sign_in: RateLimit,
    message: RateLimit,
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
            partner: limit("partner", rate("rate_per_partner", config.rate_per_partner)?),
            sign_in: limit("sign-in", rate("rate_sign_in", config.rate_sign_in)?),
            message: limit("message", rate("rate_messages", config.rate_messages)?),
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

    /// A call over the listener for partners, whatever address it comes from.
    pub async fn partner(&self, partner: &PeerPartner) -> Result<(), Fault> {
        self.partner.check(&partner.names.join(","), true).await
    }

    /// A sign-in; each is counted everywhere.
    pub async fn sign_in(&self, from: Option<PeerAddress>) -> Result<(), Fault> {
        self.sign_in.check(&network_of(from), false).await
    }

    /// A call that sends a text message, whichever account makes it; each is counted everywhere.
    pub async fn message(&self, from: Option<PeerAddress>) -> Result<(), Fault> {
        self.message.check(&network_of(from), false).await
    }
}

/// The key of a network; empty for all that are not known.
fn network_of(from: Option<PeerAddress>) -> String {
    from.map(|from| from.network().to_string()).unwrap_or_default()
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
            .map_err(|until| too_many_calls(until.wait_time_from(DefaultClock::default().now())))?;
        let Some(shared) = &self.shared else {
            return Ok(());
        };
        if local_first && self.local.check_key(&key).is_ok() {
            return Ok(());
        }
        match shared.take(self.name, &key, self.rate).await {
            Some(wait) => Err(too_many_calls(wait)),
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

#[cfg(test)]
mod tests;
