//! Noting that subjects are one person, and that they are not.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::access::AnyPermit;
use lutong_chassis::crypto::FieldCipher;
use lutong_chassis::idempotency::{self, Claim, Idempotency, RequestKey};
use lutong_chassis::outbox::Outbox;
use lutong_chassis::storage::{Database, StorageError};
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, FaultCode, Jurisdiction, RequestId, SubjectId};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::registry::Registry;
use crate::domain::merge::{MOST, Merge, MergeError, check_merge};
use crate::domain::person::StatedDocument;
use crate::grpc::events::{self, Happened};
use crate::store::merges::{self, Noted};
use crate::store::{homes, people};

/// How somebody names a subject.
#[derive(Debug, Clone, Copy)]
pub enum Reference<'a> {
    Subject(SubjectId),
    Document(StatedDocument<'a>),
}

/// A request to merge or unmerge: whose, which, and how it is known.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub account: &'a str,
    /// Where the account may act.
    pub jurisdiction: Jurisdiction,
    pub request_id: RequestId,
    /// As sent, for its fingerprint.
    pub body: &'a [u8],
    pub reason: &'a str,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Merging {
    registry: Registry,
    database: Database,
    fields: FieldCipher,
    idempotency: Idempotency,
    outbox: Outbox,
    clock: Arc<dyn Clock>,
}

impl Merging {
    pub fn new(store: &Store, foundation: &Foundation, registry: Registry, outbox: Outbox) -> Self {
        Self {
            registry,
            database: store.database.clone(),
            fields: store.fields.clone(),
            idempotency: store.idempotency.clone(),
            outbox,
            clock: Arc::clone(&foundation.clock),
        }
    }

    /// From now on the two are one person.
    pub async fn merge(
        &self,
        _permit: AnyPermit,
        asked: Asked<'_>,
        from: Reference<'_>,
        into: Reference<'_>,
    ) -> Result<Merge, Fault> {
        let from = self.find(from, "from").await?;
        let into = self.find(into, "into").await?;
        self.check_jurisdiction(asked.jurisdiction, &[from, into]).await?;
        // The key of the log is made outside the transaction.
        self.fields.ready().await?;
        let (request, noted) = self.request("MergeSubjects", asked);
        let this = self.clone();
        let merged = self.database.write(move |transaction| {
            async move { this.merge_in(transaction, &request, &noted, from, into).await }.boxed()
        });
        let merged = merged.await?;
        self.outbox.wake();
        Ok(merged)
    }

    /// From now on `from` is a person of its own, with whoever was merged into it.
    pub async fn unmerge(
        &self,
        _permit: AnyPermit,
        asked: Asked<'_>,
        from: Reference<'_>,
    ) -> Result<Merge, Fault> {
        let from = self.find(from, "from").await?;
        self.check_jurisdiction(asked.jurisdiction, &[from]).await?;
        self.fields.ready().await?;
        let (request, noted) = self.request("UnmergeSubject", asked);
        let this = self.clone();
        let ended = self.database.write(move |transaction| {
            async move { this.unmerge_in(transaction, &request, &noted, from).await }.boxed()
        });
        let ended = ended.await?;
        self.outbox.wake();
        Ok(ended)
    }

    fn request(&self, method: &str, asked: Asked<'_>) -> (RequestKey, Noted) {
        let noted = Noted {
            by: asked.account.to_owned(),
            reason: asked.reason.to_owned(),
            at: self.clock.now(),
        };
        let key = self
            .idempotency
            .key(asked.account, method, asked.request_id, asked.body);
        (key, noted)
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

    /// Refuses people of whom none is known to live in the jurisdiction. What was merged before counts: it is the same person.
    async fn check_jurisdiction(&self, own: Jurisdiction, subjects: &[SubjectId]) -> Result<(), Fault> {
        if own.is_province_wide() {
            return Ok(());
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
        if own.covers_any(divisions.collect::<Result<Vec<_>, _>>()?) {
            return Ok(());
        }
        Err(Fault::new(
            FaultCode::PermissionDenied,
            "OUTSIDE_DIVISION",
            "该人员不在本辖区居住",
            "neither of the two is known to live in your division",
        ))
    }

    async fn merge_in(
        &self,
        transaction: &DatabaseTransaction,
        request: &RequestKey,
        noted: &Noted,
        from: SubjectId,
        into: SubjectId,
    ) -> Result<Merge, Fault> {
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
        if let Some(earlier) = claim(transaction, request, (from, merge.version), noted).await? {
            return Ok(earlier);
        }
        let with_from = merges::together(transaction, from).await?;
        let with_into = merges::together(transaction, into).await?;
        let elsewhere = before.is_some_and(|before| before.unmerged_at.is_none());
        check_merge(from, &with_from, into, &with_into, elsewhere).map_err(refused)?;
        merges::insert(transaction, &merge, noted).await?;
        let merged = Happened::Merged {
            into,
            version: merge.version,
        };
        self.tell(transaction, noted, from, merged).await?;
        Ok(merge)
    }

    async fn unmerge_in(
        &self,
        transaction: &DatabaseTransaction,
        request: &RequestKey,
        noted: &Noted,
        from: SubjectId,
    ) -> Result<Merge, Fault> {
        merges::lock(transaction).await?;
        let merge = merges::latest(transaction, from).await?;
        let version = merge.as_ref().map_or(0, |merge| merge.version);
        if let Some(earlier) = claim(transaction, request, (from, version), noted).await? {
            return Ok(earlier);
        }
        let merge = merge.filter(|merge| merge.unmerged_at.is_none());
        let merge = merge.ok_or_else(not_merged)?;
        merges::end(transaction, &merge, noted).await?;
        let unmerged = Happened::Unmerged {
            version: merge.version + 1,
        };
        self.tell(transaction, noted, from, unmerged).await?;
        Ok(Merge {
            unmerged_at: Some(noted.at),
            ..merge
        })
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
    (from, version): (SubjectId, i64),
    noted: &Noted,
) -> Result<Option<Merge>, Fault> {
    let answer = [&from.uuid().as_bytes()[..], &version.to_be_bytes()].concat();
    let Claim::Replay(answer) = idempotency::claim(transaction, request, &answer, noted.at).await? else {
        return Ok(None);
    };
    let damaged = || Fault::from(StorageError::Damaged("idempotency.answer".to_owned()));
    let (from, version) = answer.split_at_checked(16).ok_or_else(damaged)?;
    let from = Uuid::from_slice(from).map_err(|_| damaged())?;
    let version = i64::from_be_bytes(version.try_into().map_err(|_| damaged())?);
    let merge = merges::find(transaction, SubjectId::from_uuid(from), version).await?;
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

fn not_merged() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "NOT_MERGED",
        "该编号未并入他人",
        "it is not merged into another subject",
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
