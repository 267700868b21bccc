//! Files that belong to complaints.

use std::time::Duration;

use lutong_attachments::MediaType;
use lutong_kernel::{AttachmentId, Timestamp};

use super::machine::State;
use super::tracking::TrackingNumber;

/// Files of one complaint that its filer adds, and that staff add, each; those being uploaded counted.
pub const MOST: usize = 5;
/// How long a file may take to be uploaded.
pub const UPLOAD_TIME: Duration = Duration::from_secs(3_600);
/// Bytes of a piece as it is kept.
pub const PIECE: usize = 60 * 1024;

/// A file, as far as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub id: AttachmentId,
    pub number: TrackingNumber,
    pub created_at: Timestamp,
    /// Whether staff added it: the filer does not see it.
    pub is_by_staff: bool,
    /// Bytes of the file as it is uploaded.
    pub upload_size: u64,
    /// How many of them are there.
    pub next_offset: u64,
    pub progress: Progress,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Until when the rest may come.
    Uploading(Timestamp),
    Ready(Kept),
}

/// What is kept of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub media_type: MediaType,
    pub size: u64,
    /// SHA-256.
    pub digest: [u8; 32],
}

/// What becomes of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    Next,
    /// It may be there already: only the same bytes are.
    Before,
}

/// Why a piece has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// Bytes between are missing.
    Gap,
    /// The file would have more bytes than were stated.
    BeyondSize,
}

impl Attachment {
    pub fn is_ready(&self) -> bool {
        matches!(self.progress, Progress::Ready(_))
    }

    /// Whether its time to be uploaded is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        matches!(self.progress, Progress::Uploading(until) if until <= now)
    }

    /// Whether all bytes are there.
    pub const fn is_complete(&self) -> bool {
        self.next_offset == self.upload_size
    }

    /// Where a piece goes.
    pub const fn place(&self, offset: u64, length: u64) -> Result<Placing, Misplaced> {
        if offset > self.next_offset {
            return Err(Misplaced::Gap);
        }
        if offset + length > self.upload_size {
            return Err(Misplaced::BeyondSize);
        }
        if offset < self.next_offset {
            return Ok(Placing::Before);
        }
        Ok(Placing::Next)
    }
}

/// The states in which a complaint takes files.
pub const OPEN_TO_FILES: &[State] = &[
    State::Filed,
    State::Assigned,
    State::TakenUp,
    State::Waiting,
    State::Answered,
    State::Returned,
    State::Reopened,
];
