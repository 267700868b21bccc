//! Imports in several calls, for feeds that have only HTTP. A chunk may be sent again, because rows are identified by their numbers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store, pause};
use lutong_kernel::{Clock, DecisionId, Fault, Random, Violation};
use lutong_proto::declaration::v1::FactRow;
use lutong_storage::crypto::FieldCipher;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::{Database, StorageError};
use lutong_transport::access::FeedPermit;
use lutong_transport::client::Call;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::domain::{AppendError, FactImport, Mode, State, Tally};
use super::store::{self, Progress, RowError};
use crate::fault;
use crate::feeds::service::Feeds;
use crate::peers::{ReportOptions, ReportOutcome, RowOutcome};

/// An import is deleted this long after its end.
const KEEP_ENDED: Duration = Duration::from_secs(30 * 86_400);
/// An import that never ends is deleted this long after its creation.
const KEEP_OPEN: Duration = Duration::from_secs(7 * 86_400);
const SWEEP_INTERVAL: Duration = Duration::from_secs(3_600);

/// Imports in several calls; cheap to clone.
#[derive(Clone)]
pub struct FactImports {
    feeds: Feeds,
    database: Database,
    fields: FieldCipher,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl FactImports {
    pub fn new(store: &Store, foundation: &Foundation, feeds: Feeds) -> Self {
        Self {
            feeds,
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
        }
    }

    /// Creates an import. A repeated request gets the import of the first one.
    pub async fn create(
        &self,
        permit: &FeedPermit,
        request: RequestKey,
        mode: Mode,
    ) -> Result<FactImport, Fault> {
        let now = self.clock.now();
        let import = FactImport {
            // A UUID of version 7, which is ordered by time.
            id: DecisionId::new(now, &*self.random).uuid(),
            source: permit.feed().source.clone(),
            mode,
            state: State::Open,
            next_row: 1,
            tally: Tally::default(),
            created_at: now,
            finished_at: None,
        };
        let permit = permit.clone();
        self.database
            .write(move |transaction| {
                async move {
                    match idempotency::claim(transaction, &request, import.id.as_bytes(), now).await? {
                        Claim::Fresh => {
                            store::insert(transaction, &import).await?;
                            Ok(import)
                        }
                        Claim::Replay(id) => {
                            let id = idempotency::answered_id(&id)?;
                            let begun = store::find(transaction, &permit, id).await?;
                            begun.ok_or_else(|| idempotency::damaged_answer().into())
                        }
                    }
                }
                .boxed()
            })
            .await
    }

    /// An import of the feed. Another feed's import is not found.
    pub async fn get(&self, permit: &FeedPermit, id: Uuid) -> Result<FactImport, Fault> {
        let found = store::find(self.database.reader(), permit, id).await?;
        found.ok_or_else(fault::fact_import_not_found)
    }

    /// The feed's imports, the newest first, and the token of the next page.
    pub async fn list(&self, permit: &FeedPermit, page: &Page) -> Result<(Vec<FactImport>, String), Fault> {
        let before = page.after_id()?;
        let found = store::list(self.database.reader(), permit, before, page.limit()).await?;
        page.cut(found, |last| last.id.as_bytes().to_vec())
    }

    /// Errors of an import, in the order of its rows, and the token of the next page.
    pub async fn list_errors(
        &self,
        permit: &FeedPermit,
        id: Uuid,
        page: &Page,
    ) -> Result<(Vec<RowError>, String), Fault> {
        let import = self.get(permit, id).await?;
        let after = page.after(read_position)?;
        let found = store::errors(self.database.reader(), &import, after, page.limit()).await?;
        page.cut(found, |last| {
            [last.row.to_be_bytes(), last.nth.to_be_bytes()].concat()
        })
    }

    /// Appends the next rows of an import, and returns the import.
    pub async fn append_rows(
        &self,
        permit: &FeedPermit,
        call: &Call,
        id: Uuid,
        first_row: i64,
        mut rows: Vec<FactRow>,
    ) -> Result<FactImport, Fault> {
        let seen = self.get(permit, id).await?;
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let received = seen
            .received(first_row, count)
            .map_err(|wrong| refused(wrong, &seen))?;
        let new = rows.split_off(usize::try_from(received).unwrap_or(0));
        let count = count - received;
        if count == 0 {
            return Ok(seen);
        }
        let progress = match seen.mode {
            Mode::GoodRows => {
                let options = ReportOptions {
                    all_or_nothing: false,
                    operation: seen.tally.pending,
                };
                let reported = self.feeds.report(call, permit.feed(), new, options).await?;
                progress_of(seen.next_row.., reported)
            }
            Mode::AllOrNothing => {
                let checked = self.feeds.checked_rows(call, permit.feed(), new).await?;
                let mut progress = Progress::default();
                for (row, checked) in (seen.next_row..).zip(checked) {
                    match checked {
                        Ok(statement) => progress.staged.push((row, statement)),
                        Err(wrong) => progress.refuse(row, wrong),
                    }
                }
                progress
            }
        };
        lutong_failpoint::hit("declaration.import_reported");
        let cipher = self.fields.ready().await?;
        let moved = seen.clone();
        let advanced: Result<bool, Fault> = self
            .database
            .write(move |transaction| {
                async move { store::advance(transaction, &cipher, &moved, count, progress).await }.boxed()
            })
            .await;
        // When another call was first, it appended rows of the same numbers, which are these rows.
        advanced?;
        self.get(permit, id).await
    }

    /// Ends an import. The rows of an all-or-nothing import are stored now.
    pub async fn finish(
        &self,
        permit: &FeedPermit,
        call: &Call,
        request: RequestKey,
        id: Uuid,
    ) -> Result<FactImport, Fault> {
        let seen = self.get(permit, id).await?;
        let (ended, errors) = if seen.state == State::Open {
            self.end(call, &seen).await?
        } else {
            (seen.clone(), Vec::new())
        };
        let now = self.clock.now();
        let answer = ended.clone();
        self.database
            .write(move |transaction| {
                async move {
                    let claim = idempotency::claim(transaction, &request, id.as_bytes(), now).await?;
                    let ends = claim == Claim::Fresh && seen.state == State::Open;
                    if ends && !store::end(transaction, &seen, &ended, &errors).await? {
                        return Err(Fault::from(StorageError::Contended));
                    }
                    Ok(())
                }
                .boxed()
            })
            .await?;
        Ok(answer)
    }

    /// The ended import, and the errors that the end adds.
    async fn end(&self, call: &Call, seen: &FactImport) -> Result<(FactImport, Vec<RowError>), Fault> {
        let mut ended = FactImport {
            state: State::Finished,
            finished_at: Some(self.clock.now()),
            ..seen.clone()
        };
        if seen.mode == Mode::GoodRows {
            return Ok((ended, Vec::new()));
        }
        if seen.tally.refused > 0 {
            ended.state = State::Refused;
            return Ok((ended, Vec::new()));
        }
        let cipher = self.fields.ready().await?;
        let (rows, statements): (Vec<_>, Vec<_>) = store::staged(self.database.reader(), &cipher, seen)
            .await?
            .into_iter()
            .unzip();
        let options = ReportOptions {
            all_or_nothing: true,
            operation: None,
        };
        let progress = match self.feeds.peers.append_reported(call, statements, options).await {
            Ok(reported) => progress_of(rows, reported),
            Err(fault) if fault.reason == "ROWS_REFUSED" => {
                ended.state = State::Refused;
                refused_rows(fault, &rows)?
            }
            Err(fault) => return Err(fault),
        };
        ended.tally = seen.tally.plus(progress.tally);
        Ok((ended, progress.errors))
    }
}

impl Progress {
    fn refuse(&mut self, row: i64, wrong: Vec<Violation>) {
        self.tally.refused += 1;
        self.errors
            .extend((0..).zip(wrong).map(|(nth, wrong)| RowError { row, nth, wrong }));
    }
}

/// The progress that the outcomes of these rows are.
fn progress_of(rows: impl IntoIterator<Item = i64>, reported: ReportOutcome) -> Progress {
    let mut progress = Progress::default();
    progress.tally.redecided = reported.redecided;
    progress.tally.pending = reported.pending;
    for (row, outcome) in rows.into_iter().zip(reported.outcomes) {
        match outcome {
            RowOutcome::Stored => progress.tally.accepted += 1,
            RowOutcome::Unchanged => progress.tally.unchanged += 1,
            RowOutcome::Refused(wrong) => progress.refuse(row, wrong),
        }
    }
    progress
}

/// The errors of rows from the violations of a request: `rows[2].fact.case.stage` is an error of the third row.
fn refused_rows(fault: Fault, rows: &[i64]) -> Result<Progress, Fault> {
    let mut by_row: BTreeMap<i64, Vec<Violation>> = BTreeMap::new();
    for mut wrong in fault.violations {
        let place = wrong
            .field
            .strip_prefix("rows[")
            .and_then(|rest| rest.split_once(']'));
        let row = place.and_then(|(index, _)| rows.get(index.parse::<usize>().ok()?).copied());
        let (Some(row), Some((_, field))) = (row, place) else {
            return Err(Fault::internal(
                "an all-or-nothing refusal does not name the rows",
            ));
        };
        wrong.field = field.strip_prefix('.').unwrap_or(field).into();
        by_row.entry(row).or_default().push(wrong);
    }
    let mut progress = Progress::default();
    for (row, wrong) in by_row {
        progress.refuse(row, wrong);
    }
    Ok(progress)
}

/// The position in a page token: row and index of the violation.
fn read_position(bytes: &[u8]) -> Option<(i64, i64)> {
    let (row, nth) = bytes.split_first_chunk::<8>()?;
    Some((i64::from_be_bytes(*row), i64::from_be_bytes(nth.try_into().ok()?)))
}

fn refused(wrong: AppendError, import: &FactImport) -> Fault {
    match wrong {
        AppendError::Ended => fault::fact_import_ended(),
        AppendError::Missing => fault::rows_missing(import.next_row),
        AppendError::TooMany => fault::too_many_rows_of_import(),
    }
}

/// Deletes old imports at an interval, until `stop`.
pub async fn delete_old(imports: FactImports, stop: CancellationToken) {
    loop {
        let now = imports.clock.now();
        let deleted: Result<u64, StorageError> = imports
            .database
            .write(move |transaction| {
                async move {
                        store::delete_old(transaction, now.minus(KEEP_ENDED), now.minus(KEEP_OPEN)).await
                    }
                    .boxed()
            })
            .await;
        match deleted {
            Ok(0) => {}
            Ok(imports) => tracing::info!(imports, "old imports of facts were deleted"),
            Err(error) => {
                tracing::warn!(%error, "old imports of facts could not be deleted; the next sweep tries again");
            }
        }
        if pause(SWEEP_INTERVAL, &stop).await {
            return;
        }
    }
}
