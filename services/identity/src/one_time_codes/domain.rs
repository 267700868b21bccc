//! A one-time code: its digits, its life, and how many of them may be sent.

use std::time::Duration;

use lutong_kernel::{Random, Secret, Timestamp};
use uuid::Uuid;

/// How long a code is valid.
pub const LIFE: Duration = Duration::from_secs(300);
/// Wrong tries after which a code is valid no more.
pub const TRIES: i64 = 5;

/// What a code is for; the message that brings it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum Purpose {
    /// Applying or declaring an arrival: the applicant's own number.
    Apply,
    /// Agreeing that a family member shows one's code.
    Bind,
    /// Registering another mobile for oneself: the new number.
    ChangeMobile,
    /// Registering a new document or name for oneself: the registered number.
    ReplaceDocument,
}

/// A code that was sent, without its digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneTimeCode {
    pub id: Uuid,
    pub purpose: Purpose,
    pub created_at: Timestamp,
}

impl OneTimeCode {
    pub fn expires_at(&self) -> Timestamp {
        self.created_at.plus(LIFE)
    }
}

/// The six digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digits(Secret<String>);

impl Digits {
    /// Each of the million equally likely: what lies beyond the last whole million of the range is drawn again.
    pub fn draw(random: &dyn Random) -> Self {
        const MILLION: u32 = 1_000_000;
        const BOUND: u32 = u32::MAX - u32::MAX % MILLION;
        loop {
            let drawn = u32::from_le_bytes(random.bytes());
            if drawn < BOUND {
                return Self(Secret::new(format!("{:06}", drawn % MILLION)));
            }
        }
    }

    /// As somebody typed them: six digits of ASCII, or in full width.
    pub fn parse(text: &str) -> Option<Self> {
        let half = |c: char| match c {
            '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')),
            _ => Some(c),
        };
        let typed: String = text.trim().chars().filter_map(half).collect();
        let fits = typed.len() == 6 && typed.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| Self(Secret::new(typed)))
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// So many codes within a time.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    count: usize,
    within: Duration,
}

/// Codes to one number.
pub const PER_NUMBER: [Limit; 3] = [
    Limit {
        count: 1,
        within: Duration::from_secs(60),
    },
    Limit {
        count: 5,
        within: Duration::from_secs(3_600),
    },
    Limit {
        count: 10,
        within: Duration::from_secs(86_400),
    },
];

/// Codes that one account asks for, to whatever numbers.
pub const PER_ACCOUNT: [Limit; 2] = [
    Limit {
        count: 10,
        within: Duration::from_secs(3_600),
    },
    Limit {
        count: 20,
        within: Duration::from_secs(86_400),
    },
];

/// The longest time of a limit.
pub const LONGEST: Duration = Duration::from_secs(86_400);

/// How long to wait before another code; none: it may be sent now. `sent`: when the earlier ones were, the newest first.
pub fn wait(limits: &[Limit], sent: &[Timestamp], now: Timestamp) -> Option<Duration> {
    let waits = limits.iter().filter_map(|limit| {
        // The code that has to leave the time before there is room for one more.
        let oldest = sent.get(limit.count - 1)?;
        let free_at = oldest.plus(limit.within);
        (free_at > now).then(|| free_at.since(now))
    });
    waits.max()
}

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_six_and_drawn_evenly() {
        let random = SeededRandom::new(1);
        let mut first = [0_u32; 10];
        for _ in 0..10_000 {
            let drawn = Digits::draw(&random);
            let digit = drawn.expose().as_bytes()[0] - b'0';
            assert_eq!(Digits::parse(drawn.expose()), Some(drawn));
            first[usize::from(digit)] += 1;
        }
        assert!(
            first.iter().all(|count| (850..1_150).contains(count)),
            "{first:?}"
        );
    }

    #[test]
    fn typed_digits_may_be_full_width_and_are_six() {
        assert_eq!(Digits::parse(" １２３４５６ ").unwrap().expose(), "123456");
        for wrong in ["", "12345", "1234567", "12345a", "12 456", "１２３４５", "१२३४५६"] {
            assert_eq!(Digits::parse(wrong), None, "{wrong}");
        }
        assert!(!format!("{:?}", Digits::parse("123456")).contains("123456"));
    }

    #[test]
    fn a_number_gets_one_code_a_minute_five_an_hour_and_ten_a_day() {
        let now = Timestamp::from_seconds(1_000_000);
        let ago = |seconds: i64| now.plus_seconds(-seconds);
        let seconds = |sent: &[Timestamp]| wait(&PER_NUMBER, sent, now).map(|wait| wait.as_secs());
        assert_eq!(seconds(&[]), None);
        assert_eq!(seconds(&[ago(0)]), Some(60));
        assert_eq!(seconds(&[ago(59)]), Some(1));
        assert_eq!(seconds(&[ago(60)]), None);
        let five: Vec<_> = (1..=5).map(|n| ago(n * 100)).collect();
        assert_eq!(seconds(&five), Some(3_600 - 500));
        assert_eq!(seconds(&five[..4]), None);
        let ten: Vec<_> = (1..=10).map(|n| ago(n * 4_000)).collect();
        assert_eq!(seconds(&ten), Some(86_400 - 40_000));
    }

    proptest! {
        /// Whoever waits as long as they are told is served, and not a moment earlier.
        #[test]
        fn the_wait_that_is_told_is_exact(mut ages in prop::collection::vec(0_i64..100_000, 0..12)) {
            ages.sort_unstable();
            let now = Timestamp::from_seconds(1_000_000);
            let sent: Vec<_> = ages.iter().map(|age| now.plus_seconds(-age)).collect();
            for limits in [&PER_NUMBER[..], &PER_ACCOUNT] {
                if let Some(told) = wait(limits, &sent, now) {
                    prop_assert_eq!(wait(limits, &sent, now.plus(told)), None);
                    prop_assert!(wait(limits, &sent, now.plus(told).plus_micros(-1)).is_some());
                }
            }
        }
    }
}
