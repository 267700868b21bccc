//! Deciding again about people who stayed in places whose listings changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use lutong_kernel::{Fault, SubjectId};
use lutong_risk_engine::area::AreaEntry;
use lutong_risk_engine::packed::community_key;
use lutong_storage::Database;

use crate::basis::service::BasisBook;
use crate::decisions::service::redeciding::Redecider;
use crate::facts::store::stay_places::{self, BlindPlace, PlaceIndex};
use crate::operations::service::effect::EffectCollector;

/// Number of subjects in one transaction.
const PAGE: usize = 1_000;
/// Number of places in one query.
const PLACES: usize = 1_000;
/// Number of stays that one query returns.
const STAYS: usize = 10_000;

/// Decides again about stays in changed places. Cheap to clone.
#[derive(Clone)]
pub struct StayRedecider {
    database: Database,
    book: BasisBook,
    places: PlaceIndex,
    redecider: Redecider,
}

impl StayRedecider {
    pub const fn new(database: Database, book: BasisBook, places: PlaceIndex, redecider: Redecider) -> Self {
        Self {
            database,
            book,
            places,
            redecider,
        }
    }

    /// Decides page by page about everybody who stayed in the place of one of `changed`. Work that a crash interrupts is done by the
    /// next notice or by the daily re-comparison.
    pub async fn redecide<'a>(
        &self,
        effect: &mut EffectCollector<'_>,
        changed: impl Iterator<Item = &'a AreaEntry>,
    ) -> Result<(), Fault> {
        let places: BTreeSet<BlindPlace> = changed
            .map(|entry| {
                let community = entry.community.as_deref().map(community_key);
                self.places.place(entry.code.number(), community)
            })
            .collect();
        let concerned = self.stayed_in(places).await?;
        for page in concerned.chunks(PAGE) {
            effect.made(&self.redecider.redecide(page.to_vec()).await?).await;
        }
        Ok(())
    }

    /// All subjects of the persons who stayed in one of `places`, sorted.
    async fn stayed_in(&self, places: BTreeSet<BlindPlace>) -> Result<Vec<SubjectId>, Fault> {
        let places: Vec<BlindPlace> = places.into_iter().collect();
        let mut concerned = BTreeSet::new();
        for places in places.chunks(PLACES) {
            let mut after = None;
            loop {
                let page = stay_places::stayed(self.database.reader(), places, after, STAYS).await?;
                after = page.last().copied();
                concerned.extend(page.iter().map(|(_, subject)| *subject));
                if page.len() < STAYS {
                    break;
                }
            }
        }
        let merged = Arc::clone(&self.book.ready().await?.merged);
        Ok(merged.people(concerned).into_iter().collect())
    }
}
