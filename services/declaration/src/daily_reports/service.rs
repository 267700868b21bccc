//! Creates and reads daily reports.

use lutong_chassis::skin::{Mutation, Page, Query};
use lutong_kernel::Fault;
use lutong_transport::access::SelfPermit;

use super::domain::StatedReport;
use crate::declarations::domain::{DeclarationKind, Details};
use crate::declarations::service::{AcknowledgedDeclaration, Declarations};

const KIND: DeclarationKind = DeclarationKind::DailyReport;

/// Daily reports; cheap to clone.
#[derive(Clone)]
pub struct DailyReports(Declarations);

impl DailyReports {
    pub const fn new(declarations: Declarations) -> Self {
        Self(declarations)
    }

    /// Creates a daily report of the account's person.
    pub async fn create(
        &self,
        call: Mutation<SelfPermit>,
        stated: StatedReport<'_>,
    ) -> Result<AcknowledgedDeclaration, Fault> {
        let Mutation {
            grant,
            permit,
            request,
        } = call;
        let subject = permit.subject()?;
        // A repeated request is answered before anything is checked: its day may lie too far back by now.
        if let Some(stored) = self.0.earlier(&permit, &request).await? {
            return Ok(self.0.finish_new(&grant, stored).await);
        }
        let mut declaration = self.0.draft(&permit, KIND, subject);
        let now = declaration.created_at;
        let report = stated.check(now.local_day())?;
        declaration.statements = report.statement(declaration.id, now).into_iter().collect();
        declaration.details = Some(Details::DailyReport(report));
        let stored = self.0.store(request, declaration).await?;
        Ok(self.0.finish_new(&grant, stored).await)
    }

    /// An own daily report.
    pub async fn get(&self, call: &Query<SelfPermit>, name: &str) -> Result<AcknowledgedDeclaration, Fault> {
        self.0.get(call, KIND, name).await
    }

    /// Own daily reports, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        permit: &SelfPermit,
        page: &Page,
    ) -> Result<(Vec<AcknowledgedDeclaration>, String), Fault> {
        self.0.list(permit, KIND, page).await
    }
}
