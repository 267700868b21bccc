//! How files are uploaded: begun, sent in pieces, and cleaned and kept once the last piece is there.

use futures::FutureExt as _;
use lutong_attachments::{CleanFile, Refusal};
use lutong_kernel::{AttachmentId, Fault, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_transport::access::CasePermit;
use lutong_transport::reply;
use sea_orm::DatabaseTransaction;
use sha2::{Digest as _, Sha256};

use super::{Attachments, missing_piece};
use crate::domain::attachment::{
    Attachment, Kept, MOST, Misplaced, OPEN_TO_FILES, PIECE, Placing, Progress, UPLOAD_TIME,
};
use crate::domain::log::{Actor, Happening, LogEntry};
use crate::domain::machine::State;
use crate::domain::staff::Staff;
use crate::domain::tracking::TrackingNumber;
use crate::fault::attachments as fault;
use crate::service::Complaints;
use crate::service::steps::{Party, fire};
use crate::store::attachments::{self as store, Stage};
use crate::store::{Complaint, cases};

impl Attachments {
    /// Begins a file of an own complaint. A repeated request gets it as it stands.
    pub async fn create(
        &self,
        permit: &CasePermit,
        request: RequestKey,
        number: TrackingNumber,
        upload_size: u64,
    ) -> Result<Attachment, Fault> {
        self.create_as(self.filer(permit), request, number, upload_size)
            .await
    }

    /// Begins a file that staff add to a case. A repeated request gets it as it stands.
    pub async fn create_of_case(
        &self,
        staff: Staff,
        request: RequestKey,
        number: TrackingNumber,
        upload_size: u64,
    ) -> Result<Attachment, Fault> {
        self.create_as(Party::Staff(staff), request, number, upload_size)
            .await
    }

    async fn create_as(
        &self,
        party: Party,
        request: RequestKey,
        number: TrackingNumber,
        upload_size: u64,
    ) -> Result<Attachment, Fault> {
        let now = self.complaints.clock.now();
        let attachment = Attachment {
            id: AttachmentId::new(now, &*self.complaints.random),
            number,
            created_at: now,
            is_by_staff: party.is_staff(),
            upload_size,
            next_offset: 0,
            progress: Progress::Uploading(now.plus(UPLOAD_TIME)),
        };
        let cipher = self.complaints.fields.ready().await?;
        self.database()
            .write(move |transaction| {
                async move { create_in(transaction, &cipher, &party, &request, attachment).await }.boxed()
            })
            .await
    }

    /// Adds a piece to a file of an own complaint, and cleans and keeps the file once all are there.
    pub async fn append(
        &self,
        permit: &CasePermit,
        id: AttachmentId,
        offset: u64,
        chunk: Vec<u8>,
    ) -> Result<Attachment, Fault> {
        self.append_as(self.filer(permit), id, offset, chunk).await
    }

    /// Adds a piece to a file that staff add to a case. A file of the filer's is not found.
    pub async fn append_of_case(
        &self,
        staff: Staff,
        id: AttachmentId,
        offset: u64,
        chunk: Vec<u8>,
    ) -> Result<Attachment, Fault> {
        self.append_as(Party::Staff(staff), id, offset, chunk).await
    }

    async fn append_as(
        &self,
        party: Party,
        id: AttachmentId,
        offset: u64,
        chunk: Vec<u8>,
    ) -> Result<Attachment, Fault> {
        let now = self.complaints.clock.now();
        let cipher = self.complaints.fields.ready().await?;
        let (found, _) = self.reached(&cipher, &party, id, now).await?;
        if found.is_by_staff != party.is_staff() {
            return Err(fault::attachment_not_found());
        }
        let sealing = cipher.clone();
        let appended = self.database().write(move |transaction| {
            async move { append_in(transaction, &sealing, (id, now), offset, &chunk).await }.boxed()
        });
        let attachment = appended.await?;
        if attachment.is_ready() || !attachment.is_complete() {
            return Ok(attachment);
        }
        self.complete(&cipher, &party, attachment).await
    }

    /// Cleans a file of which all bytes are there. One that cannot be kept is gone.
    async fn complete(
        &self,
        cipher: &ReadyCipher,
        party: &Party,
        attachment: Attachment,
    ) -> Result<Attachment, Fault> {
        let (id, now) = (attachment.id, self.complaints.clock.now());
        let Ok(_turn) = self.cleaning.acquire().await else {
            return Err(Fault::internal("the semaphore of attachments was closed"));
        };
        let Some(file) = self.uploaded(cipher, &attachment).await? else {
            // Another call has completed it meanwhile.
            let found = store::find(self.database().reader(), id).await?;
            return found.ok_or_else(fault::attachment_not_found);
        };
        let cleaned = tokio::task::spawn_blocking(move || lutong_attachments::clean(&file)).await;
        // What the decoders of others cannot cope with is not kept either.
        match cleaned.unwrap_or(Err(Refusal::Damaged)) {
            Ok(clean) => {
                let (this, cipher, actor) = (self.complaints.clone(), cipher.clone(), party.actor());
                let kept = self.database().write(move |transaction| {
                    async move { keep_in(&this, transaction, &cipher, (attachment, actor, now), &clean).await }
                        .boxed()
                });
                kept.await
            }
            Err(refusal) => {
                let dropped: Result<bool, StorageError> = self
                    .database()
                    .write(move |transaction| store::drop_upload(transaction, id).boxed())
                    .await;
                dropped?;
                Err(fault::file_refused(refusal))
            }
        }
    }

    /// The bytes that were uploaded; `None` where another call has completed or dropped the file meanwhile.
    async fn uploaded(
        &self,
        cipher: &ReadyCipher,
        attachment: &Attachment,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let file = self.pieces(cipher, attachment).await;
        let found = store::find(self.database().reader(), attachment.id).await?;
        if found.is_none_or(|found| found.is_ready()) {
            return Ok(None);
        }
        file.map(Some)
    }

    async fn pieces(&self, cipher: &ReadyCipher, attachment: &Attachment) -> Result<Vec<u8>, Fault> {
        let (mut file, mut start) = (Vec::new(), 0);
        while start < attachment.upload_size {
            let at = (Stage::Upload, attachment.id);
            let piece = store::piece_at(self.database().reader(), cipher, at, start).await?;
            let piece = piece.ok_or_else(missing_piece)?;
            start += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            file.extend_from_slice(&piece);
        }
        Ok(file)
    }
}

/// Whether a complaint takes files.
fn check_open(complaint: &Complaint) -> Result<(), Fault> {
    let state = complaint.case.state;
    if OPEN_TO_FILES.contains(&state) {
        return Ok(());
    }
    let allowed: Vec<&str> = OPEN_TO_FILES.iter().map(State::into_str).collect();
    Err(reply::wrong_state(state.into_str(), &allowed))
}

async fn create_in(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    party: &Party,
    request: &RequestKey,
    attachment: Attachment,
) -> Result<Attachment, Fault> {
    let (answer, now) = (attachment.id.uuid(), attachment.created_at);
    if let Claim::Replay(answer) = idempotency::claim(transaction, request, answer.as_bytes(), now).await? {
        let id = AttachmentId::from_uuid(idempotency::answered_id(&answer)?);
        // It may have been refused or dropped since.
        let found = store::find(transaction, id).await?;
        return found.ok_or_else(fault::attachment_not_found);
    }
    let complaint = cases::lock_reached(transaction, cipher, &attachment.number, party.reacher()).await?;
    let complaint = complaint.filter(|one| party.reaches(one));
    check_open(&complaint.ok_or_else(|| party.not_found())?)?;
    let count = store::count(transaction, &attachment.number, attachment.is_by_staff, now).await?;
    if usize::try_from(count).unwrap_or(usize::MAX) >= MOST {
        return Err(fault::too_many_attachments(MOST));
    }
    store::insert(transaction, &attachment, now.plus(UPLOAD_TIME)).await?;
    Ok(attachment)
}

async fn append_in(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    (id, now): (AttachmentId, Timestamp),
    offset: u64,
    chunk: &[u8],
) -> Result<Attachment, Fault> {
    let found = store::lock(transaction, id)
        .await?
        .filter(|one| !one.is_expired(now));
    let mut attachment = found.ok_or_else(fault::attachment_not_found)?;
    if attachment.is_ready() {
        return Ok(attachment);
    }
    let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
    match attachment.place(offset, length) {
        Err(Misplaced::Gap) => return Err(fault::offset_mismatch(attachment.next_offset)),
        Err(Misplaced::BeyondSize) => return Err(reply::wrong(fault::beyond_size())),
        Ok(Placing::Before) => {
            let there = store::piece_at(transaction, cipher, (Stage::Upload, id), offset).await?;
            if there.as_deref() != Some(chunk) {
                return Err(fault::offset_mismatch(attachment.next_offset));
            }
        }
        Ok(Placing::Next) => {
            store::append(transaction, cipher, id, offset, chunk).await?;
            attachment.next_offset += length;
        }
    }
    Ok(attachment)
}

/// Keeps a cleaned file, and says so in the log of its case.
async fn keep_in(
    this: &Complaints,
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    (mut attachment, actor, now): (Attachment, Actor, Timestamp),
    clean: &CleanFile,
) -> Result<Attachment, Fault> {
    let complaint = cases::lock(transaction, cipher, &attachment.number).await?;
    let mut complaint = complaint.ok_or_else(fault::attachment_not_found)?;
    let found = store::lock(transaction, attachment.id).await?;
    let found = found.ok_or_else(fault::attachment_not_found)?;
    if found.is_ready() {
        return Ok(found);
    }
    check_open(&complaint)?;
    let kept = Kept {
        media_type: clean.media_type,
        size: u64::try_from(clean.bytes.len()).unwrap_or(u64::MAX),
        digest: Sha256::digest(&clean.bytes).into(),
    };
    store::keep(
        transaction,
        cipher,
        attachment.id,
        &kept,
        clean.bytes.chunks(PIECE),
    )
    .await?;
    let mut entries = this.adopt(&mut complaint);
    entries.extend(fire(&mut complaint.case, now));
    complaint.case.version += 1;
    entries.push(attached(complaint.case.state, actor, now));
    cases::save(transaction, cipher, &complaint.number, &complaint.case, &entries).await?;
    attachment.progress = Progress::Ready(kept);
    Ok(attachment)
}

const fn attached(state: State, actor: Actor, now: Timestamp) -> LogEntry {
    LogEntry {
        happening: Happening::Attached,
        at: now,
        actor,
        from: Some(state),
        to: state,
        text: None,
        division: None,
        clock: None,
        verdict: None,
        finding: None,
        is_shown: false,
    }
}
