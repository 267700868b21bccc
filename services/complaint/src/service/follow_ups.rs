//! Cases of what doors reported: opened by an officer, for the district in which the door lies.

use lutong_kernel::{DivisionCode, Fault};
use lutong_storage::idempotency::{self, RequestKey};
use lutong_transport::client::Call;

use super::{Complaints, Filing};
use crate::domain::content::{Content, FollowUp};
use crate::domain::hotline::{Entry, Intake};
use crate::domain::staff::Staff;
use crate::fault::cases as fault;
use crate::store::Complaint;

impl Complaints {
    /// Opens a case of a report that an officer has acknowledged, once. A repeated request gets it as it stands, also while code-rendering
    /// is away.
    pub async fn follow_door_report(
        &self,
        staff: &Staff,
        request: RequestKey,
        call: &Call,
        follow_up: FollowUp,
    ) -> Result<Complaint, Fault> {
        let is_repeated = idempotency::stored_answer(self.database.reader(), &request).await?;
        let (division, checked) = match self.peers.door_report(call, follow_up.report).await {
            Ok(report) if report.is_acknowledged => (report.division.county(), Ok(())),
            Ok(_) => (DivisionCode::SHANDONG, Err(fault::door_report_open())),
            Err(refused) if is_repeated.is_none() => return Err(refused),
            Err(refused) => (DivisionCode::SHANDONG, Err(refused)),
        };
        let filing = Filing {
            account: None,
            subject: None,
            content: Content::DoorReport(follow_up),
            division,
            entry: Entry {
                entered_by: Some(staff.account.clone()),
                ..Entry::own(Intake::Officer)
            },
            network: None,
        };
        self.file_checked(request, filing, checked).await
    }
}
