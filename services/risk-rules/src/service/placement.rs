//! What is listed, what waits for an officer, and an officer placing it.

use futures::FutureExt as _;
use lutong_chassis::client::Call;
use lutong_chassis::idempotency::{self, Claim, RequestKey};
use lutong_kernel::{DivisionCode, Fault, FaultCode, Jurisdiction, RequestId, Violation};
use sea_orm::DatabaseTransaction;

use super::deciding::Decider;
use crate::domain::area::{AreaEntry, AreaKey, AreaQuery};
use crate::domain::notice::place::region_of;
use crate::store::unplaced::{Placement, UnplacedRow};
use crate::store::{areas, unplaced};

/// Who asks, and how the request is told from others.
#[derive(Debug)]
pub struct Asked<'a> {
    pub request_id: RequestId,
    pub body: &'a [u8],
    pub officer: &'a str,
    /// Where the officer may act.
    pub jurisdiction: Jurisdiction,
}

impl Asked<'_> {
    /// Refuses places outside the officer's jurisdiction.
    pub fn within(&self, place: DivisionCode) -> Result<(), Fault> {
        if self.jurisdiction.covers(place) {
            Ok(())
        } else {
            Err(outside())
        }
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

/// A row to be placed.
struct Placing {
    request: RequestKey,
    id: i64,
    place: (DivisionCode, Option<String>),
    officer: String,
}

/// What brought a listing about.
#[derive(Debug)]
pub struct Listed<T> {
    pub what: T,
    pub redecided: usize,
    pub in_force: bool,
}

impl Decider {
    /// A page of the listings, in order.
    pub async fn list_areas(
        &self,
        query: AreaQuery,
        after: Option<AreaKey>,
        limit: usize,
    ) -> Result<Vec<AreaEntry>, Fault> {
        // Another process may have changed them.
        let basis = self.book.catch_up(self.database.reader()).await?;
        // What was just recorded may be ahead of this machine's clock.
        let now = self.clock.now().max(basis.latest_at);
        Ok(basis.areas.page(&query, now, after.as_ref(), limit))
    }

    /// A page of what notices leave to officers, by id.
    pub async fn list_unplaced(
        &self,
        waiting_only: bool,
        after: i64,
        limit: u64,
    ) -> Result<Vec<UnplacedRow>, Fault> {
        Ok(unplaced::list(self.database.reader(), waiting_only, after, limit).await?)
    }

    /// Opens the listing that the notice would have opened. The same request again changes nothing.
    pub async fn place_area(
        &self,
        call: &Call,
        asked: Asked<'_>,
        id: i64,
        place: (DivisionCode, Option<String>),
    ) -> Result<Listed<AreaEntry>, Fault> {
        asked.within(place.0)?;
        let request = self
            .idempotency
            .key(asked.officer, "PlaceArea", asked.request_id, asked.body);
        self.book.ready().await?;
        let (this, officer) = (self.clone(), asked.officer.to_owned());
        let placing = Placing {
            request,
            id,
            place,
            officer,
        };
        let area = self
            .book
            .change(move |transaction| async move { this.place_in(transaction, placing).await }.boxed())
            .await?;
        self.listed(call, area.clone(), area).await
    }

    async fn place_in(
        &self,
        transaction: &DatabaseTransaction,
        placing: Placing,
    ) -> Result<AreaEntry, Fault> {
        let basis = self.book.alone(transaction).await?;
        let now = self.instant_after_all(transaction).await?;
        let answer = placing.id.to_le_bytes();
        let claim = idempotency::claim(transaction, &placing.request, &answer, now).await?;
        let row = unplaced::find(transaction, placing.id).await?;
        let row = row.ok_or_else(not_found)?;
        if let Some(placement) = &row.placement {
            return match claim {
                Claim::Replay(_) => Ok(row.area(placement, placement.at)),
                Claim::Fresh => Err(already_placed()),
            };
        }
        let (code, community) = placing.place;
        check_region(&row, code)?;
        let placement = Placement {
            code,
            community,
            officer: placing.officer,
            at: now,
        };
        let area = row.area(&placement, now);
        // Two rows may say the same place: the listing is there once.
        let known = basis.areas.latest().any(|other| other.is_the_same_as(&area));
        if !known {
            areas::insert(transaction, std::slice::from_ref(&area)).await?;
        }
        unplaced::place(transaction, placing.id, &placement).await?;
        Ok(area)
    }

    /// Decides anew whom a new listing concerns. Done again for a request sent again: what a crash left undone is done.
    pub(super) async fn listed<T>(&self, call: &Call, what: T, area: AreaEntry) -> Result<Listed<T>, Fault> {
        let (redecided, in_force) = self.redecide_stays(call, std::iter::once(&area)).await?;
        Ok(Listed {
            what,
            redecided,
            in_force,
        })
    }
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "UNPLACED_NOT_FOUND",
        "没有这条待定地点",
        "there is no such row",
    )
}

fn already_placed() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "ALREADY_PLACED",
        "该地点已由人员确定",
        "the row was placed already",
    )
}
