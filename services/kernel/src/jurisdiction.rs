//! Where staff may act. This is the one place that compares a jurisdiction with a place: what it refuses is refused by
//! every service alike.

use crate::DivisionCode;

/// The part of Shandong that an account acts for. An account without one acts nowhere: see `Principal::jurisdiction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jurisdiction {
    /// All of Shandong, and people of whom nobody knows where they live. A grant of its own.
    Province,
    /// One city, county or street.
    Division(DivisionCode),
}

impl Jurisdiction {
    /// The jurisdiction that an account's division gives. The province's own code is the province-wide grant.
    pub fn of_division(division: DivisionCode) -> Self {
        if division == DivisionCode::SHANDONG {
            Self::Province
        } else {
            Self::Division(division)
        }
    }

    /// The division that proposals made under this jurisdiction belong to.
    pub const fn division(self) -> DivisionCode {
        match self {
            Self::Province => DivisionCode::SHANDONG,
            Self::Division(division) => division,
        }
    }

    pub const fn is_province_wide(self) -> bool {
        matches!(self, Self::Province)
    }

    /// Whether a place lies inside. No place of another province lies inside any jurisdiction.
    pub const fn covers(self, place: DivisionCode) -> bool {
        DivisionCode::SHANDONG.contains(place) && self.division().contains(place)
    }

    /// Whether at least one of somebody's places lies inside. A person of whom no place is known is the province's.
    pub fn covers_any(self, places: impl IntoIterator<Item = DivisionCode>) -> bool {
        self.is_province_wide() || places.into_iter().any(|place| self.covers(place))
    }

    /// Whether a grant of these divisions lies wholly inside. A grant without divisions is the whole province's.
    pub fn covers_grant(self, divisions: &[DivisionCode]) -> bool {
        let is_inside = !divisions.is_empty() && divisions.iter().all(|division| self.covers(*division));
        self.is_province_wide() || is_inside
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
    fn a_person_is_covered_by_one_place_and_one_without_any_by_the_province_alone() {
        assert!(of("370202").covers_any([code("110101"), code("370202")]));
        assert!(!of("370202").covers_any([code("370203")]));
        assert!(!of("370202").covers_any([]));
        assert!(of("370000").covers_any([]));
        assert!(of("370000").covers_any([code("110101")]));
    }

    #[test]
    fn a_grant_is_covered_whole_or_not_at_all() {
        assert!(of("370200").covers_grant(&[code("370202"), code("370203")]));
        assert!(!of("370202").covers_grant(&[code("370202"), code("370203")]));
        assert!(!of("370200").covers_grant(&[]), "no division: the whole province");
        assert!(of("370000").covers_grant(&[]));
    }
}
