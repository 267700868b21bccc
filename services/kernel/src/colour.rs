//! The colours of a pass code.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// The colour of a pass code, ordered by severity: the maximum of several colours is the one in force.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
#[strum(parse_err_ty = UnknownColour, parse_err_fn = unknown_colour)]
pub enum Colour {
    Green,
    Yellow,
    Red,
}

/// A text that is not the lower-case English name of a colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a colour is one of green, yellow, red")]
pub struct UnknownColour;

const fn unknown_colour(_: &str) -> UnknownColour {
    UnknownColour
}

impl Colour {
    /// All colours, the least severe first.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The code of GB/T 38962, whose two digits 00, 01 and 10 are read as a decimal number.
    pub const fn wire_code(self) -> u8 {
        match self {
            Self::Green => 0,
            Self::Yellow => 1,
            Self::Red => 10,
        }
    }

    /// The colour with this code of GB/T 38962, or `None` for any other number.
    pub const fn from_wire_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Green),
            1 => Some(Self::Yellow),
            10 => Some(Self::Red),
            _ => None,
        }
    }

    /// The lower-case English name.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// The Chinese name shown beside the colour, for readers who cannot tell colours apart.
    pub const fn word_zh(self) -> &'static str {
        match self {
            Self::Green => "绿码",
            Self::Yellow => "黄码",
            Self::Red => "红码",
        }
    }

    /// The risk level that the province prints with the colour.
    pub const fn risk_zh(self) -> &'static str {
        match self {
            Self::Green => "低风险",
            Self::Yellow => "中风险",
            Self::Red => "高风险",
        }
    }

    /// The English name of the shape drawn in the colour.
    pub const fn shape(self) -> &'static str {
        match self {
            Self::Green => "circle",
            Self::Yellow => "triangle",
            Self::Red => "octagon",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn red_is_more_severe_than_yellow_and_yellow_than_green() {
        assert_eq!(Colour::ALL, [Colour::Green, Colour::Yellow, Colour::Red]);
        assert!(Colour::ALL.is_sorted());
    }

    #[test]
    fn the_wire_codes_are_those_of_gb_t_38962_and_no_other_number_is_a_colour() {
        let codes = [(0, Colour::Green), (1, Colour::Yellow), (10, Colour::Red)];
        for code in 0..=u8::MAX {
            let expected = codes.iter().find(|(one, _)| *one == code);
            assert_eq!(
                Colour::from_wire_code(code),
                expected.map(|(_, colour)| *colour),
                "{code}"
            );
        }
        for (code, colour) in codes {
            assert_eq!(colour.wire_code(), code);
        }
    }

    #[test]
    fn a_colour_has_one_name_in_text_display_and_json() {
        for (colour, name) in Colour::ALL.iter().zip(["green", "yellow", "red"]) {
            assert_eq!(colour.as_str(), name);
            assert_eq!(colour.to_string(), name);
            assert_eq!(name.parse(), Ok(*colour));
            assert_eq!(serde_json::to_value(colour).unwrap(), name);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_names_that_exist() {
        for bad in ["", "Green", "RED", "amber", " red"] {
            assert_eq!(bad.parse::<Colour>(), Err(UnknownColour), "{bad:?}");
        }
        let names = Colour::ALL
            .iter()
            .map(Colour::into_str)
            .collect::<Vec<_>>()
            .join(", ");
        assert_eq!(UnknownColour.to_string(), format!("a colour is one of {names}"));
    }

    #[test]
    fn colour_is_never_the_only_signal() {
        let shown = |colour: &Colour| [colour.shape(), colour.word_zh(), colour.risk_zh()];
        let shown: Vec<_> = Colour::ALL.iter().map(shown).collect();
        assert_eq!(
            shown,
            [
                ["circle", "绿码", "低风险"],
                ["triangle", "黄码", "中风险"],
                ["octagon", "红码", "高风险"],
            ]
        );
    }
}
