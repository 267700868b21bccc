//! A relief: from which fact, for which appeal, from when until when at the latest.

use lutong_kernel::{FactId, SubjectId, Timestamp};

/// The source of all reliefs.
pub const SOURCE: &str = "complaint";
/// The longest that a relief may last, whatever the policy says.
const LONGEST_SECONDS: i64 = 7 * 86_400;

/// A relief as the complaint service asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relief {
    /// The tracking number of the appeal.
    pub complaint: String,
    pub subject: SubjectId,
    /// The fact whose source is late.
    pub contested: FactId,
    /// The line of the policy that offers it.
    pub policy: String,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// Why there is no relief of this span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanError {
    EndBeforeStart,
    TooLong,
}

impl Relief {
    /// The key of its fact: one for each appeal and fact.
    pub fn key(&self) -> String {
        format!("{}/{}", self.complaint, self.contested)
    }

    /// The key of the correction that ends it.
    pub fn end_key(&self) -> String {
        format!("{}/end", self.key())
    }

    pub fn check_span(&self) -> Result<(), SpanError> {
        if self.until <= self.from {
            return Err(SpanError::EndBeforeStart);
        }
        if self.until > self.from.plus_seconds(LONGEST_SECONDS) {
            return Err(SpanError::TooLong);
        }
        Ok(())
    }

    /// The same relief, ended at an instant within its span.
    pub fn cut(self, at: Timestamp) -> Self {
        Self {
            until: at.clamp(self.from, self.until),
            ..self
        }
    }
}

/// The tracking number of the appeal of a relief with this key.
pub fn complaint_of(key: &str) -> &str {
    key.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::parse("2022-11-26T09:00:00+08:00")
            .unwrap()
            .plus_seconds(hour * 3_600)
    }

    fn relief(until: i64) -> Relief {
        Relief {
            complaint: "ab12".to_owned(),
            subject: "00000000-0000-7000-8000-000000000001".parse().unwrap(),
            contested: "00000000-0000-7000-8000-000000000002".parse().unwrap(),
            policy: "red,stay,yellow,48".to_owned(),
            from: at(0),
            until: at(until),
        }
    }

    #[test]
    fn it_ends_after_its_start_and_within_seven_days() {
        assert_eq!(relief(0).check_span(), Err(SpanError::EndBeforeStart));
        assert_eq!(relief(-1).check_span(), Err(SpanError::EndBeforeStart));
        assert_eq!(relief(1).check_span(), Ok(()));
        assert_eq!(relief(7 * 24).check_span(), Ok(()));
        assert_eq!(relief(7 * 24 + 1).check_span(), Err(SpanError::TooLong));
    }

    #[test]
    fn it_is_cut_within_its_span_and_never_made_longer() {
        assert_eq!(relief(48).cut(at(3)).until, at(3));
        assert_eq!(relief(48).cut(at(-3)).until, at(0));
        assert_eq!(relief(48).cut(at(60)).until, at(48));
    }

    #[test]
    fn its_key_names_its_appeal() {
        assert_eq!(complaint_of(&relief(1).key()), "ab12");
        assert_eq!(complaint_of(&relief(1).end_key()), "ab12");
    }
}
