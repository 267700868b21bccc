//! Follows federation's log: what the origin of a converted code says of it later corrects the arrival that was made with it, and federation is told
//! once that is in force for its person.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::Store;
use lutong_kernel::{ConversionId, Fault, ServiceName, Timestamp};
use lutong_proto::federation::v1::event::Payload;
use lutong_proto::federation::v1::{ConversionChanged, Event};
use lutong_proto::time::timestamp;
use lutong_storage::crypto::{FieldCipher, ReadyCipher};
use lutong_storage::outbox::{EventHandler, Outbox, Position, StoredEvent};
use lutong_storage::{Database, StorageError};
use lutong_transport::client::Call;
use prost::Message as _;
use sea_orm::DatabaseTransaction;

use super::store;
use crate::declarations::domain::Declaration;
use crate::declarations::domain::conversion::Change;
use crate::declarations::service::Declarations;
use crate::declarations::store as declarations;
use crate::declarations::store::earlier;
use crate::events;
use crate::peers::Peers;

/// Deadline of a call to risk-rules or federation.
const DEADLINE: Duration = Duration::from_secs(5);

/// Follows the log of federation.
#[derive(Clone)]
pub struct ConversionFollower {
    database: Database,
    fields: FieldCipher,
    outbox: Outbox,
    peers: Peers,
    declarations: Declarations,
}

impl ConversionFollower {
    pub fn new(store: &Store, outbox: Outbox, peers: Peers, declarations: Declarations) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            outbox,
            peers,
            declarations,
        }
    }

    /// Stores what changed; the arrivals that it concerns, as they are now.
    async fn store(&self, changes: Vec<(ConversionId, Change)>) -> Result<Vec<Declaration>, Fault> {
        let (cipher, this) = (self.fields.ready().await?, self.clone());
        let now = self.declarations.clock.now();
        let stored = self.database.write(move |transaction| {
            async move {
                let (mut arrivals, mut said) = (Vec::new(), Vec::new());
                for (conversion, change) in changes {
                    let Some(revised) = revise(transaction, &cipher, conversion, &change).await? else {
                        continue;
                    };
                    let Revised { arrival, is_new } = revised;
                    let is_said = is_new && arrival.is_delivered();
                    said.extend(is_said.then(|| events::declaration_revised(&arrival)));
                    arrivals.push(arrival);
                }
                this.outbox.seal(now, said).await?.append(transaction).await?;
                Ok::<_, Fault>(arrivals)
            }
            .boxed()
        });
        let arrivals = stored.await?;
        self.outbox.wake();
        Ok(arrivals)
    }

    /// Has what changed come into force, for everybody for whom it can. What cannot now is tried again by the follower, and delivered by the
    /// log meanwhile.
    async fn bring_into_force(&self, arrivals: &[Declaration]) -> Result<(), Fault> {
        let mut all = Ok(());
        for arrival in arrivals.iter().filter(|one| one.is_delivered()) {
            let call = Call::background(DEADLINE);
            match self.peers.append_declared(&call, arrival).await {
                Ok(true) => self.declarations.mark_in_force(arrival).await,
                Ok(false) => all = Err(Fault::unavailable(ServiceName::RiskRules.as_str())),
                Err(fault) => all = Err(fault),
            }
        }
        all
    }
}

/// An arrival that states what its origin said last.
struct Revised {
    arrival: Declaration,
    /// Whether it did not state that before.
    is_new: bool,
}

/// Corrects the arrival of a conversion. `None` where that changes nothing: nobody arrived with it, the arrival was refused, or a later one took its
/// place.
async fn revise(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    conversion: ConversionId,
    change: &Change,
) -> Result<Option<Revised>, Fault> {
    let Some((account, id)) = store::find(transaction, conversion).await? else {
        return Ok(None);
    };
    let Some(found) = declarations::find(transaction, cipher, &[account], id).await? else {
        return Ok(None);
    };
    let current = earlier::current_partner_code(transaction, cipher, found.subject).await?;
    // Read again under the lock of the person that the line before took.
    let found = declarations::find(transaction, cipher, &[account], id).await?;
    let Some(mut arrival) = found else {
        return Ok(None);
    };
    if arrival.stated_code().is_none() || current.as_deref() != arrival.stated_code() {
        return Ok(None);
    }
    let is_new = arrival.revise(change);
    if is_new {
        declarations::save_revision(transaction, cipher, &arrival).await?;
    }
    Ok(Some(Revised { arrival, is_new }))
}

#[async_trait::async_trait]
impl EventHandler for ConversionFollower {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        // Of several changes of one code the last counts.
        let (mut changes, mut ids) = (BTreeMap::new(), Vec::new());
        for stored in events {
            let unreadable = |reason: &str| stored.unreadable(ServiceName::Federation, &reason);
            let event = Event::decode(&*stored.payload).map_err(|error| unreadable(&error.to_string()))?;
            if let Some(Payload::ConversionChanged(changed)) = &event.payload {
                let (conversion, change) = read(changed).ok_or_else(|| unreadable("an incomplete change"))?;
                ids.push(change.id);
                changes.insert(conversion, change);
            }
        }
        if !ids.is_empty() {
            let arrivals = self.store(changes.into_iter().collect()).await?;
            self.bring_into_force(&arrivals).await?;
            self.peers
                .confirm_conversions(&Call::background(DEADLINE), &ids)
                .await?;
        }
        // After the effect, which is stored once however often it is tried.
        let advanced = self
            .database
            .write(move |transaction| position.clone().advance(transaction).boxed());
        advanced.await.map_err(|error: StorageError| Fault::from(error))
    }
}

fn read(changed: &ConversionChanged) -> Option<(ConversionId, Change)> {
    let conversion = changed.conversion.strip_prefix("conversions/")?.parse().ok()?;
    let colour = changed.colour().known()?;
    let at: Timestamp = changed.change_time.as_ref().map(timestamp)?;
    Some((
        conversion,
        Change {
            id: changed.change_id.parse().ok()?,
            colour,
            at,
        },
    ))
}
