//! Shapes of numbers that are not resident ID numbers, where the issuing authority publishes one. A number of a document type that
//! has none here is any 1 to 32 letters and digits.

use super::{DocumentType, check_character};

/// What a number of a type looks like, in Chinese and English; none where no shape is published.
pub const fn description(kind: DocumentType) -> Option<(&'static str, &'static str)> {
    match kind {
        DocumentType::MilitaryOfficer | DocumentType::ArmedPoliceOfficer => Some((
            "6至10位数字，可带“某字第…号”",
            "6 to 10 digits, with or without 某字第…号",
        )),
        DocumentType::BirthCert => Some(("1位字母加9位数字", "a letter and 9 digits")),
        DocumentType::TwTravelPermit => Some((
            "8位数字，旧证为10位数字，可再加1位字母",
            "8 digits; on an old permit 10 digits, with or without a letter",
        )),
        DocumentType::HkmoHomeReturn => Some((
            "H或M加8位数字，旧证另有2位换证次数",
            "H or M and 8 digits; on an old permit 2 more, the number of its issue",
        )),
        DocumentType::ForeignPermanentResident => Some((
            "3位字母加12位数字，新证为9开头的18位号码",
            "3 letters and 12 digits; on a new card 18 characters beginning with 9",
        )),
        _ => None,
    }
}

/// Whether a number in normal form has the shape of its type.
pub fn fits(kind: DocumentType, number: &str) -> bool {
    match kind {
        DocumentType::MilitaryOfficer | DocumentType::ArmedPoliceOfficer => {
            let digits = number.trim_start_matches(|c: char| !c.is_ascii());
            // One word of Han names the unit that issued it.
            let prefix = number.chars().count() - digits.chars().count();
            prefix <= 1 && is_digits(digits, 6..=10)
        }
        // 国家卫生健康委 出生医学证明（2014年第六版）编号.
        DocumentType::BirthCert => letters_then_digits(number, 1, 9..=9),
        // 国家移民管理局 台湾居民来往大陆通行证: the card of 2015, and the booklet before it.
        DocumentType::TwTravelPermit => {
            let digits = number.trim_end_matches(|c: char| c.is_ascii_uppercase());
            let letters = number.len() - digits.len();
            letters <= 1 && (is_digits(digits, 10..=10) || (letters == 0 && is_digits(digits, 8..=8)))
        }
        // 国家移民管理局 港澳居民来往内地通行证（2012版、旧版）.
        DocumentType::HkmoHomeReturn => {
            number.starts_with(['H', 'M'])
                && (is_digits(&number[1..], 8..=8) || is_digits(&number[1..], 10..=10))
        }
        // 国家移民管理局 外国人永久居留身份证（2017版、2023版，后者按 GB 11643 校验）.
        DocumentType::ForeignPermanentResident => {
            letters_then_digits(number, 3, 12..=12) || is_new_permanent_resident(number)
        }
        _ => true,
    }
}

/// The part of a number that stays with its holder: an old home return permit ends with the number of its issue.
pub fn lasting(kind: DocumentType, number: &str) -> &str {
    match kind {
        DocumentType::HkmoHomeReturn if number.len() == 11 => &number[..9],
        _ => number,
    }
}

fn is_digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn letters_then_digits(text: &str, letters: usize, digits: std::ops::RangeInclusive<usize>) -> bool {
    let (head, tail) = text.split_at_checked(letters).unwrap_or_default();
    head.len() == letters && head.bytes().all(|byte| byte.is_ascii_uppercase()) && is_digits(tail, digits)
}

fn is_new_permanent_resident(number: &str) -> bool {
    let Some((digits, check)) = number.split_at_checked(17) else {
        return false;
    };
    digits.starts_with('9')
        && check_character(digits.as_bytes()).is_some_and(|expected| check == expected.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use DocumentType::{
        ArmedPoliceOfficer, BirthCert, ForeignPermanentResident, HkmoHomeReturn, MilitaryOfficer,
        PassportOrdinary, TwTravelPermit,
    };

    #[test]
    fn numbers_have_the_shape_that_their_authority_publishes() {
        for (kind, number) in [
            (MilitaryOfficer, "12345678"),
            (MilitaryOfficer, "军123456"),
            (ArmedPoliceOfficer, "武1234567890"),
            (BirthCert, "A123456789"),
            (TwTravelPermit, "12345678"),
            (TwTravelPermit, "1234567890"),
            (TwTravelPermit, "1234567890B"),
            (HkmoHomeReturn, "H12345678"),
            (HkmoHomeReturn, "M1234567801"),
            (ForeignPermanentResident, "FRA123456789012"),
            (ForeignPermanentResident, "911056194912310024"),
            (PassportOrdinary, "X"),
        ] {
            assert!(fits(kind, number), "{kind:?} {number}");
        }
    }

    #[test]
    fn another_shape_is_no_number_of_its_type() {
        for (kind, number) in [
            (MilitaryOfficer, "12345"),
            (MilitaryOfficer, "12345678901"),
            (MilitaryOfficer, "军字123456"),
            (MilitaryOfficer, "A123456"),
            (ArmedPoliceOfficer, "123456武"),
            (BirthCert, "1123456789"),
            (BirthCert, "A12345678"),
            (BirthCert, "AB12345678"),
            (TwTravelPermit, "1234567"),
            (TwTravelPermit, "123456789"),
            (TwTravelPermit, "12345678A"),
            (TwTravelPermit, "1234567890AB"),
            (HkmoHomeReturn, "X12345678"),
            (HkmoHomeReturn, "H1234567"),
            (HkmoHomeReturn, "H123456789"),
            (HkmoHomeReturn, "H12345678012"),
            (ForeignPermanentResident, "FR123456789012"),
            (ForeignPermanentResident, "FRA12345678901"),
            (ForeignPermanentResident, "911056194912310020"),
            (ForeignPermanentResident, "811056194912310020"),
        ] {
            assert!(!fits(kind, number), "{kind:?} {number}");
        }
    }

    #[test]
    fn what_is_checked_is_described() {
        for kind in DocumentType::ALL {
            let is_checked = !fits(*kind, "?");
            assert_eq!(description(*kind).is_some(), is_checked, "{kind:?}");
        }
    }

    #[test]
    fn a_home_return_permit_keeps_its_number_over_renewals() {
        assert_eq!(lasting(HkmoHomeReturn, "H1234567801"), "H12345678");
        assert_eq!(lasting(HkmoHomeReturn, "H12345678"), "H12345678");
        assert_eq!(lasting(PassportOrdinary, "H1234567801"), "H1234567801");
    }
}
