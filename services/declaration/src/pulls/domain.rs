//! Pulls of a database on a schedule: the failures, when the next pull is due, when a source is overdue.

use std::borrow::Cow;
use std::time::Duration;

use lutong_kernel::{Fault, Timestamp};

/// A failed pull is repeated after this time, or after the interval when that is shorter.
const RETRY_DELAY: Duration = Duration::from_secs(60);
/// A source is overdue after this many intervals without a success.
const OVERDUE_AFTER: u32 = 3;

const STOPPED: &str = "STOPPED";
const LEASE_LOST: &str = "LEASE_LOST";

/// Why a pull failed. It contains nothing that the database sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullFailure {
    /// A stable word in `UPPER_SNAKE`.
    pub reason: Cow<'static, str>,
    pub zh: String,
    pub en: String,
    /// The cause of an internal error, for the log.
    pub cause: Option<String>,
}

impl PullFailure {
    pub fn new(reason: impl Into<Cow<'static, str>>, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            zh: zh.into(),
            en: en.into(),
            cause: None,
        }
    }

    pub fn cursor_stuck() -> Self {
        Self::new(
            "CURSOR_STUCK",
            "对方返回的游标没有前进",
            "the cursor does not advance: the same records would be fetched for ever",
        )
    }

    pub fn too_many_rows(limit: u32) -> Self {
        Self::new(
            "TOO_MANY_ROWS",
            format!("一页超过{limit}条记录"),
            format!("a page has more than the {limit} records that were asked for"),
        )
    }

    pub fn case_not_in_force() -> Self {
        Self::new(
            "CASE_NOT_IN_FORCE",
            "病例已记录但颜色尚未生效，将重新请求该页",
            "a case is recorded but its colour is not in force yet: the page is asked for again",
        )
    }

    pub fn stopped() -> Self {
        Self::new(
            STOPPED,
            "服务停止，由其他进程继续",
            "the service was stopped; another one goes on",
        )
    }

    /// Whether another worker continues the pull.
    pub fn is_taken_over(&self) -> bool {
        matches!(&*self.reason, STOPPED | LEASE_LOST)
    }

    pub fn lease_lost() -> Self {
        Self::new(
            LEASE_LOST,
            "已由另一进程接手",
            "took longer than its lease: another worker has taken over",
        )
    }
}

impl From<Fault> for PullFailure {
    fn from(fault: Fault) -> Self {
        Self {
            cause: fault.cause().map(str::to_owned),
            ..Self::new(fault.reason, fault.zh, fault.en)
        }
    }
}

/// When the next pull after an attempt is due.
pub fn next_due(now: Timestamp, interval: Duration, succeeded: bool) -> Timestamp {
    now.plus(if succeeded {
        interval
    } else {
        interval.min(RETRY_DELAY)
    })
}

/// Whether a source is overdue; `since` is its last success or, before that, its creation.
pub fn is_overdue(now: Timestamp, since: Timestamp, interval: Duration) -> bool {
    now.since(since) > interval.saturating_mul(OVERDUE_AFTER)
}

/// From when on a source is overdue.
pub fn overdue_from(since: Timestamp, interval: Duration) -> Timestamp {
    since.plus(interval.saturating_mul(OVERDUE_AFTER))
}

/// Detects that cursors repeat, with a cycle of any length, without storing every cursor (Brent's algorithm).
#[derive(Debug)]
pub struct CursorCycle {
    mark: String,
    pages: u64,
}

impl CursorCycle {
    pub fn starting_at(cursor: &str) -> Self {
        Self {
            mark: cursor.to_owned(),
            pages: 0,
        }
    }

    /// Adds the next cursor. Returns an error when the cursors repeat.
    pub fn add(&mut self, cursor: &str) -> Result<(), PullFailure> {
        if cursor == self.mark {
            return Err(PullFailure::cursor_stuck());
        }
        self.pages += 1;
        if self.pages.is_power_of_two() {
            cursor.clone_into(&mut self.mark);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_attempt_is_repeated_within_a_minute_and_a_good_one_after_its_interval() {
        let (now, hour) = (Timestamp::from_seconds(1_000), Duration::from_secs(3_600));
        assert_eq!(next_due(now, hour, true), Timestamp::from_seconds(4_600));
        assert_eq!(next_due(now, hour, false), Timestamp::from_seconds(1_060));
        let often = Duration::from_secs(10);
        assert_eq!(next_due(now, often, false), Timestamp::from_seconds(1_010));
    }

    #[test]
    fn a_source_is_overdue_after_three_intervals_and_not_before() {
        let since = Timestamp::from_seconds(1_000);
        let interval = Duration::from_secs(60);
        assert!(!is_overdue(Timestamp::from_seconds(1_180), since, interval));
        assert!(is_overdue(
            since.plus_seconds(180).plus_micros(1),
            since,
            interval
        ));
        assert!(!is_overdue(Timestamp::from_seconds(0), since, interval));
    }

    #[test]
    fn a_cursor_that_comes_round_is_found_and_one_that_goes_on_is_not() {
        let mut straight = CursorCycle::starting_at("");
        assert!((0..10_000).all(|n| straight.add(&n.to_string()).is_ok()));
        for length in [1_u64, 2, 7, 100] {
            let mut cycle = CursorCycle::starting_at("start");
            let found = (0..4 * length + 4).any(|n| cycle.add(&(n % length).to_string()).is_err());
            assert!(found, "{length}");
        }
    }
}
