//! The stream of reports for officers: what comes and changes, as it is committed.

use std::collections::VecDeque;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use lutong_chassis::skin::{Cursor, Following, Page, foreign_cursor};
use lutong_kernel::{DivisionCode, Fault};
use lutong_transport::access::DivisionPermit;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{DoorReports, View};
use crate::SERVICE;
use crate::door_reports::store;
use crate::door_reports::store::head::{self, Head};
use crate::fault::doors as fault;

/// The stream whose cursors a list gives.
pub(super) const WATCH: &str = "lutong.code_rendering.v1.DoorReportService/WatchDoorReports";
/// Interval of reading without having been woken: the doorbell between replicas may be away.
pub(super) const POLL_EVERY: Duration = Duration::from_secs(2);
/// Interval of messages when nothing changes. The contract promises one every 15 s; the margin allows for a busy machine.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Reports that are read at once: more are kept back in the database until the client has read these.
const READ: u64 = 100;

/// A message of the stream.
#[derive(Debug)]
pub struct WatchedReport {
    pub cursor: String,
    /// `None`: a heartbeat.
    pub report: Option<View>,
}

/// The cursor of the stream after a position of the log, out of a list.
pub(super) fn cursor_of_list(page: &Page, head: Head) -> Result<String, Fault> {
    page.cursor_of(WATCH, &bytes(head))
}

pub(super) fn bytes(position: Head) -> Vec<u8> {
    [&position.log[..], &position.sequence.to_be_bytes()].concat()
}

pub(super) fn read(bytes: &[u8]) -> Option<Head> {
    let (log, sequence) = bytes.split_first_chunk()?;
    Some(Head {
        log: *log,
        sequence: i64::from_be_bytes(sequence.try_into().ok()?),
    })
}

impl DoorReports {
    /// Streams the reports of a division as they come and change, from a cursor on or from now on.
    pub async fn watch(
        &self,
        call: Following<DivisionPermit>,
        division: Option<DivisionCode>,
    ) -> Result<BoxStream<'static, Result<WatchedReport, Fault>>, Fault> {
        let head = head::read(self.database.reader()).await?;
        let after = match &call.from.after {
            None => head,
            Some(bytes) => read(bytes).ok_or_else(foreign_cursor)?,
        };
        if after.log != head.log || after.sequence > head.sequence {
            return Err(fault::log_replaced());
        }
        let watch = Watch {
            rings: self.bell.listen(SERVICE),
            reports: self.clone(),
            permit: call.permit,
            division,
            from: call.from,
            after,
            // The first message is a heartbeat: it has the cursor to go on with.
            heartbeat: Instant::now(),
            read: VecDeque::new(),
        };
        let messages = stream::unfold(Some(watch), |watch| async move {
            let mut watch = watch?;
            match watch.next().await {
                Ok(message) => Some((Ok(message), Some(watch))),
                Err(fault) => Some((Err(fault), None)),
            }
        });
        Ok(messages.boxed())
    }
}

/// The state of a stream.
struct Watch {
    reports: DoorReports,
    rings: watch::Receiver<i64>,
    permit: DivisionPermit,
    division: Option<DivisionCode>,
    from: Cursor,
    /// Everything up to here was sent, or concerns others.
    after: Head,
    heartbeat: Instant,
    read: VecDeque<View>,
}

impl Watch {
    /// Waits for a change or the heartbeat.
    async fn next(&mut self) -> Result<WatchedReport, Fault> {
        loop {
            if let Some(view) = self.read.pop_front() {
                self.after.sequence = view.report.sequence;
                return self.message(Some(view));
            }
            if Instant::now() >= self.heartbeat {
                return self.message(None);
            }
            // What rings from here on is noticed below, although it may be read already.
            self.rings.borrow_and_update();
            self.read_on().await?;
            if self.read.is_empty() {
                let until = self.heartbeat.min(Instant::now() + POLL_EVERY);
                // An error would mean that the doorbell is gone, which this service holds.
                let _ = tokio::time::timeout_at(until, self.rings.changed()).await;
            }
        }
    }

    /// Reads what has changed, or moves on to the end of the log.
    async fn read_on(&mut self) -> Result<(), Fault> {
        let reader = self.reports.database.reader();
        // Read before the rows: whatever was committed up to it is among them.
        let head = head::read(reader).await?;
        if head.sequence == self.after.sequence {
            return Ok(());
        }
        let after = self.after.sequence;
        let found = store::changed_after(reader, self.permit, self.division, after, READ).await?;
        if found.is_empty() {
            self.after = head;
        }
        self.read.extend(self.reports.views(found).await?);
        Ok(())
    }

    fn message(&mut self, report: Option<View>) -> Result<WatchedReport, Fault> {
        self.heartbeat = Instant::now() + HEARTBEAT;
        Ok(WatchedReport {
            cursor: self.from.at(&bytes(self.after))?,
            report,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_back_and_other_bytes_are_none() {
        let position = Head {
            log: [7; 16],
            sequence: 5,
        };
        assert_eq!(read(&bytes(position)), Some(position));
        assert_eq!(read(&bytes(position)[1..]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn the_stream_is_one_of_the_contract() {
        let method = lutong_proto::errors::method(lutong_proto::descriptor_pool(), WATCH).unwrap();
        assert!(method.is_server_streaming());
    }
}
