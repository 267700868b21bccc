//! Delivers lookups to identity: at least once, which has the effect of once.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1::lookup_service_client::LookupServiceClient;
use lutong_proto::identity::v1::{InspectedLookup, RecordLookupsRequest};
use lutong_storage::StorageError;
use lutong_transport::client::{self, Call, MeshChannel};
use prost::Message as _;
use tokio_util::sync::CancellationToken;

use super::log::{LookupLog, context};
use super::table;

/// Lookups of one delivery.
const BATCH: u64 = 500;
/// How long identity may take for one.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Between two attempts while identity is away, and between two looks for what another replica wrote.
const INTERVAL: Duration = Duration::from_secs(2);

/// Where lookups are kept.
#[async_trait::async_trait]
pub trait LookupSink: Send + Sync + 'static {
    /// Stores lookups; storing one again has no effect.
    async fn record(&self, lookups: Vec<InspectedLookup>) -> Result<(), Fault>;
}

/// Identity, for all other services.
#[derive(Debug, Clone)]
pub struct IdentityLookups(MeshChannel);

impl IdentityLookups {
    pub const fn new(identity: MeshChannel) -> Self {
        Self(identity)
    }
}

#[async_trait::async_trait]
impl LookupSink for IdentityLookups {
    async fn record(&self, lookups: Vec<InspectedLookup>) -> Result<(), Fault> {
        let request = Call::background(TIMEOUT).request(RecordLookupsRequest { lookups });
        LookupServiceClient::new(self.0.clone())
            .record_lookups(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::Identity, ""))?;
        Ok(())
    }
}

impl LookupLog {
    /// Delivers what is written down, until `stop`.
    pub async fn deliver(self, sink: impl LookupSink, stop: CancellationToken) {
        let mut is_failing = false;
        loop {
            match self.deliver_some(&sink).await {
                Ok(0) => is_failing = false,
                Ok(_) => {
                    is_failing = false;
                    continue;
                }
                Err(fault) => {
                    if !is_failing {
                        tracing::warn!(%fault, "lookups are not delivered to identity; they are kept and tried again");
                    }
                    is_failing = true;
                }
            }
            tokio::select! {
                () = self.written.notified(), if !is_failing => {}
                () = tokio::time::sleep(INTERVAL) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Delivers the oldest. Returns how many.
    async fn deliver_some(&self, sink: &impl LookupSink) -> Result<usize, Fault> {
        let waiting = table::oldest(self.database.reader(), BATCH).await?;
        if waiting.is_empty() {
            return Ok(0);
        }
        let cipher = self.fields.ready().await?;
        let (mut lookups, mut ids) = (Vec::new(), Vec::new());
        for stored in waiting {
            let content = cipher.decrypt(&stored.content, &context(stored.id))?;
            lookups.push(InspectedLookup::decode(&*content).map_err(Fault::internal)?);
            ids.push(stored.id);
        }
        let count = lookups.len();
        sink.record(lookups).await?;
        let deleted: Result<(), StorageError> = self
            .database
            .write(move |transaction| async move { table::delete(transaction, &ids).await }.boxed())
            .await;
        deleted?;
        Ok(count)
    }
}
