//! Reads the listings of risk areas.

pub mod intervals;
pub mod notices;
pub mod stays;

use std::sync::Arc;

use lutong_chassis::skin::Page;
use lutong_kernel::{Clock, DivisionCode, Fault, Timestamp};
use lutong_risk_engine::area::{AreaEntry, AreaKey, AreaQuery};
use lutong_storage::Database;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::basis::service::BasisBook;
use crate::fault;

/// The position of a listing in a list: the content of a page token.
#[derive(Serialize, Deserialize)]
struct AreaPosition(u32, Option<String>, String, i64);

impl AreaPosition {
    fn of(area: &AreaEntry) -> Vec<u8> {
        let position = Self(
            area.code.number(),
            area.community.clone(),
            area.level.to_string(),
            area.from.micros(),
        );
        // Plain data; serialising it cannot fail.
        serde_json::to_vec(&position).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<AreaKey> {
        let Self(number, community, level, from) = serde_json::from_slice(bytes).ok()?;
        Some((
            DivisionCode::from_number(number).ok()?,
            community,
            level.parse().ok()?,
            Timestamp::from_micros(from),
        ))
    }
}

/// Reads listings.
pub struct Areas {
    database: Database,
    clock: Arc<dyn Clock>,
    book: BasisBook,
}

impl Areas {
    pub const fn new(database: Database, clock: Arc<dyn Clock>, book: BasisBook) -> Self {
        Self {
            database,
            clock,
            book,
        }
    }

    /// A listing by its id, as known at an instant or now.
    pub async fn find(&self, id: Uuid, known_at: Option<Timestamp>) -> Result<AreaEntry, Fault> {
        let basis = self.book.catch_up(self.database.reader()).await?;
        let mut known = basis.areas.as_known(known_at.unwrap_or(Timestamp::MAX));
        known
            .find(|area| area.id() == id)
            .ok_or_else(fault::areas::area_not_found)
    }

    /// A page of the listings, ordered by key, and the next page token.
    pub async fn list(&self, query: AreaQuery, page: &Page) -> Result<(Vec<AreaEntry>, String), Fault> {
        let after = page.after(AreaPosition::read)?;
        // Another process may have changed the listings.
        let basis = self.book.catch_up(self.database.reader()).await?;
        // Recorded instants may be ahead of this machine's clock.
        let now = self.clock.now().max(basis.latest_at);
        let found = basis.areas.page(&query, now, after.as_ref(), page.size + 1);
        page.cut(found, AreaPosition::of)
    }
}
