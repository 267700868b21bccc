//! Page tokens: the position after which a list continues, encrypted so that no id appears in a URL, and bound to one
//! list and filter.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lutong_kernel::{Fault, Random};

use super::foreign_token;
use lutong_storage::StorageError;
use lutong_storage::crypto::{Key, keyed_hash, open_under, seal_under};
use uuid::Uuid;

/// Default and maximum number of rows per page.
const DEFAULT: usize = 50;
const MOST: usize = 1_000;

/// Seals the page tokens of one service; all its replicas share the key.
#[derive(Clone)]
pub struct PageKey {
    key: Key,
    random: Arc<dyn Random>,
}

impl std::fmt::Debug for PageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageKey")
    }
}

/// The page that a request asks for.
#[derive(Debug, Clone)]
pub struct Page {
    /// Maximum number of rows.
    pub size: usize,
    after: Option<Vec<u8>>,
    key: PageKey,
    list: Vec<u8>,
}

impl PageKey {
    /// Derived from another key of the service.
    pub fn new(of: &Key, random: Arc<dyn Random>) -> Self {
        Self {
            key: Key::new(keyed_hash(of, b"page tokens")),
            random,
        }
    }

    /// Reads the page of a request; `filter` is the request without its page.
    pub(super) fn open(&self, rpc: &str, filter: &[u8], size: i32, token: &str) -> Result<Page, Fault> {
        let list = [rpc.as_bytes(), b"\n", filter].concat();
        let list = keyed_hash(&self.key, &list).to_vec();
        let after = if token.is_empty() {
            None
        } else {
            Some(self.unseal(token, &list).ok_or_else(foreign_token)?)
        };
        Ok(Page {
            size: rows(size, DEFAULT),
            after,
            key: self.clone(),
            list,
        })
    }

    /// The content of a token of `list`; `None` if it is not one.
    pub(super) fn unseal(&self, token: &str, list: &[u8]) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        open_under(&self.key, &sealed, list).ok()
    }

    pub(super) fn seal(&self, place: &[u8], list: &[u8]) -> Result<String, Fault> {
        let sealed = seal_under(&self.key, &*self.random, place, list)
            .map_err(|error| Fault::internal(format_args!("a page token could not be sealed: {error}")))?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }
}

/// The page size to use; a size that is not positive selects the default.
pub(super) fn rows(size: i32, default: usize) -> usize {
    let asked = usize::try_from(size).ok().filter(|size| *size > 0);
    asked.unwrap_or(default).min(MOST)
}

impl Page {
    /// The position where the previous page ended; `None` on the first page. `read` decodes it.
    pub fn after<T>(&self, read: impl FnOnce(&[u8]) -> Option<T>) -> Result<Option<T>, Fault> {
        let Some(bytes) = &self.after else {
            return Ok(None);
        };
        // The seal proves that this list encoded it.
        let damaged = || StorageError::Damaged("a page token".to_owned());
        read(bytes).map(Some).ok_or_else(|| damaged().into())
    }

    /// Like [`Self::after`], for lists ordered by id.
    pub fn after_id(&self) -> Result<Option<Uuid>, Fault> {
        self.after(|bytes| Uuid::from_slice(bytes).ok())
    }

    /// Like [`Self::after`], for lists ordered by a number, encoded as eight bytes in network order.
    pub fn after_number(&self) -> Result<Option<i64>, Fault> {
        self.after(|bytes| bytes.try_into().ok().map(i64::from_be_bytes))
    }

    /// Truncates the rows read (at most [`Self::limit`]) to the page, and returns them with the next page's token,
    /// which is empty on the last page. `place` encodes a row's position.
    pub fn cut<T>(
        &self,
        mut rows: Vec<T>,
        place: impl FnOnce(&T) -> Vec<u8>,
    ) -> Result<(Vec<T>, String), Fault> {
        let has_more = rows.len() > self.size;
        rows.truncate(self.size);
        let token = match rows.last().filter(|_| has_more) {
            Some(last) => self.token(&place(last))?,
            None => String::new(),
        };
        Ok((rows, token))
    }

    /// The token of the page that begins after a position.
    pub fn token(&self, place: &[u8]) -> Result<String, Fault> {
        self.key.seal(place, &self.list)
    }

    /// The cursor of a position in the log that another RPC streams, for a client that lists first and then watches.
    pub fn cursor_of(&self, stream: &str, place: &[u8]) -> Result<String, Fault> {
        self.key.seal(place, stream.as_bytes())
    }

    /// The position in a cursor of [`Self::cursor_of`]; `None` if it is none of that stream.
    pub fn place_of(&self, stream: &str, cursor: &str) -> Option<Vec<u8>> {
        self.key.unseal(cursor, stream.as_bytes())
    }

    /// Rows to read: one more than the page, to detect whether there is another page.
    pub fn limit(&self) -> u64 {
        self.size as u64 + 1
    }
}
