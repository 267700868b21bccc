//! How long what belongs to a case is kept once it is closed, as data.

use lutong_kernel::Timestamp;

use super::lines;

/// The rules of the province.
const RULES: &str = include_str!("../../data/retention.csv");
const DAY_SECONDS: i64 = 86_400;

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    attachment_days: u32,
}

/// Why the rules cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    #[error("line {0} of the retention rules is not `attachments,DAYS` with 1 to 3650 days, or stands twice")]
    Line(usize),
    #[error("the retention rules do not say how long attachments are kept")]
    Missing,
}

impl Retention {
    /// The rules of the province that this build has.
    pub fn of_province() -> Result<Self, RetentionError> {
        Self::parse(RULES)
    }

    pub fn parse(text: &str) -> Result<Self, RetentionError> {
        let mut days = None;
        for (number, line) in lines::of_data(text) {
            let read = line
                .strip_prefix("attachments,")
                .and_then(|days| days.parse().ok());
            let read = read.filter(|days| (1..=3_650).contains(days) && line.is_ascii());
            let (Some(read), None) = (read, days) else {
                return Err(RetentionError::Line(number));
            };
            days = Some(read);
        }
        let attachment_days = days.ok_or(RetentionError::Missing)?;
        Ok(Self { attachment_days })
    }

    /// Files of cases that were closed by this instant are deleted now.
    pub fn attachments_closed_by(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(-i64::from(self.attachment_days) * DAY_SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_province_says_how_long_files_are_kept() {
        let (rules, now) = (
            Retention::of_province().unwrap(),
            Timestamp::from_seconds(100 * DAY_SECONDS),
        );
        assert_eq!(
            rules.attachments_closed_by(now),
            Timestamp::from_seconds(40 * DAY_SECONDS)
        );
    }

    #[test]
    fn rules_that_say_nothing_or_something_else_are_refused() {
        assert_eq!(Retention::parse("# none\n"), Err(RetentionError::Missing));
        for bad in [
            "attachments,0",
            "attachments,3651",
            "attachments,-1",
            "attachments",
            "files,60",
            "attachments,60\nattachments,60",
        ] {
            assert!(
                matches!(Retention::parse(bad), Err(RetentionError::Line(_))),
                "{bad}"
            );
        }
    }
}
