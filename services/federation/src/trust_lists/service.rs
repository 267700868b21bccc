//! Trust lists: staged, activated, rejected.

pub mod current;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, Timestamp};
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_storage::{Database, advisory};
use lutong_transport::reply;
use sea_orm::DatabaseTransaction;

use self::current::CurrentTrust;
use super::domain::{Action, Comparison, ListState, RefusedList, SignedList, StoredList};
use super::store;
use crate::fault;
use crate::partners::domain::{Partner, PartnerState, Signature};
use crate::partners::store as partners;
use crate::seal::TRUST_LOCK;

/// All lists; cheap to clone.
#[derive(Clone)]
pub struct TrustLists {
    database: Database,
    clock: Arc<dyn Clock>,
    current: CurrentTrust,
}

/// An operator who does something with a list.
#[derive(Debug, Clone)]
pub struct Step {
    pub request: RequestKey,
    pub account: String,
    pub sequence: i64,
    /// Of the state that the operator has seen; may be empty.
    pub etag: String,
    pub action: Action,
    /// Whether partners are meant to be removed or silenced.
    pub accepts_shrunken: bool,
}

/// The tag of a list.
pub fn etag(list: &StoredList) -> Etag {
    Etag::of(&list.sequence.to_string(), [list.state.into_str()])
}

impl TrustLists {
    pub fn new(store: &Store, foundation: &Foundation, current: CurrentTrust) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            current,
        }
    }

    /// What a stored list says; absent where it cannot be read any more.
    pub fn content(&self, list: &StoredList) -> Option<SignedList> {
        SignedList::open(&list.document, self.current.roots(), self.clock.now()).ok()
    }

    /// Verifies and keeps a list. A repeated request gets it as it stands.
    pub async fn stage(
        &self,
        request: RequestKey,
        account: String,
        document: Vec<u8>,
    ) -> Result<StoredList, Fault> {
        if self.current.roots().is_empty() {
            return Err(fault::trust_root_missing());
        }
        let (this, now) = (self.clone(), self.clock.now());
        self.database
            .write(move |transaction| {
                async move {
                    advisory::lock(transaction, TRUST_LOCK).await?;
                    let staged = Signature { account, at: now };
                    this.stage_in(transaction, &request, staged, document).await
                }
                .boxed()
            })
            .await
    }

    async fn stage_in(
        &self,
        transaction: &DatabaseTransaction,
        request: &RequestKey,
        staged: Signature,
        document: Vec<u8>,
    ) -> Result<StoredList, Fault> {
        let (now, seal) = (staged.at, self.current.seal());
        let refused = |reason: RefusedList| fault::trust_list_refused(&reason);
        let signed = SignedList::open(&document, self.current.roots(), now).map_err(refused)?;
        let sequence = signed.list.sequence;
        if let Claim::Replay(answer) =
            idempotency::claim(transaction, request, &sequence.to_be_bytes(), now).await?
        {
            let answer = <[u8; 8]>::try_from(&*answer).map_err(|_| idempotency::damaged_answer())?;
            let found = store::find(transaction, seal, i64::from_be_bytes(answer)).await?;
            return found.ok_or_else(|| idempotency::damaged_answer().into());
        }
        signed.check_time(now).map_err(refused)?;
        if !signed.list.is_for(self.current.own()) {
            return Err(refused(RefusedList::WrongAudience));
        }
        if let Some(highest) = store::highest(transaction).await?
            && sequence <= highest
        {
            return Err(refused(RefusedList::Older(highest)));
        }
        let standing = self.current.standing_in(transaction).await?;
        let list = StoredList {
            sequence,
            state: ListState::Staged,
            comparison: Comparison::of(&signed.list, Some(&standing), now),
            document,
            staged,
            decided: None,
        };
        store::insert(transaction, seal, &list).await?;
        Ok(list)
    }

    /// Activates or rejects a list. A repeated request gets it as it stands.
    pub async fn act(&self, step: Step) -> Result<StoredList, Fault> {
        let (this, now) = (self.clone(), self.clock.now());
        let done = self
            .database
            .write(move |transaction| {
                async move {
                    advisory::lock(transaction, TRUST_LOCK).await?;
                    this.act_in(transaction, step, now).await
                }
                .boxed()
            })
            .await?;
        // In force here before it is acknowledged; the other replicas notice within two seconds.
        self.current.reload().await?;
        Ok(done)
    }

    async fn act_in(
        &self,
        transaction: &DatabaseTransaction,
        step: Step,
        now: Timestamp,
    ) -> Result<StoredList, Fault> {
        let seal = self.current.seal();
        let found = store::find(transaction, seal, step.sequence).await?;
        let mut list = found.ok_or_else(fault::trust_list_not_found)?;
        let answer = step.sequence.to_be_bytes();
        if idempotency::claim(transaction, &step.request, &answer, now).await? != Claim::Fresh {
            return Ok(list);
        }
        etag(&list).check(&step.etag, list.state.into_str())?;
        if !step.action.from().contains(&list.state) {
            let allowed: Vec<&str> = step.action.from().iter().map(ListState::into_str).collect();
            return Err(reply::wrong_state(list.state.into_str(), &allowed));
        }
        match step.action {
            Action::Activate => self.activate_in(transaction, &mut list, &step, now).await?,
            Action::Reject => list.state = ListState::Rejected,
        }
        list.decided = Some(Signature {
            account: step.account,
            at: now,
        });
        store::update(transaction, seal, &list).await?;
        Ok(list)
    }

    async fn activate_in(
        &self,
        transaction: &DatabaseTransaction,
        list: &mut StoredList,
        step: &Step,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let refused = |reason: RefusedList| fault::trust_list_refused(&reason);
        let seal = self.current.seal();
        let signed = SignedList::open(&list.document, self.current.roots(), now).map_err(refused)?;
        signed.check_time(now).map_err(refused)?;
        let standing = self.current.standing_in(transaction).await?;
        if list.sequence <= standing.sequence {
            return Err(refused(RefusedList::Older(standing.sequence)));
        }
        // Another list may stand than when it was staged.
        let comparison = Comparison::of(&signed.list, Some(&standing), now);
        if comparison.is_shrunken() {
            if !step.accepts_shrunken {
                return Err(fault::trust_list_shrunken(&comparison));
            }
            if list.staged.account == step.account {
                return Err(fault::own_list());
            }
        }
        if let Some(mut before) = store::standing(transaction, seal).await? {
            before.state = ListState::Superseded;
            store::update(transaction, seal, &before).await?;
        }
        let rows = partners::all(transaction, seal).await?;
        for mut row in rows.iter().cloned() {
            let removed_at = match (signed.list.partners.contains_key(&row.id), row.removed_at) {
                (true, _) => None,
                (false, Some(at)) => Some(at),
                (false, None) => Some(now),
            };
            if row.removed_at != removed_at {
                row.removed_at = removed_at;
                row.proposal = row.proposal.filter(|_| removed_at.is_none());
                partners::save(transaction, seal, &row).await?;
            }
        }
        let trust = self.current.get();
        for id in signed.list.partners.keys() {
            if rows.iter().all(|row| row.id != *id) {
                // A partner of the configuration's list keeps the state that it has there.
                let known = standing.partners.contains_key(id);
                let state = if known {
                    trust.state(*id)
                } else {
                    PartnerState::Test
                };
                partners::save(transaction, seal, &Partner::new(*id, state)).await?;
            }
        }
        list.comparison = comparison;
        list.state = ListState::Active;
        Ok(())
    }

    pub async fn find(&self, sequence: i64) -> Result<StoredList, Fault> {
        let found = store::find(self.database.reader(), self.current.seal(), sequence).await?;
        found.ok_or_else(fault::trust_list_not_found)
    }

    /// Lists, the highest sequence number first, and the token of the next page.
    pub async fn list(
        &self,
        state: Option<ListState>,
        page: &Page,
    ) -> Result<(Vec<StoredList>, String), Fault> {
        let (reader, seal, before) = (self.database.reader(), self.current.seal(), page.after_number()?);
        let found = store::list(reader, seal, state, before, page.limit()).await?;
        page.cut(found, |last| last.sequence.to_be_bytes().to_vec())
    }
}
