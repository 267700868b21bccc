//! What whoever filed a complaint sees of it and does with it.

use lutong_chassis::skin::Page;
use lutong_kernel::Fault;
use lutong_storage::crypto::ReadyCipher;
use lutong_transport::access::CasePermit;

use super::Complaints;
use super::steps::{Party, Step};
use crate::domain::log::{Happening, LogEntry};
use crate::domain::machine::Action;
use crate::domain::tracking::TrackingNumber;
use crate::fault;
use crate::store::{self, Complaint, ListPosition, cases, events};

/// The most messages that are shown of one complaint.
const MESSAGES: u64 = 200;
/// How many merges are followed to an answer.
const MERGES: usize = 16;

/// Whether something was said as the answer to a complaint.
const fn is_answer(happening: Happening) -> bool {
    matches!(happening, Happening::Action(Action::Answer | Action::Decide))
}

/// A complaint with what was said about it.
#[derive(Debug, Clone)]
pub struct View {
    pub complaint: Complaint,
    pub messages: Vec<LogEntry>,
}

impl Complaints {
    /// An own complaint by its number. Another account's complaint is not found.
    pub async fn find(&self, permit: &CasePermit, number: &TrackingNumber) -> Result<View, Fault> {
        let cipher = self.fields.ready().await?;
        let party = Party::Filer(self.account_hash(permit.account()));
        let reader = self.database.reader();
        let found = cases::find_reached(reader, &cipher, number, party.reacher()).await?;
        let found = found.filter(|one| party.reaches(one));
        self.view(&cipher, found.ok_or_else(fault::complaint_not_found)?)
            .await
    }

    /// Own complaints, the newest first, and the token of the next page.
    pub async fn list(&self, permit: &CasePermit, page: &Page) -> Result<(Vec<Complaint>, String), Fault> {
        let after = page.after(ListPosition::read)?;
        let cipher = self.fields.ready().await?;
        let account = self.account_hash(permit.account());
        let found = store::list(self.database.reader(), &cipher, &account, after, page.limit()).await?;
        page.cut(found, |last| ListPosition::of(last).bytes())
    }

    /// An action of the filer's.
    pub async fn follow(&self, permit: &CasePermit, step: Step) -> Result<View, Fault> {
        let party = Party::Filer(self.account_hash(permit.account()));
        let complaint = self.act(party, step).await?;
        let cipher = self.fields.ready().await?;
        self.view(&cipher, complaint).await
    }

    async fn view(&self, cipher: &ReadyCipher, complaint: Complaint) -> Result<View, Fault> {
        let reader = self.database.reader();
        let mut messages = events::shown(reader, cipher, &complaint.number, MESSAGES).await?;
        let mut into = complaint.case.merged_into.clone();
        for _ in 0..MERGES {
            let Some(number) = into else { break };
            // Of another's complaint only the answer is shown.
            let others = events::shown(reader, cipher, &number, MESSAGES)
                .await?
                .into_iter();
            messages.extend(others.filter(|one| is_answer(one.happening)));
            let found = store::find(reader, cipher, &number).await?;
            into = found.and_then(|found| found.case.merged_into);
        }
        messages.sort_by_key(|message| message.at);
        Ok(View { complaint, messages })
    }
}
