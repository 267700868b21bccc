//! Reads rows that need placement, and places them.

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_kernel::{DivisionCode, Fault};
use lutong_risk_engine::area::AreaEntry;
use lutong_risk_engine::notice::place::region_of;
use lutong_storage::Database;
use lutong_storage::idempotency;
use lutong_storage::idempotency::Claim;
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::store::{self as unplaced_areas, Placement, UnplacedArea, UnplacedAreaState};
use crate::approval::service::{OfficerAction, wrong_state};
use crate::areas::service::stays::StayRedecider;
use crate::areas::store as areas;
use crate::basis::service::BasisBook;
use crate::fault;
use crate::operations::service::effect::{Effect, Effects, PendingOperation};

/// A placed row, the listing that the placement opened, and its effect.
#[derive(Debug)]
pub struct PlacementResult {
    pub row: UnplacedArea,
    pub area: AreaEntry,
    pub effect: Effect,
}

/// Reads and places rows. Cheap to clone.
#[derive(Clone)]
pub struct UnplacedAreas {
    database: Database,
    book: BasisBook,
    stays: StayRedecider,
    effects: Effects,
}

impl UnplacedAreas {
    pub const fn new(database: Database, book: BasisBook, stays: StayRedecider, effects: Effects) -> Self {
        Self {
            database,
            book,
            stays,
            effects,
        }
    }

    pub async fn find(&self, id: Uuid) -> Result<UnplacedArea, Fault> {
        let found = unplaced_areas::find(self.database.reader(), id).await?;
        found.ok_or_else(fault::areas::unplaced_area_not_found)
    }

    /// A page of rows in the order in which notices listed them, and the next page token.
    pub async fn list(
        &self,
        state: Option<UnplacedAreaState>,
        page: &Page,
    ) -> Result<(Vec<UnplacedArea>, String), Fault> {
        let after = page.after_number()?.unwrap_or(0);
        let found = unplaced_areas::list(self.database.reader(), state, after, page.limit()).await?;
        page.cut(found, |last| last.number.to_be_bytes().to_vec())
    }

    /// Places a row and opens the listing. Repeating the request has no effect.
    pub async fn place(
        &self,
        call: &Call,
        action: OfficerAction,
        id: Uuid,
        place: (DivisionCode, Option<String>),
    ) -> Result<PlacementResult, Fault> {
        self.book.ready().await?;
        let (this, account) = (self.clone(), action.account.clone());
        let (row, area) = self
            .book
            .change(move |transaction| {
                async move { this.place_in(transaction, &action, id, place).await }.boxed()
            })
            .await?;
        // Also for a repeated request, so that work that a crash interrupted is done.
        let mut effect = self.effects.collect(call);
        self.stays.redecide(&mut effect, std::iter::once(&area)).await?;
        let effect = effect.finish(PendingOperation::new(&account, row.name())).await?;
        Ok(PlacementResult { row, area, effect })
    }

    async fn place_in(
        &self,
        transaction: &DatabaseTransaction,
        action: &OfficerAction,
        id: Uuid,
        (code, community): (DivisionCode, Option<String>),
    ) -> Result<(UnplacedArea, AreaEntry), Fault> {
        let basis = self.book.exclusive(transaction).await?;
        let now = self.book.instant_of_change(transaction).await?;
        let claim = idempotency::claim(transaction, &action.request, id.as_bytes(), now).await?;
        let row = unplaced_areas::find(transaction, id).await?;
        let mut row = row.ok_or_else(fault::areas::unplaced_area_not_found)?;
        if let (Claim::Replay(_), Some(placement)) = (&claim, &row.placement) {
            let area = row.area(placement, placement.at);
            return Ok((row, area));
        }
        row.etag().check(&action.etag, row.state().into_str())?;
        if row.placement.is_some() {
            return Err(wrong_state(row.state().into_str(), &[]));
        }
        check_region(&row, code)?;
        let placement = Placement {
            code,
            community,
            officer: action.account.clone(),
            at: now,
        };
        let area = row.area(&placement, now);
        // Two rows may denote the same place; its listing is stored once.
        let known = basis.areas.latest().any(|other| other.is_the_same_as(&area));
        if !known {
            areas::insert(transaction, std::slice::from_ref(&area)).await?;
        }
        unplaced_areas::place(transaction, row.number, &placement).await?;
        row.placement = Some(placement);
        Ok((row, area))
    }
}

/// Checks that a division lies in the region that the row names. Rows of other provinces may not be placed here, and a row of one
/// city may not be placed in another.
fn check_region(row: &UnplacedArea, code: DivisionCode) -> Result<(), Fault> {
    let region = region_of(&row.row.place).filter(|region| DivisionCode::SHANDONG.contains(*region));
    let region = region.ok_or_else(fault::areas::place_outside_division)?;
    if region.contains(code) {
        return Ok(());
    }
    Err(Fault::invalid(vec![fault::areas::division_not_of_row(region)]))
}
