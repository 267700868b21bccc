//! Page tokens: where a list goes on, sealed, so that they say nothing, carry nobody's id into a URL and fit one list with
//! one filter only.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lutong_kernel::{Fault, Random};

use super::foreign_token;
use lutong_storage::StorageError;
use lutong_storage::crypto::{Key, keyed_hash, open_under, seal_under};
use uuid::Uuid;

/// Rows of a page where the caller does not say, and at the most.
const DEFAULT: usize = 50;
const MOST: usize = 1_000;

/// Seals page tokens of one service; all its replicas have the same key.
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
    /// Rows at the most.
    pub size: usize,
    after: Option<Vec<u8>>,
    key: PageKey,
    list: Vec<u8>,
}

impl PageKey {
    /// A key of its own, out of one that the service has.
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

    /// What a token of `list` says; `None` when it is none.
    pub(super) fn unseal(&self, token: &str, list: &[u8]) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        open_under(&self.key, &sealed, list).ok()
    }

    pub(super) fn seal(&self, place: &[u8], list: &[u8]) -> Result<String, Fault> {
        let sealed = seal_under(&self.key, &*self.random, place, list).map_err(|error| {
            tracing::error!(%error, "a page token could not be sealed");
            Fault::internal()
        })?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }
}

/// A size that is not positive is the caller leaving it to us.
pub(super) fn rows(size: i32, default: usize) -> usize {
    let asked = usize::try_from(size).ok().filter(|size| *size > 0);
    asked.unwrap_or(default).min(MOST)
}

impl Page {
    /// Where the page before ended; `None` on the first page. `read` reads a place in the list's own form.
    pub fn after<T>(&self, read: impl FnOnce(&[u8]) -> Option<T>) -> Result<Option<T>, Fault> {
        let Some(bytes) = &self.after else {
            return Ok(None);
        };
        // The seal proves that this list wrote it.
        let damaged = || StorageError::Damaged("a page token".to_owned());
        read(bytes).map(Some).ok_or_else(|| damaged().into())
    }

    /// The same of a list whose places are ids.
    pub fn after_id(&self) -> Result<Option<Uuid>, Fault> {
        self.after(|bytes| Uuid::from_slice(bytes).ok())
    }

    /// The same of a list whose places are numbers, as eight bytes in network order.
    pub fn after_number(&self) -> Result<Option<i64>, Fault> {
        self.after(|bytes| bytes.try_into().ok().map(i64::from_be_bytes))
    }

    /// Cuts what was read, one row more than the page at the most, to the page: the rows and the next page's token, empty on
    /// the last page. `place` is where a row lies in the list.
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

    /// The token of the page that begins after a place.
    pub fn token(&self, place: &[u8]) -> Result<String, Fault> {
        self.key.seal(place, &self.list)
    }

    /// Rows to read: one more than the page, which tells whether there is another.
    pub fn limit(&self) -> u64 {
        self.size as u64 + 1
    }
}
