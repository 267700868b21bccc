//! The trust that is in force in this process: the list that stands and the states of the partners, read anew every few seconds and after each
//! change made here.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Timestamp};
use lutong_operating::pause::pause;
use lutong_storage::{Database, StorageError};
use lutong_token::Issuer;
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::partners::domain::{Partner, PartnerId, PartnerState};
use crate::partners::store as partners;
use crate::seal::RowSeal;
use crate::trust_lists::domain::{Agreement, ListState, Roots, SignedList, TrustList};
use crate::trust_lists::store as lists;

/// How soon a change that another replica made is noticed.
const RELOAD_EVERY: Duration = Duration::from_secs(2);

/// What is trusted.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    pub list: Arc<TrustList>,
    /// From this instant on nobody is.
    pub expires_at: Option<Timestamp>,
    states: BTreeMap<PartnerId, PartnerState>,
}

impl Trust {
    /// How far a partner of the list is believed.
    pub fn state(&self, id: PartnerId) -> PartnerState {
        // A partner whose row was deleted begins where a new one does.
        self.states.get(&id).copied().unwrap_or(PartnerState::Test)
    }

    pub fn agreement(&self, id: PartnerId) -> Option<&Agreement> {
        self.list.partners.get(&id)
    }

    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// The trust in force; cheap to clone, all clones share it.
#[derive(Clone)]
pub struct CurrentTrust {
    database: Database,
    clock: Arc<dyn Clock>,
    seal: RowSeal,
    roots: Arc<Roots>,
    own: Issuer,
    /// The list of the configuration, which stands until the first signed one is activated.
    file: Arc<TrustList>,
    trust: Arc<RwLock<Arc<Trust>>>,
    /// One reads at a time, so that what was read earlier does not take the place of what was read later.
    reading: Arc<Mutex<()>>,
}

impl CurrentTrust {
    /// Reads what is in force, and gives the partners of the configuration's list their rows.
    pub async fn open(
        (store, foundation, own): (&Store, &Foundation, Issuer),
        roots: Roots,
        file: TrustList,
    ) -> Result<Self, StorageError> {
        let this = Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            seal: RowSeal::new(&store.index_key),
            roots: Arc::new(roots),
            own,
            file: Arc::new(file),
            trust: Arc::default(),
            reading: Arc::default(),
        };
        this.reload().await?;
        Ok(this)
    }

    pub fn seal(&self) -> &RowSeal {
        &self.seal
    }

    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Whose system this is.
    pub const fn own(&self) -> Issuer {
        self.own
    }

    /// What is trusted now.
    pub fn get(&self) -> Arc<Trust> {
        Arc::clone(&self.trust.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads what is in force.
    pub async fn reload(&self) -> Result<(), StorageError> {
        let _turn = self.reading.lock().await;
        let reader = self.database.reader();
        let standing = self.standing(reader).await?;
        let rows = partners::all(reader, &self.seal).await?;
        let is_file = standing.is_none();
        let (list, expires_at) = match standing {
            None => (Arc::clone(&self.file), None),
            Some(Ok(signed)) => (Arc::new(signed.list), Some(signed.expires_at)),
            Some(Err(reason)) => {
                metrics::counter!("lutong_federation_damaged_rows_total", "table" => "trust_lists")
                    .increment(1);
                let before = self.get();
                // What was verified stays until its own end; after a start there is nothing to stay.
                tracing::error!(%reason, kept = before.list.sequence, "the trust list that stands is refused");
                if before.list.sequence > 0 {
                    (Arc::clone(&before.list), before.expires_at)
                } else {
                    (Arc::default(), None)
                }
            }
        };
        let mut states: BTreeMap<_, _> = rows.iter().map(|row| (row.id, row.state)).collect();
        if is_file {
            // Whoever writes the configuration decides as much as two operators.
            for id in list.partners.keys() {
                states.entry(*id).or_insert(PartnerState::Live);
            }
        }
        let trust = Trust {
            list,
            expires_at,
            states,
        };
        let mut current = self.trust.write().unwrap_or_else(PoisonError::into_inner);
        // A database that was restored does not bring back what this process has seen replaced.
        if trust.list.sequence >= current.list.sequence {
            *current = Arc::new(trust);
        }
        Ok(())
    }

    /// The list that stands; `None` before the first signed one.
    async fn standing(
        &self,
        connection: &impl ConnectionTrait,
    ) -> Result<Option<Result<SignedList, String>>, StorageError> {
        let Some(stored) = lists::standing(connection, &self.seal).await? else {
            let has_any = lists::was_ever_active(connection).await?;
            return Ok(has_any.then(|| Err("no list is in force, and one was".to_owned())));
        };
        if stored.state != ListState::Active {
            return Ok(Some(Err(format!(
                "the row of list {} was changed",
                stored.sequence
            ))));
        }
        let signed = SignedList::open(&stored.document, &self.roots, self.clock.now());
        let signed = signed.map_err(|error| format!("list {}: {error}", stored.sequence));
        Ok(Some(signed.and_then(|signed| {
            if !signed.list.is_for(self.own) {
                Err(format!(
                    "list {} is of another province's partners",
                    stored.sequence
                ))
            } else if signed.list.sequence == stored.sequence {
                Ok(signed)
            } else {
                Err(format!("list {} says another number", stored.sequence))
            }
        })))
    }

    /// What stands, within a transaction that changes it.
    pub async fn standing_in(&self, transaction: &DatabaseTransaction) -> Result<TrustList, StorageError> {
        match self.standing(transaction).await? {
            None => Ok(TrustList::clone(&self.file)),
            Some(Ok(signed)) => Ok(signed.list),
            Some(Err(_)) => Ok(TrustList::clone(&self.get().list)),
        }
    }

    /// The partner as it stands; a partner of the configuration's list need not have a row.
    pub async fn partner_in(
        &self,
        connection: &impl ConnectionTrait,
        id: PartnerId,
    ) -> Result<Option<Partner>, StorageError> {
        let found = partners::find(connection, &self.seal, id).await?;
        Ok(found.or_else(|| {
            let trust = self.get();
            trust.agreement(id).map(|_| Partner::new(id, trust.state(id)))
        }))
    }

    /// All partners, also those that are on no list now.
    pub async fn partners(&self) -> Result<Vec<Partner>, StorageError> {
        let rows = partners::all(self.database.reader(), &self.seal).await?;
        let mut all: BTreeMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
        let trust = self.get();
        for id in trust.list.partners.keys() {
            all.entry(*id)
                .or_insert_with(|| Partner::new(*id, trust.state(*id)));
        }
        Ok(all.into_values().collect())
    }

    /// Reads what is in force every few seconds: another replica may have changed it.
    pub async fn follow(self, stop: CancellationToken) {
        while !pause(RELOAD_EVERY, &stop).await {
            if let Err(error) = self.reload().await {
                tracing::warn!(%error, "the trust in force could not be read; what was read before stays");
            }
        }
    }
}
