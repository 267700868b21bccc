//! Imports in several calls, for feeds that have only HTTP. A piece may be sent again: rows are told apart by their numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_kernel::{DecisionId, Fault, FaultCode, Violation};
use lutong_proto::declaration::v1::FactRow;
use lutong_storage::StorageError;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_transport::access::FeedPermit;
use lutong_transport::client::Call;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::declaring::Declaring;
use crate::domain::fact_import::{FactImport, Mode, NoRows, State, Tally};
use crate::peers::{Reported, Reporting, RowOutcome};
use crate::store::fact_imports::{self, Progress, RowError};

/// How long an import is kept after its end, and one that nobody ends.
const KEPT: Duration = Duration::from_secs(30 * 86_400);
const LEFT: Duration = Duration::from_secs(7 * 86_400);
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

impl Declaring {
    pub async fn begin_import(
        &self,
        permit: &FeedPermit,
        request: RequestKey,
        mode: Mode,
    ) -> Result<FactImport, Fault> {
        let now = self.clock.now();
        let import = FactImport {
            // Any id that goes by time.
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
                            fact_imports::insert(transaction, &import).await?;
                            Ok(import)
                        }
                        Claim::Replay(id) => {
                            let damaged = || StorageError::Damaged("idempotency.answer".to_owned());
                            let id = Uuid::from_slice(&id).map_err(|_| damaged())?;
                            let begun = fact_imports::find(transaction, &permit, id).await?;
                            begun.ok_or_else(|| damaged().into())
                        }
                    }
                }
                .boxed()
            })
            .await
    }

    /// A feed's import; another feed's is not there.
    pub async fn find_import(&self, permit: &FeedPermit, id: Uuid) -> Result<FactImport, Fault> {
        let found = fact_imports::find(self.database.reader(), permit, id).await?;
        found.ok_or_else(not_found)
    }

    pub async fn list_imports(
        &self,
        permit: &FeedPermit,
        page: &Page,
    ) -> Result<(Vec<FactImport>, String), Fault> {
        let before = page.after.as_deref().map(Uuid::from_slice).transpose();
        let before = before.map_err(|_| StorageError::Damaged("a page token".to_owned()))?;
        let found = fact_imports::list(self.database.reader(), permit, before, page.limit()).await?;
        page.cut(found, |last| last.id.as_bytes().to_vec())
    }

    pub async fn import_errors(
        &self,
        permit: &FeedPermit,
        id: Uuid,
        page: &Page,
    ) -> Result<(Vec<RowError>, String), Fault> {
        let import = self.find_import(permit, id).await?;
        let after = page.after.as_deref().map(read_place).transpose()?;
        let found = fact_imports::errors(self.database.reader(), &import, after, page.limit()).await?;
        page.cut(found, |last| {
            [last.row.to_be_bytes(), last.nth.to_be_bytes()].concat()
        })
    }

    /// Takes the next rows of an import, and answers where it then stands.
    pub async fn append_rows(
        &self,
        permit: &FeedPermit,
        call: &Call,
        id: Uuid,
        first_row: i64,
        mut rows: Vec<FactRow>,
    ) -> Result<FactImport, Fault> {
        let seen = self.find_import(permit, id).await?;
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let had = seen
            .had(first_row, count)
            .map_err(|wrong| refused(wrong, &seen))?;
        let new = rows.split_off(usize::try_from(had).unwrap_or(0));
        let count = count - had;
        if count == 0 {
            return Ok(seen);
        }
        let progress = match seen.mode {
            Mode::GoodRows => {
                let how = Reporting {
                    all_or_nothing: false,
                    earlier: seen.tally.pending,
                };
                let reported = self.report(call, permit.feed(), new, how).await?;
                judged(seen.next_row.., reported)
            }
            Mode::AllOrNothing => {
                let checked = self.checked_rows(call, permit.feed(), new).await?;
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
                async move { fact_imports::advance(transaction, &cipher, &moved, count, progress).await }
                    .boxed()
            })
            .await;
        // Where another call was first, its rows are these: the same numbers.
        advanced?;
        self.find_import(permit, id).await
    }

    /// Ends an import. Of all or nothing the rows are stored now.
    pub async fn finish_import(
        &self,
        permit: &FeedPermit,
        call: &Call,
        request: RequestKey,
        id: Uuid,
    ) -> Result<FactImport, Fault> {
        let seen = self.find_import(permit, id).await?;
        let (ended, errors) = if seen.state == State::Open {
            self.ended(call, &seen).await?
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
                    if ends && !fact_imports::end(transaction, &seen, &ended, &errors).await? {
                        return Err(Fault::from(StorageError::Contended));
                    }
                    Ok(())
                }
                .boxed()
            })
            .await?;
        Ok(answer)
    }

    async fn ended(&self, call: &Call, seen: &FactImport) -> Result<(FactImport, Vec<RowError>), Fault> {
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
        let (rows, statements): (Vec<_>, Vec<_>) =
            fact_imports::staged(self.database.reader(), &cipher, seen)
                .await?
                .into_iter()
                .unzip();
        let together = Reporting {
            all_or_nothing: true,
            earlier: None,
        };
        let progress = match self.peers.append_reported(call, statements, together).await {
            Ok(reported) => judged(rows, reported),
            Err(fault) if fault.reason == "ROWS_REFUSED" => {
                ended.state = State::Refused;
                refused_together(fault, &rows)?
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

/// What became of rows, by their numbers.
fn judged(rows: impl IntoIterator<Item = i64>, reported: Reported) -> Progress {
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

/// The violations of `rows[2].fact.case.stage` as errors of the third row.
fn refused_together(fault: Fault, rows: &[i64]) -> Result<Progress, Fault> {
    let mut by_row: BTreeMap<i64, Vec<Violation>> = BTreeMap::new();
    for mut wrong in fault.violations {
        let place = wrong
            .field
            .strip_prefix("rows[")
            .and_then(|rest| rest.split_once(']'));
        let row = place.and_then(|(index, _)| rows.get(index.parse::<usize>().ok()?).copied());
        let (Some(row), Some((_, field))) = (row, place) else {
            tracing::error!("rows were refused together without their places");
            return Err(Fault::internal());
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

fn read_place(bytes: &[u8]) -> Result<(i64, i64), Fault> {
    let damaged = || Fault::from(StorageError::Damaged("a page token".to_owned()));
    let (row, nth) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
    let nth = nth.try_into().map_err(|_| damaged())?;
    Ok((i64::from_be_bytes(*row), i64::from_be_bytes(nth)))
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "FACT_IMPORT_NOT_FOUND",
        "没有该导入任务",
        "this feed has no such import",
    )
}

fn refused(wrong: NoRows, import: &FactImport) -> Fault {
    match wrong {
        NoRows::Ended => Fault::new(
            FaultCode::FailedPrecondition,
            "FACT_IMPORT_ENDED",
            "该导入已结束，请新建导入",
            "the import has ended: begin another",
        ),
        NoRows::Missing => Fault::new(
            FaultCode::FailedPrecondition,
            "ROWS_MISSING",
            format!("此前的行尚未收到，请从第{}行继续", import.next_row),
            format!(
                "rows before these have not come: go on with row {}",
                import.next_row
            ),
        )
        .with("next_row", import.next_row.to_string()),
        NoRows::TooMany => {
            let mut fault = Fault::new(
                FaultCode::InvalidArgument,
                "TOO_MANY_ROWS",
                "全部成功或全部失败的导入总计最多1000行",
                "an all-or-nothing import has at most 1,000 rows in all",
            );
            fault.violations = vec![Violation::new(
                "rows",
                "TOO_MANY_ROWS",
                "总计最多1000行",
                "at most 1,000 rows in all",
            )];
            fault
        }
    }
}

/// Forgets old imports, until `stop`.
pub async fn forget_imports(declaring: Declaring, stop: CancellationToken) {
    loop {
        let now = declaring.clock.now();
        let forgotten: Result<u64, StorageError> = declaring
            .database
            .write(move |transaction| {
                async move { fact_imports::forget(transaction, now.minus(KEPT), now.minus(LEFT)).await }
                    .boxed()
            })
            .await;
        match forgotten {
            Ok(0) => {}
            Ok(imports) => tracing::info!(imports, "old imports of facts were forgotten"),
            Err(error) => {
                tracing::warn!(%error, "old imports of facts could not be forgotten; it is tried again");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}
