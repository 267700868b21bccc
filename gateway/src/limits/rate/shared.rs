//! The limit over all replicas: the generic cell rate algorithm as a script in Redis, by Redis' own clock.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use sha2::{Digest as _, Sha256};

/// An answer that is later is of no use to a call that waits.
const PATIENCE: Duration = Duration::from_millis(50);
/// After a failure Redis is left alone for so long.
const REST: Duration = Duration::from_secs(1);

/// KEYS[1]; ARGV: microseconds a call, microseconds of burst. Answers 0, or how many microseconds to wait.
const SCRIPT: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local each, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + each
local wait = tat - now - burst
if wait > 0 then return wait end
redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000) + 1000)
return 0
";

/// Cheap to clone.
#[derive(Clone)]
pub struct SharedRate(Arc<Inner>);

struct Inner {
    client: redis::Client,
    connection: OnceLock<ConnectionManager>,
    script: redis::Script,
    started: Instant,
    /// Milliseconds since `started` until which Redis is left alone.
    resting_until_ms: AtomicU64,
    away: AtomicBool,
}

impl SharedRate {
    /// Reads the address; connects with the first call.
    pub fn new(url: &str) -> redis::RedisResult<Self> {
        Ok(Self(Arc::new(Inner {
            client: redis::Client::open(url)?,
            connection: OnceLock::new(),
            script: redis::Script::new(SCRIPT),
            started: Instant::now(),
            resting_until_ms: AtomicU64::new(0),
            away: AtomicBool::new(false),
        })))
    }

    /// Takes one call out of what the key has left: how long to wait when nothing is. None also when Redis is away.
    pub async fn take(&self, limit: &str, key: &str, rate: NonZeroU32) -> Option<Duration> {
        let inner = &self.0;
        if inner.elapsed_ms() < inner.resting_until_ms.load(Ordering::Relaxed) {
            return None;
        }
        match tokio::time::timeout(PATIENCE, inner.ask(limit, key, rate)).await {
            Ok(Ok(wait_us)) => {
                if inner.away.swap(false, Ordering::Relaxed) {
                    tracing::info!("Redis answers again: limits count over all replicas");
                }
                (wait_us > 0).then(|| Duration::from_micros(wait_us))
            }
            Ok(Err(error)) => {
                inner.rest(&error.to_string());
                None
            }
            Err(_) => {
                inner.rest("no answer in time");
                None
            }
        }
    }
}

impl Inner {
    async fn ask(&self, limit: &str, key: &str, rate: NonZeroU32) -> redis::RedisResult<u64> {
        let mut connection = self.connection()?;
        let each_us = 1_000_000.0 / f64::from(rate.get());
        // Two seconds' worth at once, as the limit in this process.
        let burst_us = 2_000_000_u64;
        self.script
            .key(redis_key(limit, key))
            .arg(each_us)
            .arg(burst_us)
            .invoke_async(&mut connection)
            .await
    }

    fn connection(&self) -> redis::RedisResult<ConnectionManager> {
        if let Some(connection) = self.connection.get() {
            return Ok(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(Duration::from_millis(500)))
            .set_number_of_retries(1);
        let made = ConnectionManager::new_lazy_with_config(self.client.clone(), config)?;
        Ok(self.connection.get_or_init(|| made).clone())
    }

    fn rest(&self, reason: &str) {
        let rest_ms = u64::try_from(REST.as_millis()).unwrap_or(1_000);
        self.resting_until_ms
            .store(self.elapsed_ms().saturating_add(rest_ms), Ordering::Relaxed);
        if !self.away.swap(true, Ordering::Relaxed) {
            tracing::warn!(reason, "Redis is away: each replica counts its own calls");
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Accounts and addresses are somebody's: only their hash leaves the process.
fn redis_key(limit: &str, key: &str) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(key.as_bytes());
    let mut text = format!("lutong:limit:{limit}:");
    for byte in digest.iter().take(16) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_nothing_of_the_account() {
        let key = redis_key("subject", "openid-13800000000");
        assert!(
            key.starts_with("lutong:limit:subject:") && !key.contains("1380"),
            "{key}"
        );
        assert_ne!(key, redis_key("subject", "openid-13800000001"));
    }
}
