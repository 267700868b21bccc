//! Limits how many refused calls are recorded: enough for every honest mistake, too few for an attacker to fill the
//! disk.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use lutong_kernel::Timestamp;

/// Maximum number per period, per account and in total.
const MAX_PER_ACCOUNT: u32 = 20;
const MAX_TOTAL: u32 = 300;
const PERIOD_SECONDS: i64 = 60;

/// Counts recorded refusals; each service has its own.
#[derive(Debug, Default)]
pub struct RefusalBudget(Mutex<RefusalCounts>);

#[derive(Debug, Default)]
struct RefusalCounts {
    began: i64,
    all: u32,
    /// At most `MAX_TOTAL` entries: only recorded refusals are counted here.
    by_account: HashMap<String, u32>,
    unrecorded: i64,
}

impl RefusalBudget {
    /// If the refusal is to be recorded, the number of unrecorded ones since the last record.
    pub fn take(&self, account: &str, now: Timestamp) -> Option<i64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back also begins a new period.
        if !(0..PERIOD_SECONDS).contains(&(now.seconds() - counts.began)) {
            counts.began = now.seconds();
            counts.all = 0;
            counts.by_account.clear();
        }
        let own = counts.by_account.get(account).copied().unwrap_or(0);
        if own >= MAX_PER_ACCOUNT || counts.all >= MAX_TOTAL {
            counts.unrecorded += 1;
            metrics::counter!("lutong_audit_unrecorded_refusals_total").increment(1);
            return None;
        }
        counts.all += 1;
        counts.by_account.insert(account.to_owned(), own + 1);
        Some(std::mem::take(&mut counts.unrecorded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_and_all_together_are_bounded_and_what_was_left_out_is_counted() {
        let (budget, start) = (RefusalBudget::default(), Timestamp::from_seconds(1_000));
        let recorded = (0..1_000).filter(|_| budget.take("one", start).is_some()).count();
        assert_eq!(recorded, 20);
        assert_eq!(budget.take("two", start), Some(980));
        let others = (0..10_000)
            .filter(|n| budget.take(&format!("a{n}"), start).is_some())
            .count();
        assert_eq!(others, 300 - 21);
        let later = start.plus_seconds(60);
        assert_eq!(budget.take("one", later), Some(10_000 - 279));
        assert_eq!(budget.take("one", later), Some(0));
        assert_eq!(
            budget.take("one", start),
            Some(0),
            "a clock set back records again"
        );
    }
}
