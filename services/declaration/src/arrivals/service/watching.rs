//! What officers see of the arrivals in their division: a list, and a stream of those that are declared from now on.

use std::collections::VecDeque;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use lutong_chassis::skin::{Cursor, Page, foreign_cursor};
use lutong_kernel::{DivisionCode, Fault};
use lutong_transport::access::DivisionPermit;
use tokio::time::Instant;

use super::Arrivals;
use crate::arrivals::store::{ArrivalKey, Span};
use crate::declarations::service::AcknowledgedDeclaration;

/// Interval of polling a division.
const POLL_EVERY: Duration = Duration::from_millis(500);
/// Interval of messages when nobody arrives. The contract promises one every 15 s; the margin allows for a busy machine.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Arrivals that are read at once.
const READ: u64 = 100;

/// A message of the stream.
#[derive(Debug)]
pub struct WatchedArrival {
    pub cursor: String,
    /// `None`: a heartbeat.
    pub arrival: Option<AcknowledgedDeclaration>,
}

impl Arrivals {
    /// Arrivals of a division, the newest first, and the token of the next page.
    pub async fn inspect(
        &self,
        permit: DivisionPermit,
        division: DivisionCode,
        page: &Page,
    ) -> Result<(Vec<AcknowledgedDeclaration>, String), Fault> {
        let before = page.after_number()?;
        let keys = self
            .keys(permit, division, Span::Before(before), page.limit())
            .await?;
        let (keys, next) = page.cut(keys, |last| last.sequence.to_be_bytes().to_vec())?;
        let arrivals = self.load(&keys).await?;
        Ok((arrivals.into_iter().map(|(_, arrival)| arrival).collect(), next))
    }

    /// Streams the arrivals of a division from a cursor on, or from now on.
    pub async fn watch(
        &self,
        permit: DivisionPermit,
        division: DivisionCode,
        from: Cursor,
    ) -> Result<BoxStream<'static, Result<WatchedArrival, Fault>>, Fault> {
        let after = match &from.after {
            Some(bytes) => i64::from_be_bytes(bytes.as_slice().try_into().map_err(|_| foreign_cursor())?),
            None => self.newest(permit, division).await?,
        };
        let watch = Watch {
            arrivals: self.clone(),
            permit,
            division,
            from,
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

    /// The sequence of the newest arrival of a division; 0 where there is none.
    async fn newest(&self, permit: DivisionPermit, division: DivisionCode) -> Result<i64, Fault> {
        let newest = self.keys(permit, division, Span::Before(None), 1).await?;
        Ok(newest.first().map_or(0, |key| key.sequence))
    }
}

/// The state of a stream.
struct Watch {
    arrivals: Arrivals,
    permit: DivisionPermit,
    division: DivisionCode,
    from: Cursor,
    /// The sequence of the last arrival that was sent.
    after: i64,
    heartbeat: Instant,
    read: VecDeque<(ArrivalKey, AcknowledgedDeclaration)>,
}

impl Watch {
    /// Waits for an arrival or the heartbeat.
    async fn next(&mut self) -> Result<WatchedArrival, Fault> {
        loop {
            if let Some((key, arrival)) = self.read.pop_front() {
                self.after = key.sequence;
                return self.message(Some(arrival));
            }
            if Instant::now() >= self.heartbeat {
                return self.message(None);
            }
            let span = Span::After(self.after);
            let keys = self.arrivals.keys(self.permit, self.division, span, READ).await?;
            self.read.extend(self.arrivals.load(&keys).await?);
            if self.read.is_empty() {
                tokio::time::sleep(POLL_EVERY).await;
            }
        }
    }

    fn message(&mut self, arrival: Option<AcknowledgedDeclaration>) -> Result<WatchedArrival, Fault> {
        self.heartbeat = Instant::now() + HEARTBEAT;
        Ok(WatchedArrival {
            cursor: self.from.at(&self.after.to_be_bytes())?,
            arrival,
        })
    }
}
