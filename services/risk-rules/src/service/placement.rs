//! What is listed, what waits for an officer, and an officer placing it.

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_kernel::{DivisionCode, Fault, FaultCode, Timestamp, Violation};
use lutong_storage::StorageError;
use lutong_storage::idempotency;
use lutong_storage::idempotency::Claim;
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::approval::{Acting, wrong_state};
use super::deciding::Decider;
use super::effect::{Bringing, Effect, LeftTo};
use crate::domain::area::{AreaEntry, AreaKey, AreaQuery};
use crate::domain::notice::place::region_of;
use crate::store::unplaced::{Placement, RowState, UnplacedRow};
use crate::store::{areas, unplaced};

/// Where a listing lies in the list.
#[derive(Serialize, Deserialize)]
struct Place(u32, Option<String>, String, i64);

impl Place {
    fn of(area: &AreaEntry) -> Vec<u8> {
        let place = Self(
            area.code.number(),
            area.community.clone(),
            area.level.to_string(),
            area.from.micros(),
        );
        // Plain data: it always serialises.
        serde_json::to_vec(&place).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Result<AreaKey, Fault> {
        let damaged = || Fault::from(StorageError::Damaged("a page token".to_owned()));
        let Self(number, community, level, from) = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        Ok((
            DivisionCode::from_number(number).map_err(|_| damaged())?,
            community,
            level.parse().map_err(|_| damaged())?,
            Timestamp::from_micros(from),
        ))
    }
}

/// A row is placed where the notice says that it lies: rows of other provinces are not Shandong's to place, and a row of one
/// city is not placed in another.
fn check_region(row: &UnplacedRow, code: DivisionCode) -> Result<(), Fault> {
    let region = region_of(&row.row.place).filter(|region| DivisionCode::SHANDONG.contains(*region));
    let region = region.ok_or_else(outside)?;
    if region.contains(code) {
        return Ok(());
    }
    Err(Fault::invalid(vec![Violation::new(
        "division",
        "DIVISION_NOT_OF_ROW",
        format!("应位于通告所列地区{region}内"),
        format!("lies outside {region}, which the notice names"),
    )]))
}

fn outside() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "OUTSIDE_DIVISION",
        "该地点不在您的辖区内",
        "the place lies outside the officer's division",
    )
}

/// A row, the listing that placing it opened, and what that did.
#[derive(Debug)]
pub struct Placed {
    pub row: UnplacedRow,
    pub area: AreaEntry,
    pub effect: Effect,
}

impl Decider {
    /// A listing by its id, as it was known.
    pub async fn area(&self, id: Uuid, known_at: Option<Timestamp>) -> Result<AreaEntry, Fault> {
        let basis = self.book.catch_up(self.database.reader()).await?;
        let mut known = basis.areas.as_known(known_at.unwrap_or(Timestamp::MAX));
        known.find(|area| area.id() == id).ok_or_else(|| {
            Fault::new(
                FaultCode::NotFound,
                "AREA_NOT_FOUND",
                "没有该风险地区，或当时尚未列入",
                "there is no such listing, or it was not known then",
            )
        })
    }

    /// A page of the listings, in order, and the next page's token.
    pub async fn list_areas(&self, query: AreaQuery, page: &Page) -> Result<(Vec<AreaEntry>, String), Fault> {
        let after = page.after.as_deref().map(Place::read).transpose()?;
        // Another process may have changed them.
        let basis = self.book.catch_up(self.database.reader()).await?;
        // What was just recorded may be ahead of this machine's clock.
        let now = self.clock.now().max(basis.latest_at);
        let found = basis.areas.page(&query, now, after.as_ref(), page.size + 1);
        page.cut(found, Place::of)
    }

    pub async fn unplaced_area(&self, id: Uuid) -> Result<UnplacedRow, Fault> {
        let found = unplaced::find(self.database.reader(), id).await?;
        found.ok_or_else(not_found)
    }

    /// A page of what notices leave to officers, in the order in which they brought it, and the next page's token.
    pub async fn list_unplaced(
        &self,
        state: Option<RowState>,
        page: &Page,
    ) -> Result<(Vec<UnplacedRow>, String), Fault> {
        let damaged = |_| StorageError::Damaged("a page token".to_owned());
        let after = page.after.as_deref().map(<[u8; 8]>::try_from).transpose();
        let after = after.map_err(damaged)?.map_or(0, i64::from_be_bytes);
        let found = unplaced::list(self.database.reader(), state, after, page.limit()).await?;
        page.cut(found, |last| last.number.to_be_bytes().to_vec())
    }

    /// Places a row: opens the listing that the notice would have opened. The same request again changes nothing.
    pub async fn place_area(
        &self,
        call: &Call,
        acting: Acting,
        id: Uuid,
        place: (DivisionCode, Option<String>),
    ) -> Result<Placed, Fault> {
        self.book.ready().await?;
        let (this, account) = (self.clone(), acting.account.clone());
        let (row, area) = self
            .book
            .change(move |transaction| {
                async move { this.place_in(transaction, &acting, id, place).await }.boxed()
            })
            .await?;
        // Done again for a request sent again: what a crash left undone is done.
        let mut bringing = Bringing::new(self, call);
        self.redecide_stays(&mut bringing, std::iter::once(&area)).await?;
        let effect = bringing.finish(LeftTo::its_own(&account, row.name())).await?;
        Ok(Placed { row, area, effect })
    }

    async fn place_in(
        &self,
        transaction: &DatabaseTransaction,
        acting: &Acting,
        id: Uuid,
        (code, community): (DivisionCode, Option<String>),
    ) -> Result<(UnplacedRow, AreaEntry), Fault> {
        let basis = self.book.alone(transaction).await?;
        let now = self.instant_after_all(transaction).await?;
        let claim = idempotency::claim(transaction, &acting.request, id.as_bytes(), now).await?;
        let row = unplaced::find(transaction, id).await?;
        let mut row = row.ok_or_else(not_found)?;
        if let (Claim::Replay(_), Some(placement)) = (&claim, &row.placement) {
            let area = row.area(placement, placement.at);
            return Ok((row, area));
        }
        row.etag().check(&acting.etag, row.state().as_str())?;
        if row.placement.is_some() {
            return Err(wrong_state(row.state().as_str(), &[]));
        }
        check_region(&row, code)?;
        let placement = Placement {
            code,
            community,
            officer: acting.account.clone(),
            at: now,
        };
        let area = row.area(&placement, now);
        // Two rows may say the same place: the listing is there once.
        let known = basis.areas.latest().any(|other| other.is_the_same_as(&area));
        if !known {
            areas::insert(transaction, std::slice::from_ref(&area)).await?;
        }
        unplaced::place(transaction, row.number, &placement).await?;
        row.placement = Some(placement);
        Ok((row, area))
    }
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "UNPLACED_AREA_NOT_FOUND",
        "没有这条待定地点",
        "there is no such row",
    )
}
