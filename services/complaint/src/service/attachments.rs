//! Files that belong to complaints: uploaded in pieces, cleaned once the last is there, and read by whoever reaches the complaint.

mod uploading;

use std::sync::Arc;

use futures::FutureExt as _;
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use lutong_chassis::skin::Page;
use lutong_kernel::{AttachmentId, Fault, Secret, SubjectId, Timestamp};
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::{Database, StorageError};
use lutong_transport::access::CasePermit;
use sea_orm::DatabaseTransaction;
use tokio::sync::Semaphore;

use super::Complaints;
use super::steps::Party;
use crate::domain::attachment::{Attachment, Kept, Progress};
use crate::domain::log::{Actor, Happening, LogEntry};
use crate::domain::staff::Staff;
use crate::domain::tracking::TrackingNumber;
use crate::fault::attachments as fault;
use crate::store::attachments::{self as store, Stage};
use crate::store::{Complaint, cases};

/// Uploads that are dropped in one look.
const CHUNK: u64 = 100;

/// Files of complaints; cheap to clone.
#[derive(Clone)]
pub struct Attachments {
    complaints: Complaints,
    /// A file that is cleaned takes hundreds of megabytes at the worst.
    cleaning: Arc<Semaphore>,
}

/// A complete file of which the pieces are read one after the other.
pub struct Download {
    pub attachment: Attachment,
    /// Whom an appeal is about.
    pub subject: Option<SubjectId>,
    pub pieces: BoxStream<'static, Result<Vec<u8>, Fault>>,
}

impl Attachments {
    pub fn new(complaints: Complaints) -> Self {
        Self {
            complaints,
            cleaning: Arc::new(Semaphore::new(1)),
        }
    }

    fn database(&self) -> &Database {
        &self.complaints.database
    }

    /// Whoever filed complaints, by their permit.
    fn filer(&self, permit: &CasePermit) -> Party {
        Party::Filer(self.complaints.account_hash(permit.account()))
    }

    /// Files of an own complaint, the oldest first, and the token of the next page.
    pub async fn list(
        &self,
        permit: &CasePermit,
        number: &TrackingNumber,
        page: &Page,
    ) -> Result<(Vec<Attachment>, String), Fault> {
        self.list_as(&self.filer(permit), number, page).await
    }

    /// Complete files of a case, the oldest first, and the token of the next page.
    pub async fn list_of_case(
        &self,
        staff: &Staff,
        number: &TrackingNumber,
        page: &Page,
    ) -> Result<(Vec<Attachment>, String), Fault> {
        self.list_as(&Party::Staff(staff.clone()), number, page).await
    }

    async fn list_as(
        &self,
        party: &Party,
        number: &TrackingNumber,
        page: &Page,
    ) -> Result<(Vec<Attachment>, String), Fault> {
        let after = page.after_id()?;
        let (cipher, reader) = (self.complaints.fields.ready().await?, self.database().reader());
        let found = cases::find_reached(reader, &cipher, number, party.reacher()).await?;
        found
            .filter(|one| party.reaches(one))
            .ok_or_else(|| party.not_found())?;
        let found = store::list(reader, number, party.is_staff(), after, page.limit()).await?;
        page.cut(found, |last| last.id.uuid().as_bytes().to_vec())
    }

    /// A complete file of an own complaint.
    pub async fn download(&self, permit: &CasePermit, id: AttachmentId) -> Result<Download, Fault> {
        self.download_as(&self.filer(permit), id).await
    }

    /// A complete file of a case.
    pub async fn download_of_case(&self, staff: &Staff, id: AttachmentId) -> Result<Download, Fault> {
        self.download_as(&Party::Staff(staff.clone()), id).await
    }

    async fn download_as(&self, party: &Party, id: AttachmentId) -> Result<Download, Fault> {
        let cipher = self.complaints.fields.ready().await?;
        let (attachment, complaint) = self
            .reached(&cipher, party, id, self.complaints.clock.now())
            .await?;
        let Progress::Ready(Kept { size, .. }) = &attachment.progress else {
            return Err(fault::attachment_not_found());
        };
        let (database, size) = (self.database().clone(), *size);
        let pieces = stream::try_unfold(0, move |start| {
            let (database, cipher) = (database.clone(), cipher.clone());
            async move {
                if start >= size {
                    return Ok(None);
                }
                let at = (Stage::Kept, id);
                let piece = store::piece_at(database.reader(), &cipher, at, start).await?;
                let piece = piece
                    .filter(|piece| !piece.is_empty())
                    .ok_or_else(missing_piece)?;
                let next = start + u64::try_from(piece.len()).unwrap_or(u64::MAX);
                Ok(Some((piece, next)))
            }
        });
        Ok(Download {
            attachment,
            subject: complaint.subject,
            pieces: pieces.boxed(),
        })
    }

    /// A file of a complaint that a party reaches; any other is not found.
    async fn reached(
        &self,
        cipher: &ReadyCipher,
        party: &Party,
        id: AttachmentId,
        now: Timestamp,
    ) -> Result<(Attachment, Complaint), Fault> {
        let reader = self.database().reader();
        let found = store::find(reader, id).await?.filter(|one| !one.is_expired(now));
        // The filer sees nothing of what staff add.
        let found = found.filter(|one| party.is_staff() || !one.is_by_staff);
        let attachment = found.ok_or_else(fault::attachment_not_found)?;
        let complaint = cases::find_reached(reader, cipher, &attachment.number, party.reacher()).await?;
        let complaint = complaint.filter(|one| party.reaches(one));
        Ok((attachment, complaint.ok_or_else(fault::attachment_not_found)?))
    }
}

impl Complaints {
    /// Drops files whose time to be uploaded is over.
    pub(super) async fn drop_uploads(&self) -> Result<(), StorageError> {
        let now = self.clock.now();
        loop {
            let found = store::expired(self.database.reader(), now, CHUNK).await?;
            for id in &found {
                let id = *id;
                let dropped: Result<bool, StorageError> = self
                    .database
                    .write(move |transaction| store::drop_upload(transaction, id).boxed())
                    .await;
                dropped?;
            }
            if found.is_empty() {
                return Ok(());
            }
        }
    }
}

impl Complaints {
    /// Deletes the files of closed cases whose time is over, and says so in the log of each. A case that cannot be read holds up no other.
    pub(super) async fn delete_files(&self) -> Result<(), StorageError> {
        let closed_by = self.handling.retention.attachments_closed_by(self.clock.now());
        let mut after = String::new();
        loop {
            let found = store::closed_by(self.database.reader(), closed_by, &after, CHUNK).await?;
            let Some(last) = found.last() else {
                return Ok(());
            };
            after.clone_from(last);
            for number in &found {
                if let Err(fault) = self.delete_files_of(number, closed_by).await {
                    tracing::warn!(case = number, %fault, "the files of a case are deleted with the next round");
                }
            }
        }
    }

    async fn delete_files_of(&self, stored: &str, closed_by: Timestamp) -> Result<(), Fault> {
        let damaged = |_| StorageError::Damaged("attachments.tracking_number".to_owned());
        let number = TrackingNumber::parse(stored).map_err(damaged)?;
        let (cipher, now) = (self.fields.ready().await?, self.clock.now());
        self.database
            .write(move |transaction| {
                async move { delete_in(transaction, &cipher, &number, (closed_by, now)).await }.boxed()
            })
            .await
    }
}

/// Deletes what is over of a case. One that another transaction has locked is left to it.
async fn delete_in(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    number: &TrackingNumber,
    (closed_by, now): (Timestamp, Timestamp),
) -> Result<(), Fault> {
    let Some(complaint) = cases::lock_if_free(transaction, cipher, number).await? else {
        return Ok(());
    };
    let count = store::delete_closed(transaction, number, closed_by).await?;
    if count == 0 {
        return Ok(());
    }
    let mut next = complaint.case;
    next.version += 1;
    let entry = LogEntry {
        happening: Happening::FilesDeleted,
        at: now,
        actor: Actor::Clock,
        from: Some(next.state),
        to: next.state,
        text: Some(Secret::new(count.to_string())),
        division: None,
        clock: None,
        verdict: None,
        finding: None,
        is_shown: false,
    };
    cases::save(transaction, cipher, number, &next, &[entry]).await
}

fn missing_piece() -> StorageError {
    StorageError::Damaged("attachment_pieces.start_at".to_owned())
}
