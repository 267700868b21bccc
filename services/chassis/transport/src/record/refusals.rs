//! How many refused calls are recorded: all that honest mistakes make, and not so many that somebody who sends nothing
//! else fills the disk.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use lutong_kernel::Timestamp;

/// Of one account, and of everybody, within one period.
const OF_ONE: u32 = 20;
const OF_ALL: u32 = 300;
const PERIOD_SECONDS: i64 = 60;

/// Counts refusals; each service has its own.
#[derive(Debug, Default)]
pub struct RefusalBudget(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    began: i64,
    all: u32,
    /// No longer than `OF_ALL`: only what is recorded is counted here.
    by_account: HashMap<String, u32>,
    unrecorded: i64,
}

impl RefusalBudget {
    /// Whether a refusal is recorded: then how many were not since the last that was.
    pub fn take(&self, account: &str, now: Timestamp) -> Option<i64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back begins a period too.
        if !(0..PERIOD_SECONDS).contains(&(now.seconds() - counted.began)) {
            counted.began = now.seconds();
            counted.all = 0;
            counted.by_account.clear();
        }
        let own = counted.by_account.get(account).copied().unwrap_or(0);
        if own >= OF_ONE || counted.all >= OF_ALL {
            counted.unrecorded += 1;
            metrics::counter!("lutong_audit_unrecorded_refusals_total").increment(1);
            return None;
        }
        counted.all += 1;
        counted.by_account.insert(account.to_owned(), own + 1);
        Some(std::mem::take(&mut counted.unrecorded))
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
