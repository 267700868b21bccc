//! The three colours, their wire codes and their words.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A code's colour. The order is the order of severity: the worst wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    Green,
    Yellow,
    Red,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a colour is one of green, yellow, red")]
pub struct ColourError;

impl Colour {
    pub const ALL: [Self; 3] = [Self::Green, Self::Yellow, Self::Red];

    /// GB/T 38962 on the wire, as a number: 00, 01, 10.
    pub const fn wire_code(self) -> u8 {
        match self {
            Self::Green => 0,
            Self::Yellow => 1,
            Self::Red => 10,
        }
    }

    pub const fn from_wire_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Green),
            1 => Some(Self::Yellow),
            10 => Some(Self::Red),
            _ => None,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }

    /// The word shown beside the colour, so that nobody depends on seeing it.
    pub const fn word_zh(self) -> &'static str {
        match self {
            Self::Green => "绿码",
            Self::Yellow => "黄码",
            Self::Red => "红码",
        }
    }

    /// The risk word of the province's own label.
    pub const fn risk_zh(self) -> &'static str {
        match self {
            Self::Green => "低风险",
            Self::Yellow => "中风险",
            Self::Red => "高风险",
        }
    }

    /// The shape shown with the colour: a circle, a triangle, an octagon.
    pub const fn shape(self) -> &'static str {
        match self {
            Self::Green => "circle",
            Self::Yellow => "triangle",
            Self::Red => "octagon",
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Colour {
    type Err = ColourError;

    fn from_str(text: &str) -> Result<Self, ColourError> {
        Self::ALL
            .into_iter()
            .find(|colour| colour.as_str() == text)
            .ok_or(ColourError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_colour_wins_by_order() {
        assert!(Colour::Red > Colour::Yellow && Colour::Yellow > Colour::Green);
    }

    #[test]
    fn wire_codes_read_back_and_unknown_ones_do_not() {
        for colour in Colour::ALL {
            assert_eq!(Colour::from_wire_code(colour.wire_code()), Some(colour));
        }
        assert_eq!(Colour::from_wire_code(2), None);
    }
}
