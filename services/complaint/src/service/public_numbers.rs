//! Numbers for everybody.

use std::sync::Arc;

use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, DivisionCode, Fault};
use lutong_storage::Database;
use lutong_transport::reply;

use crate::domain::month::Month;
use crate::domain::monthly::{DivisionNumbers, published};
use crate::fault::public_numbers as fault;
use crate::store::tallies;

/// Counts what happened to cases; cheap to clone.
#[derive(Clone)]
pub struct PublicNumbers {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl PublicNumbers {
    pub fn new(store: &Store, foundation: &Foundation) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
        }
    }

    /// The numbers of a month that is over, of a division and those in it, by their codes, and the token of the next page. All of the
    /// month is counted, whichever part of it is asked for: what is left out depends on the whole province.
    pub async fn list(
        &self,
        month: Month,
        division: Option<DivisionCode>,
        page: &Page,
    ) -> Result<(Vec<DivisionNumbers>, String), Fault> {
        if !month.is_over(self.clock.now()) {
            return Err(reply::wrong(fault::month_not_over()));
        }
        let after = page.after_number()?;
        let tallies = tallies::count(self.database.reader(), month.start(), month.end()).await?;
        let is_asked = |one: &DivisionNumbers| {
            let is_inside = division.is_none_or(|division| division.contains(one.division));
            is_inside && after.is_none_or(|after| after < i64::from(one.division.number()))
        };
        let mut found = published(&tallies);
        found.retain(is_asked);
        page.cut(found, |last| {
            i64::from(last.division.number()).to_be_bytes().to_vec()
        })
    }
}
