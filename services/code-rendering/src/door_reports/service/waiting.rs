//! What has changed since a cursor, for clients that cannot read a stream: the answer waits until there is something (long poll).

use std::time::Duration;

use lutong_chassis::skin::{Listing, foreign_cursor};
use lutong_kernel::{DivisionCode, Fault};
use lutong_transport::access::DivisionPermit;
use tokio::time::Instant;

use super::watching::{POLL_EVERY, WATCH, bytes, read};
use super::{DoorReports, View};
use crate::SERVICE;
use crate::door_reports::store;
use crate::door_reports::store::head::{self, Head};
use crate::fault::doors as fault;

/// Calls of this process that wait at the same time: the gateway has 256 places for reports, which devices need as well.
pub(super) const MAX_WAITERS: usize = 64;

impl DoorReports {
    /// The reports of a division that have come or changed since a cursor, in the order of the changes, and where to go on. Where there is
    /// none the answer waits for the first, for so long at the most.
    pub async fn changes(
        &self,
        call: &Listing<DivisionPermit>,
        division: Option<DivisionCode>,
        cursor: &str,
        wait: Duration,
    ) -> Result<(Vec<View>, String), Fault> {
        let page = &call.page;
        let place = page.place_of(WATCH, cursor).ok_or_else(foreign_cursor)?;
        let mut after = read(&place).ok_or_else(foreign_cursor)?;
        let until = Instant::now() + wait;
        let mut rings = self.bell.listen(SERVICE);
        let mut place_to_wait = None;
        let limit = page.limit() - 1;
        loop {
            // What rings from here on is noticed below, although it may be read already.
            rings.borrow_and_update();
            let found = self.changed(call.permit, division, &mut after, limit).await?;
            if !found.is_empty() || Instant::now() >= until || self.closing.is_cancelled() {
                return Ok((found, page.cursor_of(WATCH, &bytes(after))?));
            }
            if place_to_wait.is_none() {
                let place = self
                    .waiters
                    .try_acquire()
                    .map_err(|_| fault::too_many_waiting())?;
                place_to_wait = Some(place);
            }
            let wake = until.min(Instant::now() + POLL_EVERY);
            tokio::select! {
                // An error would mean that the doorbell is gone, which this service holds.
                _ = tokio::time::timeout_at(wake, rings.changed()) => {}
                () = self.closing.cancelled() => {}
            }
        }
    }

    /// Reads what has changed after a position, and moves it on.
    async fn changed(
        &self,
        permit: DivisionPermit,
        division: Option<DivisionCode>,
        after: &mut Head,
        limit: u64,
    ) -> Result<Vec<View>, Fault> {
        let reader = self.database.reader();
        // Read before the rows: whatever was committed up to it is among them.
        let head = head::read(reader).await?;
        if after.log != head.log || after.sequence > head.sequence {
            return Err(fault::log_replaced());
        }
        if after.sequence == head.sequence {
            return Ok(Vec::new());
        }
        let found = store::changed_after(reader, permit, division, after.sequence, limit).await?;
        let is_full = found.len() as u64 >= limit;
        let last = found.last().map_or(head.sequence, |last| last.sequence);
        after.sequence = if is_full { last } else { last.max(head.sequence) };
        self.views(found).await
    }
}
