//! Merges subjects that are one person, and undoes merges.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, SubjectId};
use lutong_storage::Database;
use lutong_storage::crypto::FieldCipher;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::outbox::Outbox;
use lutong_transport::access::DivisionPermit;
use sea_orm::DatabaseTransaction;

use super::domain::{Merge, MergeError, MergeId, check_merge};
use super::store::{self, Filter, MergeAction, RecordedMerge};
use crate::events::{self, SubjectChange};
use crate::fault;
use crate::people::domain::StatedDocument;
use crate::people::service::Registry;
use crate::people::store as people;
use crate::people::store::{documents, homes};

impl Merge {
    const fn state(&self) -> &'static str {
        match self.unmerged_at {
            None => "IN_FORCE",
            Some(_) => "UNDONE",
        }
    }

    /// The etag, over what an action changes.
    pub fn etag(&self) -> Etag {
        Etag::of(&self.id().to_string(), [self.state()])
    }
}

/// A subject by its id or by a document.
#[derive(Debug, Clone, Copy)]
pub enum SubjectReference<'a> {
    Subject(SubjectId),
    Document(StatedDocument<'a>),
}

/// A request to merge or to undo: the officer's account and jurisdiction, the idempotency key and the reason.
#[derive(Debug, Clone)]
pub struct MergeRequest {
    pub account: String,
    pub permit: DivisionPermit,
    pub key: RequestKey,
    pub reason: String,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Merges {
    registry: Registry,
    database: Database,
    fields: FieldCipher,
    outbox: Outbox,
    clock: Arc<dyn Clock>,
}

impl Merges {
    pub fn new(store: &Store, foundation: &Foundation, registry: Registry, outbox: Outbox) -> Self {
        Self {
            registry,
            database: store.database.clone(),
            fields: store.fields.clone(),
            outbox,
            clock: Arc::clone(&foundation.clock),
        }
    }

    /// Makes the two subjects one person.
    pub async fn merge(
        &self,
        request: MergeRequest,
        subject: SubjectReference<'_>,
        into: SubjectReference<'_>,
    ) -> Result<RecordedMerge, Fault> {
        let from = self.find(subject, "subject").await?;
        let into = self.find(into, "into").await?;
        if !self.is_theirs(request.permit, &[from, into]).await? {
            return Err(fault::outside_division());
        }
        // The key of the event log is created here when it does not exist: that must not happen inside the transaction.
        self.fields.ready().await?;
        let (key, action) = self.action_of(request);
        let this = self.clone();
        let merged = self.database.write(move |transaction| {
            async move { this.merge_in(transaction, &key, action, from, into).await }.boxed()
        });
        let merged = merged.await?;
        self.outbox.wake();
        Ok(merged)
    }

    /// Undoes a merge: its subject is a person of its own again, together with the subjects that were merged into it.
    pub async fn undo(
        &self,
        request: MergeRequest,
        id: MergeId,
        etag: String,
    ) -> Result<RecordedMerge, Fault> {
        self.find_merge(request.permit, id).await?;
        self.fields.ready().await?;
        let (key, action) = self.action_of(request);
        let this = self.clone();
        let ended = self.database.write(move |transaction| {
            async move { this.undo_in(transaction, &key, action, (id, &etag)).await }.boxed()
        });
        let ended = ended.await?;
        self.outbox.wake();
        Ok(ended)
    }

    /// A merge of which one subject lives in the jurisdiction of the caller.
    pub async fn find_merge(&self, permit: DivisionPermit, id: MergeId) -> Result<RecordedMerge, Fault> {
        let found = store::find(self.database.reader(), id).await?;
        let found = found.ok_or_else(fault::merge_not_found)?;
        let (from, into) = (found.merge.from, found.merge.into);
        if self.is_theirs(permit, &[from, into]).await? {
            Ok(found)
        } else {
            Err(fault::merge_not_found())
        }
    }

    /// Merges of which one subject lives in the jurisdiction of the caller, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        permit: DivisionPermit,
        filter: Filter,
        page: &Page,
    ) -> Result<(Vec<RecordedMerge>, String), Fault> {
        let after = page.after(store::MergePosition::read)?;
        let rows = store::list(self.database.reader(), filter, after, page.limit()).await?;
        let (rows, next) = page.cut(rows, |last| store::MergePosition::of(&last.merge).write())?;
        let mut theirs = Vec::with_capacity(rows.len());
        for recorded in rows {
            if self
                .is_theirs(permit, &[recorded.merge.from, recorded.merge.into])
                .await?
            {
                theirs.push(recorded);
            }
        }
        Ok((theirs, next))
    }

    fn action_of(&self, request: MergeRequest) -> (RequestKey, MergeAction) {
        let action = MergeAction {
            by: request.account,
            reason: request.reason,
            at: self.clock.now(),
        };
        (request.key, action)
    }

    async fn find(&self, reference: SubjectReference<'_>, field: &str) -> Result<SubjectId, Fault> {
        let reader = self.database.reader();
        let found = match reference {
            SubjectReference::Subject(subject) => people::exists(reader, subject).await?.then_some(subject),
            SubjectReference::Document(document) => {
                let index = self.registry.document_index(document);
                let index =
                    index.map_err(|wrong| Fault::invalid(vec![wrong.within("document").within(field)]))?;
                people::find(reader, &index).await?.map(|known| known.subject)
            }
        };
        found.ok_or_else(|| fault::subject_not_found(field))
    }

    /// Whether one of these people is known to live in the jurisdiction of the caller. Merged subjects count as the same person.
    async fn is_theirs(&self, permit: DivisionPermit, subjects: &[SubjectId]) -> Result<bool, Fault> {
        let own = permit.jurisdiction();
        if own.is_province_wide() {
            return Ok(true);
        }
        let reader = self.database.reader();
        let mut people = BTreeSet::new();
        for subject in subjects {
            people.extend(store::same_person(reader, *subject).await?);
        }
        let people: Vec<SubjectId> = people.into_iter().collect();
        let cipher = self.fields.ready().await?;
        let homes = homes::of(reader, &people).await?;
        let divisions = homes.iter().map(|home| home.division(&cipher));
        Ok(own.covers_any(divisions.collect::<Result<Vec<_>, _>>()?))
    }

    async fn merge_in(
        &self,
        transaction: &DatabaseTransaction,
        key: &RequestKey,
        action: MergeAction,
        from: SubjectId,
        into: SubjectId,
    ) -> Result<RecordedMerge, Fault> {
        store::lock(transaction).await?;
        let before = store::latest(transaction, from).await?;
        let merge = Merge::after(before.as_ref(), from, into, action.at);
        if let Some(earlier) = claim(transaction, key, merge.id(), &action).await? {
            return Ok(earlier);
        }
        let elsewhere = before.is_some_and(|before| before.unmerged_at.is_none());
        let stored = self.store_merge(transaction, &merge, &action, elsewhere).await?;
        stored.map_err(fault::merge_refused)?;
        Ok(RecordedMerge {
            merge,
            created_by: action.by,
            reason: action.reason,
            undone_by: None,
            undo_reason: None,
        })
    }

    /// Makes a placeholder one person with the person whose document it is, in the caller's transaction, without an officer: the caller
    /// has made sure that the document is theirs. Returns whether that was possible; it is not where the placeholder belongs to other
    /// registered people or was merged elsewhere, nor beyond the most subjects of a person.
    pub async fn join_placeholder(
        &self,
        transaction: &DatabaseTransaction,
        action: &MergeAction,
        placeholder: SubjectId,
        person: SubjectId,
    ) -> Result<bool, Fault> {
        store::lock(transaction).await?;
        let with_placeholder = store::same_person(transaction, placeholder).await?;
        if with_placeholder.contains(&person) {
            return Ok(true);
        }
        let with_placeholder: Vec<_> = with_placeholder.into_iter().collect();
        if !documents::registered_among(transaction, &with_placeholder)
            .await?
            .is_empty()
        {
            return Ok(false);
        }
        let before = store::latest(transaction, placeholder).await?;
        let merge = Merge::after(before.as_ref(), placeholder, person, action.at);
        let elsewhere = before.is_some_and(|before| before.unmerged_at.is_none());
        let stored = self.store_merge(transaction, &merge, action, elsewhere).await?;
        Ok(stored.is_ok())
    }

    /// Stores a merge with its event, unless a rule refuses it.
    async fn store_merge(
        &self,
        transaction: &DatabaseTransaction,
        merge: &Merge,
        action: &MergeAction,
        points_elsewhere: bool,
    ) -> Result<Result<(), MergeError>, Fault> {
        let with_from = store::same_person(transaction, merge.from).await?;
        let with_into = store::same_person(transaction, merge.into).await?;
        if let Err(error) = check_merge(merge.from, &with_from, merge.into, &with_into, points_elsewhere) {
            return Ok(Err(error));
        }
        store::insert(transaction, merge, action).await?;
        let merged = SubjectChange::Merged {
            into: merge.into,
            version: merge.version,
        };
        self.append_event(transaction, action, merge.from, merged).await?;
        Ok(Ok(()))
    }

    async fn undo_in(
        &self,
        transaction: &DatabaseTransaction,
        key: &RequestKey,
        action: MergeAction,
        (id, etag): (MergeId, &str),
    ) -> Result<RecordedMerge, Fault> {
        store::lock(transaction).await?;
        if let Some(earlier) = claim(transaction, key, id, &action).await? {
            return Ok(earlier);
        }
        let mut found = store::find(transaction, id)
            .await?
            .ok_or_else(fault::merge_not_found)?;
        found.merge.etag().check(etag, found.merge.state())?;
        if found.merge.unmerged_at.is_some() {
            return Err(fault::merge_undone());
        }
        store::undo(transaction, &found.merge, &action).await?;
        let unmerged = SubjectChange::Unmerged {
            version: id.version + 1,
        };
        self.append_event(transaction, &action, id.from, unmerged).await?;
        found.merge.unmerged_at = Some(action.at);
        found.undone_by = Some(action.by);
        found.undo_reason = Some(action.reason);
        Ok(found)
    }

    async fn append_event(
        &self,
        transaction: &DatabaseTransaction,
        action: &MergeAction,
        subject: SubjectId,
        change: SubjectChange,
    ) -> Result<(), Fault> {
        let event = events::event(subject, action.at, change);
        self.outbox
            .seal(action.at, vec![event])
            .await?
            .append(transaction)
            .await?;
        Ok(())
    }
}

/// Claims the request id, or returns the merge that answered an earlier request with it.
async fn claim(
    transaction: &DatabaseTransaction,
    key: &RequestKey,
    id: MergeId,
    action: &MergeAction,
) -> Result<Option<RecordedMerge>, Fault> {
    let answer = id.to_string();
    let Claim::Replay(answer) = idempotency::claim(transaction, key, answer.as_bytes(), action.at).await?
    else {
        return Ok(None);
    };
    let damaged = || Fault::from(idempotency::damaged_answer());
    let id = std::str::from_utf8(&answer).ok().and_then(MergeId::parse);
    let merge = store::find(transaction, id.ok_or_else(damaged)?).await?;
    merge.ok_or_else(damaged).map(Some)
}
