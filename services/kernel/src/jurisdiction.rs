//! The part of Shandong in which an account may act. Every service compares a jurisdiction with a place here and nowhere
//! else.

use crate::DivisionCode;

/// The part of Shandong in which an account may act. An account without one may act nowhere: see
/// `Principal::jurisdiction` of the chassis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jurisdiction {
    /// All of Shandong, and people whose place of residence is unknown.
    Province,
    /// One city, county or street.
    Division(DivisionCode),
}

impl Jurisdiction {
    /// The jurisdiction of an account with this division; 370000 is the whole province.
    pub fn of_division(division: DivisionCode) -> Self {
        if division == DivisionCode::SHANDONG {
            Self::Province
        } else {
            Self::Division(division)
        }
    }

    /// The division of the jurisdiction; 370000 for the whole province.
    pub const fn division(self) -> DivisionCode {
        match self {
            Self::Province => DivisionCode::SHANDONG,
            Self::Division(division) => division,
        }
    }

    pub const fn is_province_wide(self) -> bool {
        matches!(self, Self::Province)
    }

    /// Whether a place lies inside the jurisdiction. A place of another province lies inside none.
    pub const fn covers(self, place: DivisionCode) -> bool {
        DivisionCode::SHANDONG.contains(place) && self.division().contains(place)
    }

    /// Whether at least one of a person's places lies inside the jurisdiction. A province-wide jurisdiction covers every
    /// person, also one without a known place or with places in other provinces only.
    pub fn covers_any(self, places: impl IntoIterator<Item = DivisionCode>) -> bool {
        self.is_province_wide() || places.into_iter().any(|place| self.covers(place))
    }

    /// Whether all divisions of a grant lie inside the jurisdiction. A grant without divisions is valid in the whole
    /// province, so that only a province-wide jurisdiction covers it.
    pub fn covers_grant(self, divisions: &[DivisionCode]) -> bool {
        let are_inside = !divisions.is_empty() && divisions.iter().all(|division| self.covers(*division));
        self.is_province_wide() || are_inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> DivisionCode {
        DivisionCode::parse(text).unwrap()
    }

    fn of(text: &str) -> Jurisdiction {
        Jurisdiction::of_division(code(text))
    }

    #[test]
    fn the_code_of_the_province_gives_the_province_wide_jurisdiction_and_no_other_code_does() {
        for (division, province_wide) in [
            ("370000", true),
            ("370100", false),
            ("370202001", false),
            ("110000", false),
        ] {
            assert_eq!(of(division).is_province_wide(), province_wide, "{division}");
            assert_eq!(of(division).division(), code(division));
        }
    }

    #[test]
    fn a_jurisdiction_covers_what_lies_inside_it_and_never_another_province() {
        for (own, place, covered) in [
            ("370202", "370202", true),
            ("370202", "370202001", true),
            ("370202", "370200", false),
            ("370202", "370203", false),
            ("370200", "370202", true),
            ("370000", "370202", true),
            ("370000", "110101", false),
            ("110000", "110101", false),
        ] {
            assert_eq!(of(own).covers(code(place)), covered, "{own} {place}");
        }
    }

    #[test]
    fn one_place_inside_is_enough_and_a_person_without_a_place_is_covered_by_the_province_only() {
        assert!(of("370202").covers_any([code("110101"), code("370202")]));
        assert!(!of("370202").covers_any([code("370203")]));
        assert!(!of("370202").covers_any([]));
        assert!(of("370000").covers_any([]));
        assert!(of("370000").covers_any([code("110101")]));
    }

    #[test]
    fn a_grant_is_covered_only_with_all_of_its_divisions() {
        assert!(of("370200").covers_grant(&[code("370202"), code("370203")]));
        assert!(!of("370202").covers_grant(&[code("370202"), code("370203")]));
        assert!(!of("370200").covers_grant(&[]), "no division: the whole province");
        assert!(of("370000").covers_grant(&[]));
    }
}
