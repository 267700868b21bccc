//! How long a code on paper is valid.

use lutong_kernel::Timestamp;

/// Local days after the day of issue through the end of which a paper code is valid.
pub const DAYS: i32 = 14;

/// The end of the validity of a paper code issued at an instant.
pub const fn expires_at(issued_at: Timestamp) -> Timestamp {
    issued_at.end_of_window(DAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_paper_code_is_valid_through_the_end_of_the_fourteenth_local_day() {
        for (issued, ends) in [
            ("2022-11-26T00:00:00+08:00", "2022-12-11T00:00:00+08:00"),
            ("2022-11-26T23:59:59+08:00", "2022-12-11T00:00:00+08:00"),
            // The day of issue is Shandong's, also where it is still the day before in UTC.
            ("2022-11-25T16:00:00Z", "2022-12-11T00:00:00+08:00"),
            ("2024-02-20T09:00:00+08:00", "2024-03-06T00:00:00+08:00"),
            ("2022-12-31T23:00:00+08:00", "2023-01-15T00:00:00+08:00"),
        ] {
            assert_eq!(expires_at(at(issued)), at(ends), "{issued}");
        }
    }
}
