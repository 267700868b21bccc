//! Reads the record, and makes evidence out of it.

mod evidence;
mod heads;

use std::sync::Arc;

use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault};
use lutong_storage::Database;

use super::domain::Record;
use super::store::{self, Filter};
use crate::exchanges::service::Exchanges;
use crate::fault;
use crate::trust_lists::service::current::CurrentTrust;

pub use evidence::{Evidence, EvidencePart};

/// The record of messages; cheap to clone.
#[derive(Clone)]
pub struct MessageRecords {
    database: Database,
    clock: Arc<dyn Clock>,
    current: CurrentTrust,
    exchanges: Exchanges,
}

impl MessageRecords {
    pub fn new(store: &Store, foundation: &Foundation, current: CurrentTrust, exchanges: Exchanges) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            current,
            exchanges,
        }
    }

    pub async fn find(&self, sequence: i64) -> Result<Record, Fault> {
        let found = store::find(self.database.reader(), sequence).await?;
        found.ok_or_else(fault::message_record_not_found)
    }

    /// Records, the newest first, and the token of the next page.
    pub async fn list(&self, filter: &Filter, page: &Page) -> Result<(Vec<Record>, String), Fault> {
        let before = page.after_number()?;
        let found = store::list(self.database.reader(), filter, before, page.limit()).await?;
        page.cut(found, |last: &Record| last.sequence.to_be_bytes().to_vec())
    }
}
