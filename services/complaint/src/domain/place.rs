//! Places where codes are looked at, and the register of those that are known by name.

use lutong_kernel::text::{FreeText, TextRule};
use lutong_kernel::{DivisionCode, PlaceId, Timestamp, Violation};
use unicode_normalization::UnicodeNormalization as _;

use crate::fault::places as fault;

/// Characters of what a place is called.
pub const MAX_NAME: usize = 100;
/// Names of one place, what it is called first included.
pub const MAX_NAMES: usize = 20;
/// What ends the name of a place where a street follows.
const AFTER_NAME: [char; 12] = ['，', ',', '、', '；', ';', '（', '(', '【', '[', '/', '|', '—'];

/// A kind of place, stored in snake case.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum PlaceKind {
    Community,
    Restaurant,
    Mall,
    Hospital,
    Hotel,
    Transport,
    CultureAndTourism,
    OfficeBuilding,
}

/// What a place is called: as it is written, and as names are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceName {
    pub spelling: String,
    pub normal: String,
}

impl PlaceName {
    /// Reads a name of at most [`MAX_NAME`] characters with at least one letter or figure.
    pub fn parse(text: &str, field: &str) -> Result<Self, Violation> {
        let text = FreeText::parse(text, TextRule::line(MAX_NAME));
        let spelling = text.map_err(|error| error.violation(field))?.into_string();
        let normal = normal(&spelling);
        if normal.is_empty() {
            return Err(fault::name_without_letters(field));
        }
        Ok(Self { spelling, normal })
    }
}

/// How names are compared: without regard to width, case, blanks and punctuation. What has neither letters nor figures is empty.
pub fn normal(text: &str) -> String {
    let mut name = text.to_owned();
    loop {
        // Folding the case, and leaving out what stood between two characters, may bring forth what has to be composed again.
        let lower: String = name.nfkc().flat_map(char::to_lowercase).collect();
        let next: String = lower.nfkc().filter(|c| c.is_alphanumeric()).collect();
        if next == name {
            return next;
        }
        name = next;
    }
}

/// What a complaint may call a place, as names are compared: all that is stated, and what stands before a street.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedName {
    pub whole: String,
    pub head: String,
}

impl StatedName {
    pub fn of(stated: &str) -> Self {
        let head = stated.split(AFTER_NAME).next().unwrap_or(stated);
        Self {
            whole: normal(stated),
            head: normal(head),
        }
    }
}

/// An entry of the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub id: PlaceId,
    pub division: DivisionCode,
    pub kind: PlaceKind,
    pub name: PlaceName,
    /// In the order of how names are compared.
    pub aliases: Vec<PlaceName>,
    pub merged_into: Option<PlaceId>,
    pub created_by: String,
    pub created_at: Timestamp,
    pub version: i64,
}

/// Why an entry does not become one with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeRefusal {
    /// An entry is one with another.
    Merged(PlaceId),
    /// The same entry, or not of one division and kind.
    Unlike,
    /// Together they have too many names.
    TooManyNames,
}

impl Place {
    /// Whether it may become one with another entry.
    pub fn check_merge(&self, into: &Self) -> Result<(), MergeRefusal> {
        if let Some(other) = self.merged_into.or(into.merged_into) {
            return Err(MergeRefusal::Merged(other));
        }
        if self.id == into.id || self.division != into.division || self.kind != into.kind {
            return Err(MergeRefusal::Unlike);
        }
        if self.aliases.len() + into.aliases.len() + 2 > MAX_NAMES {
            return Err(MergeRefusal::TooManyNames);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_compared_without_regard_to_how_they_are_written() {
        for (one, other) in [
            ("海景酒店", " 海 景　酒店 "),
            ("海景酒店（香港中路店）", "海景酒店(香港中路店)"),
            ("KFC 五四广场店", "ｋｆｃ五四广场店"),
            ("“海景”酒店", "海景酒店"),
            ("7天酒店", "７天酒店"),
        ] {
            assert_eq!(normal(one), normal(other), "{one}");
        }
        assert_ne!(normal("海景酒店"), normal("海景大酒店"));
    }

    #[test]
    fn a_stated_place_is_all_of_it_or_what_stands_before_the_street() {
        let stated = StatedName::of("海景酒店，香港中路1号");
        assert_eq!(
            (stated.whole.as_str(), stated.head.as_str()),
            ("海景酒店香港中路1号", "海景酒店")
        );
        let stated = StatedName::of("（无名）");
        assert_eq!((stated.whole.as_str(), stated.head.as_str()), ("无名", ""));
    }

    #[test]
    fn a_name_has_a_letter_or_a_figure() {
        for text in ["！！", "——", "。 。"] {
            let wrong = PlaceName::parse(text, "display_name").unwrap_err();
            assert_eq!(wrong.reason, "NAME_WITHOUT_LETTERS", "{text}");
        }
        assert_eq!(PlaceName::parse("", "x").unwrap_err().reason, "MISSING");
    }

    #[test]
    fn marks_that_come_together_are_composed() {
        let name = normal("\u{1138b} \u{113c5}");
        assert_eq!(normal(&name), name);
    }

    proptest! {
        /// What is compared is compared with itself.
        #[test]
        fn a_normal_name_is_its_own(text in "\\PC{0,40}") {
            let once = normal(&text);
            prop_assert_eq!(normal(&once), once);
        }

        #[test]
        fn blanks_and_punctuation_change_no_name(text in "[a-zA-Z0-9一-龥]{1,20}", at in 0..20_usize, put in "[ ,.，。（）·-]") {
            let at = text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
            let mut other = text.clone();
            other.insert_str(at, &put);
            prop_assert_eq!(normal(&other), normal(&text));
        }
    }
}
