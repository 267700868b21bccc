//! What staff see of cases and do with them.

use lutong_chassis::skin::Page;
use lutong_kernel::Fault;
use lutong_proto::policy::Role as Granted;
use lutong_transport::access::{DivisionPermit, Grant};

use super::Complaints;
use super::steps::{Party, Step};
use crate::domain::content::Kind;
use crate::domain::hotline::Caller;
use crate::domain::log::LogEntry;
use crate::domain::staff::{Role, Staff};
use crate::domain::tracking::TrackingNumber;
use crate::store::cases;
use crate::store::queues::{self, Filter, QueuePosition};
use crate::store::{Complaint, events};

/// Who calls, by their permit.
pub fn staff(grant: &Grant, permit: DivisionPermit) -> Staff {
    let principal = grant.principal();
    let granted = principal.roles.iter().filter_map(|role| match role {
        Granted::HealthOfficer => Some(Role::HealthOfficer),
        Granted::Supervisor => Some(Role::Supervisor),
        Granted::HotlineAgent => Some(Role::HotlineAgent),
        Granted::CounterStaff => Some(Role::CounterStaff),
        _ => None,
    });
    Staff {
        account: principal.account.clone(),
        jurisdiction: permit.jurisdiction(),
        roles: granted.collect(),
        desks: principal.desks.iter().copied().map(Kind::from).collect(),
    }
}

impl Complaints {
    /// A case that a member of staff reaches; any other is not found.
    pub async fn case(&self, staff: &Staff, number: &TrackingNumber) -> Result<Complaint, Fault> {
        let cipher = self.fields.ready().await?;
        let party = Party::Staff(staff.clone());
        let reader = self.database.reader();
        let found = cases::find_reached(reader, &cipher, number, party.reacher()).await?;
        found
            .filter(|one| party.reaches(one))
            .ok_or_else(|| party.not_found())
    }

    /// Cases that a member of staff reaches, those due first, and the token of the next page.
    pub async fn queue(
        &self,
        staff: &Staff,
        filter: Filter,
        page: &Page,
    ) -> Result<(Vec<Complaint>, String), Fault> {
        let after = page.after(QueuePosition::read)?;
        let cipher = self.fields.ready().await?;
        let found = queues::page(
            self.database.reader(),
            &cipher,
            staff,
            filter,
            after,
            page.limit(),
        )
        .await?;
        page.cut(found, |last| QueuePosition::of(last).bytes())
    }

    /// Cases of a caller, of those that a member of staff reaches, and the token of the next page.
    pub async fn of_caller(
        &self,
        staff: &Staff,
        caller: &Caller,
        page: &Page,
    ) -> Result<(Vec<Complaint>, String), Fault> {
        let filter = Filter {
            caller: self.caller_hashes(caller),
            ..Filter::default()
        };
        self.queue(staff, filter, page).await
    }

    /// A case with its log, the oldest line first, with the number of each, and the token of the next page.
    pub async fn log(
        &self,
        staff: &Staff,
        number: &TrackingNumber,
        page: &Page,
    ) -> Result<(Complaint, Vec<(i64, LogEntry)>, String), Fault> {
        let after = page.after_number()?.unwrap_or_default();
        let complaint = self.case(staff, number).await?;
        let cipher = self.fields.ready().await?;
        let found = events::list(self.database.reader(), &cipher, number, after, page.limit()).await?;
        let (found, next) = page.cut(found, |(sequence, _)| sequence.to_be_bytes().to_vec())?;
        Ok((complaint, found, next))
    }

    /// An action of a member of staff.
    pub async fn handle(&self, staff: &Staff, step: Step) -> Result<Complaint, Fault> {
        self.act(Party::Staff(staff.clone()), step).await
    }
}
