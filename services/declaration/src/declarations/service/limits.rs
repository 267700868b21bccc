//! Counts the declarations of a local day in the transaction that stores another one.

use lutong_kernel::{Fault, Timestamp};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use crate::declarations::domain::daily_limits::DailyLimits;
use crate::declarations::domain::{Declaration, DeclarationKind};
use crate::declarations::store::counts;
use crate::fault;

impl DailyLimits {
    /// Refuses a declaration that is one too many, in the transaction that stores it. Reports of one person are counted one after the
    /// other.
    pub async fn check(
        self,
        transaction: &DatabaseTransaction,
        declaration: &Declaration,
    ) -> Result<(), Fault> {
        let now = declaration.created_at;
        if declaration.replaces.is_some() {
            self.check_edits(transaction, &declaration.account, now).await?;
        }
        if declaration.kind == DeclarationKind::DailyReport {
            let since = now.local_day().start();
            let made = counts::daily_reports(transaction, declaration.subject, since).await?;
            if made >= u64::from(self.daily_reports) {
                return Err(fault::daily_reports::too_many_daily_reports(
                    self.daily_reports,
                    tomorrow(now),
                ));
            }
        }
        Ok(())
    }

    /// Refuses an edit that is one too many.
    pub async fn check_edits(
        self,
        connection: &impl ConnectionTrait,
        account: &[u8; 32],
        now: Timestamp,
    ) -> Result<(), Fault> {
        let made = counts::edits(connection, account, now.local_day().start()).await?;
        if made >= u64::from(self.edits) {
            return Err(fault::too_many_edits(self.edits, tomorrow(now)));
        }
        Ok(())
    }
}

/// The time until the next local day.
fn tomorrow(now: Timestamp) -> std::time::Duration {
    now.local_day().end().since(now)
}
