//! Cursors: positions in an event log, sealed like page tokens. A cursor is valid as long as the log keeps the events
//! after it.

use lutong_kernel::{Fault, Violation};

use super::page::{PageKey, rows};
use lutong_transport::reply;

/// Default number of events in one answer.
const DEFAULT: usize = 500;

/// The position after which a request reads.
#[derive(Debug, Clone)]
pub struct Cursor {
    /// Maximum number of events.
    pub size: usize,
    /// The position as encoded by the log; `None` at its beginning.
    pub after: Option<Vec<u8>>,
    key: PageKey,
    rpc: &'static str,
}

impl PageKey {
    pub(super) fn follow(&self, rpc: &'static str, size: i32, cursor: &str) -> Result<Cursor, Fault> {
        let after = match cursor {
            "" => None,
            cursor => Some(self.unseal(cursor, rpc.as_bytes()).ok_or_else(foreign)?),
        };
        Ok(Cursor {
            size: rows(size, DEFAULT),
            after,
            key: self.clone(),
            rpc,
        })
    }
}

impl Cursor {
    /// The cursor of another position in the same log.
    pub fn at(&self, place: &[u8]) -> Result<String, Fault> {
        self.key.seal(place, self.rpc.as_bytes())
    }
}

/// The fault of a cursor that this log did not issue.
pub fn foreign() -> Fault {
    reply::wrong(Violation::new(
        "cursor",
        "CURSOR_FOREIGN",
        "游标不属于此日志，请从头读取",
        "is no cursor of this log: read from the beginning",
    ))
}
