//! Cursors: where a follower reads on in a log, sealed as page tokens are, and good for as long as the log keeps what follows.

use lutong_kernel::{Fault, Violation};

use super::page::{PageKey, rows};
use lutong_transport::reply;

/// Events in one answer where the caller does not say.
const DEFAULT: usize = 500;

/// The place from which a request reads on.
#[derive(Debug, Clone)]
pub struct Cursor {
    /// Entries at the most.
    pub size: usize,
    /// The place as the log wrote it; `None` at its beginning.
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
    /// The cursor of another place of the same log.
    pub fn at(&self, place: &[u8]) -> Result<String, Fault> {
        self.key.seal(place, self.rpc.as_bytes())
    }
}

/// A cursor that this log never gave.
pub fn foreign() -> Fault {
    reply::wrong(Violation::new(
        "cursor",
        "CURSOR_FOREIGN",
        "游标不属于此日志，请从头读取",
        "is no cursor of this log: read from the beginning",
    ))
}
