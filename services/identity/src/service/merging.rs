//! Noting that subjects are one person, and that they are not after all.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, FaultCode, SubjectId};
use lutong_storage::crypto::FieldCipher;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::outbox::Outbox;
use lutong_storage::{Database, StorageError};
use lutong_transport::access::DivisionPermit;
use sea_orm::DatabaseTransaction;

use super::registry::Registry;
use crate::domain::merge::{MOST, Merge, MergeError, MergeId, check_merge};
use crate::domain::person::StatedDocument;
use crate::events::{self, Happened};
use crate::store::merges::{self, Filter, Noted, NotedMerge};
use crate::store::{homes, people};

impl Merge {
    const fn state(&self) -> &'static str {
        match self.unmerged_at {
            None => "IN_FORCE",
            Some(_) => "UNDONE",
        }
    }

    /// Of what an action changes.
    pub fn etag(&self) -> Etag {
        Etag::of(&self.id().to_string(), [self.state()])
    }
}

/// How somebody names a subject.
#[derive(Debug, Clone, Copy)]
pub enum Reference<'a> {
    Subject(SubjectId),
    Document(StatedDocument<'a>),
}

/// A request to merge or to undo: whose, which, where they may act, and how it is known.
#[derive(Debug, Clone)]
pub struct Asked {
    pub account: String,
    pub permit: DivisionPermit,
    pub request: RequestKey,
    pub reason: String,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Merging {
    registry: Registry,
    database: Database,
    fields: FieldCipher,
    outbox: Outbox,
    clock: Arc<dyn Clock>,
}

impl Merging {
    pub fn new(store: &Store, foundation: &Foundation, registry: Registry, outbox: Outbox) -> Self {
        Self {
            registry,
            database: store.database.clone(),
            fields: store.fields.clone(),
            outbox,
            clock: Arc::clone(&foundation.clock),
        }
    }

    /// From now on the two are one person.
    pub async fn merge(
        &self,
        asked: Asked,
        subject: Reference<'_>,
        into: Reference<'_>,
    ) -> Result<NotedMerge, Fault> {
        let from = self.find(subject, "subject").await?;
        let into = self.find(into, "into").await?;
        if !self.is_theirs(asked.permit, &[from, into]).await? {
            return Err(outside());
        }
        // The key of the log is made outside the transaction.
        self.fields.ready().await?;
        let (request, noted) = self.noted(asked);
        let this = self.clone();
        let merged = self.database.write(move |transaction| {
            async move { this.merge_in(transaction, &request, noted, from, into).await }.boxed()
        });
        let merged = merged.await?;
        self.outbox.wake();
        Ok(merged)
    }

    /// From now on the merged subject is a person of its own, with whoever was merged into it.
    pub async fn undo(&self, asked: Asked, id: MergeId, etag: String) -> Result<NotedMerge, Fault> {
        self.find_merge(asked.permit, id).await?;
        self.fields.ready().await?;
        let (request, noted) = self.noted(asked);
        let this = self.clone();
        let ended = self.database.write(move |transaction| {
            async move { this.undo_in(transaction, &request, noted, (id, &etag)).await }.boxed()
        });
        let ended = ended.await?;
        self.outbox.wake();
        Ok(ended)
    }

    /// A merge of people of whom one lives where the caller may act.
    pub async fn find_merge(&self, permit: DivisionPermit, id: MergeId) -> Result<NotedMerge, Fault> {
        let found = merges::find(self.database.reader(), id).await?;
        let found = found.ok_or_else(merge_not_found)?;
        let (from, into) = (found.merge.from, found.merge.into);
        if self.is_theirs(permit, &[from, into]).await? {
            Ok(found)
        } else {
            Err(merge_not_found())
        }
    }

    /// Merges of people of whom one lives where the caller may act, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        permit: DivisionPermit,
        filter: Filter,
        page: &Page,
    ) -> Result<(Vec<NotedMerge>, String), Fault> {
        let after = page.after.as_deref().and_then(merges::Place::read);
        let rows = merges::list(self.database.reader(), filter, after, page.limit()).await?;
        let (rows, next) = page.cut(rows, |last| merges::Place::of(&last.merge).write())?;
        let mut theirs = Vec::with_capacity(rows.len());
        for noted in rows {
            if self
                .is_theirs(permit, &[noted.merge.from, noted.merge.into])
                .await?
            {
                theirs.push(noted);
            }
        }
        Ok((theirs, next))
    }

    fn noted(&self, asked: Asked) -> (RequestKey, Noted) {
        let noted = Noted {
            by: asked.account,
            reason: asked.reason,
            at: self.clock.now(),
        };
        (asked.request, noted)
    }

    async fn find(&self, reference: Reference<'_>, field: &str) -> Result<SubjectId, Fault> {
        let reader = self.database.reader();
        let found = match reference {
            Reference::Subject(subject) => people::exists(reader, subject).await?.then_some(subject),
            Reference::Document(document) => {
                let index = self.registry.document_index(document);
                let index =
                    index.map_err(|wrong| Fault::invalid(vec![wrong.within("document").within(field)]))?;
                people::find(reader, &index).await?.map(|known| known.subject)
            }
        };
        found.ok_or_else(|| not_found(field))
    }

    /// Whether one of these people is known to live where the caller may act. What was merged before counts: it is the same
    /// person.
    async fn is_theirs(&self, permit: DivisionPermit, subjects: &[SubjectId]) -> Result<bool, Fault> {
        let own = permit.jurisdiction();
        if own.is_province_wide() {
            return Ok(true);
        }
        let reader = self.database.reader();
        let mut people = BTreeSet::new();
        for subject in subjects {
            people.extend(merges::together(reader, *subject).await?);
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
        request: &RequestKey,
        noted: Noted,
        from: SubjectId,
        into: SubjectId,
    ) -> Result<NotedMerge, Fault> {
        merges::lock(transaction).await?;
        let before = merges::latest(transaction, from).await?;
        let merge = Merge {
            from,
            into,
            // The merge before it, and its undoing, have a number each.
            version: before.as_ref().map_or(1, |before| before.version + 2),
            merged_at: noted.at,
            unmerged_at: None,
        };
        if let Some(earlier) = claim(transaction, request, merge.id(), &noted).await? {
            return Ok(earlier);
        }
        let with_from = merges::together(transaction, from).await?;
        let with_into = merges::together(transaction, into).await?;
        let elsewhere = before.is_some_and(|before| before.unmerged_at.is_none());
        check_merge(from, &with_from, into, &with_into, elsewhere).map_err(refused)?;
        merges::insert(transaction, &merge, &noted).await?;
        let merged = Happened::Merged {
            into,
            version: merge.version,
        };
        self.tell(transaction, &noted, from, merged).await?;
        Ok(NotedMerge {
            merge,
            created_by: noted.by,
            reason: noted.reason,
            undone_by: None,
            undo_reason: None,
        })
    }

    async fn undo_in(
        &self,
        transaction: &DatabaseTransaction,
        request: &RequestKey,
        noted: Noted,
        (id, etag): (MergeId, &str),
    ) -> Result<NotedMerge, Fault> {
        merges::lock(transaction).await?;
        if let Some(earlier) = claim(transaction, request, id, &noted).await? {
            return Ok(earlier);
        }
        let mut found = merges::find(transaction, id).await?.ok_or_else(merge_not_found)?;
        found.merge.etag().check(etag, found.merge.state())?;
        if found.merge.unmerged_at.is_some() {
            return Err(already_undone());
        }
        merges::end(transaction, &found.merge, &noted).await?;
        let unmerged = Happened::Unmerged {
            version: id.version + 1,
        };
        self.tell(transaction, &noted, id.from, unmerged).await?;
        found.merge.unmerged_at = Some(noted.at);
        found.undone_by = Some(noted.by);
        found.undo_reason = Some(noted.reason);
        Ok(found)
    }

    async fn tell(
        &self,
        transaction: &DatabaseTransaction,
        noted: &Noted,
        subject: SubjectId,
        happened: Happened,
    ) -> Result<(), Fault> {
        let event = events::event(subject, noted.at, happened);
        self.outbox
            .seal(noted.at, vec![event])
            .await?
            .append(transaction)
            .await?;
        Ok(())
    }
}

/// The merge that an earlier request with this id was answered with.
async fn claim(
    transaction: &DatabaseTransaction,
    request: &RequestKey,
    id: MergeId,
    noted: &Noted,
) -> Result<Option<NotedMerge>, Fault> {
    let answer = id.to_string();
    let Claim::Replay(answer) = idempotency::claim(transaction, request, answer.as_bytes(), noted.at).await?
    else {
        return Ok(None);
    };
    let damaged = || Fault::from(StorageError::Damaged("idempotency.answer".to_owned()));
    let id = std::str::from_utf8(&answer).ok().and_then(MergeId::parse);
    let merge = merges::find(transaction, id.ok_or_else(damaged)?).await?;
    merge.ok_or_else(damaged).map(Some)
}

fn refused(error: MergeError) -> Fault {
    let en = error.to_string();
    match error {
        MergeError::OnePerson => already_merged("两个编号已属同一人", en),
        MergeError::MergedElsewhere => already_merged("该编号已并入他人，请先撤销", en),
        MergeError::TooMany => Fault::new(
            FaultCode::FailedPrecondition,
            "TOO_MANY_SUBJECTS",
            format!("一人最多{MOST}个编号"),
            en,
        ),
    }
}

fn already_merged(zh: &str, en: String) -> Fault {
    Fault::new(FaultCode::FailedPrecondition, "ALREADY_MERGED", zh, en)
}

fn already_undone() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "MERGE_UNDONE",
        "该合并已撤销",
        "this merge was undone already",
    )
}

pub fn merge_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "MERGE_NOT_FOUND",
        "没有该合并记录",
        "there is no such merge of people in your division",
    )
}

fn outside() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "OUTSIDE_DIVISION",
        "该人员不在本辖区居住",
        "neither of the two is known to live in your division",
    )
}

fn not_found(field: &str) -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "SUBJECT_NOT_FOUND",
        format!("没有该人员（{field}）"),
        format!("{field}: nobody is known by it"),
    )
}
