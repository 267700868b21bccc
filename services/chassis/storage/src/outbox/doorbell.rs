//! Signals that a producer has new events: a watch channel within one process, a Redis stream between processes. It
//! carries only the producer and the last sequence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lutong_kernel::ServiceName;
use lutong_operating::pause::pause;
use redis::AsyncCommands as _;
use redis::streams::{StreamMaxlen, StreamReadOptions, StreamReadReply};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Entries kept in a stream; the newest one supersedes the others.
const KEPT: usize = 100;
/// How long one blocking read waits.
const BLOCK_MS: usize = 2_000;

/// Cheap to clone.
#[derive(Clone)]
pub struct Doorbell {
    local: Arc<[watch::Sender<i64>; ServiceName::ALL.len()]>,
    redis: Option<redis::Client>,
    /// Whether the last ring failed, so that an outage is logged once and not at every ring.
    away: Arc<AtomicBool>,
}

impl Doorbell {
    /// For services that share one process.
    pub fn local() -> Self {
        Self {
            local: Arc::new(std::array::from_fn(|_| watch::channel(0).0)),
            redis: None,
            away: Arc::default(),
        }
    }

    /// Over Redis; while Redis is away followers poll.
    pub fn redis(client: redis::Client) -> Self {
        Self {
            redis: Some(client),
            ..Self::local()
        }
    }

    fn sender(&self, producer: ServiceName) -> &watch::Sender<i64> {
        // `producer as usize` is below ALL.len(): the enum has no explicit discriminants.
        &self.local[producer as usize]
    }

    pub async fn ring(&self, producer: ServiceName, last: i64) {
        self.sender(producer).send_replace(last);
        let Some(client) = &self.redis else { return };
        let rung = tokio::time::timeout(Duration::from_secs(1), async {
            let mut connection = client.get_multiplexed_async_connection().await?;
            let limit = StreamMaxlen::Approx(KEPT);
            let _: String = connection
                .xadd_maxlen(stream(producer), limit, "*", &[("last", last)])
                .await?;
            Ok::<_, redis::RedisError>(())
        });
        let failed = match rung.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer within a second".to_owned()),
        };
        let was_away = self.away.swap(failed.is_some(), Ordering::Relaxed);
        match failed {
            Some(error) if !was_away => {
                tracing::warn!(
                    error,
                    "the doorbell cannot ring: followers find out by polling until it does"
                );
            }
            None if was_away => tracing::info!("the doorbell rings again"),
            Some(_) | None => {}
        }
    }

    /// The channel that a follower waits on.
    pub fn listen(&self, producer: ServiceName) -> watch::Receiver<i64> {
        self.sender(producer).subscribe()
    }

    /// Forwards rings of other processes to the followers of this one, until `stop`.
    pub async fn run_bridge(self, producer: ServiceName, stop: CancellationToken) {
        let Some(client) = self.redis.clone() else { return };
        loop {
            let heard = tokio::select! {
                heard = self.hear(&client, producer) => heard,
                () = stop.cancelled() => return,
            };
            if let Err(error) = heard {
                tracing::debug!(%error, producer = producer.as_str(), "the doorbell is not heard; polling");
            }
            if pause(Duration::from_secs(1), &stop).await {
                return;
            }
        }
    }

    async fn hear(&self, client: &redis::Client, producer: ServiceName) -> redis::RedisResult<()> {
        let config = redis::AsyncConnectionConfig::new()
            .set_response_timeout(Some(Duration::from_millis(BLOCK_MS as u64 + 3_000)));
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        let options = StreamReadOptions::default().block(BLOCK_MS).count(KEPT);
        let mut after = "$".to_owned();
        loop {
            let reply: Option<StreamReadReply> = connection
                .xread_options(&[stream(producer)], &[&after], &options)
                .await?;
            // The content does not matter: a follower reads from its own position.
            if let Some(id) =
                reply.and_then(|reply| reply.keys.last()?.ids.last().map(|entry| entry.id.clone()))
            {
                after = id;
                self.sender(producer).send_modify(|rings| *rings += 1);
            } else {
                // The stream was emptied or is quiet: continue with the next new entry.
                "$".clone_into(&mut after);
            }
        }
    }
}

/// The hash tag keeps a producer's keys on one node of a cluster.
fn stream(producer: ServiceName) -> String {
    format!("lutong:{{{}}}:doorbell", producer.as_str())
}
