//! How the values of a partner's interface are read. Pure.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use lutong_kernel::Colour;
use serde::Deserialize;

/// The maps of this build.
const MAPS: &str = include_str!("../../data/colour-maps.toml");
/// How our own colours are read.
pub const OWN_INTERFACE: &str = "lutong-1";

/// What came of asking a partner about a code: a colour, or why there is none. The names are those of the contract. All stay apart up to the
/// door: whoever has no code waits for something else than whoever cannot be asked about.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum RecognitionOutcome {
    Green,
    Yellow,
    Red,
    NoCode,
    NotFound,
    NameMismatch,
    UnderReview,
    Throttled,
    Unreachable,
    UnknownValue,
}

impl RecognitionOutcome {
    /// Whether it is a colour.
    pub const fn is_colour(self) -> bool {
        matches!(self, Self::Green | Self::Yellow | Self::Red)
    }
}

impl From<Colour> for RecognitionOutcome {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Green => Self::Green,
            Colour::Yellow => Self::Yellow,
            Colour::Red => Self::Red,
        }
    }
}

/// A map that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("colour maps: {0}")]
pub struct ColourMapError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    map: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    interface: String,
    source: String,
    colours: BTreeMap<String, RecognitionOutcome>,
    #[serde(default)]
    answers: BTreeMap<String, RecognitionOutcome>,
}

/// The map of one version of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColourMap {
    pub interface: String,
    pub source: String,
    pub colours: BTreeMap<String, RecognitionOutcome>,
    /// Return codes instead of a colour.
    pub answers: BTreeMap<String, RecognitionOutcome>,
}

impl ColourMap {
    /// What a return code means that came instead of a colour. It is never one, whatever the colour field would mean by it.
    pub fn read_answer(&self, code: &str) -> RecognitionOutcome {
        let found = self.answers.get(code).copied();
        found.unwrap_or(RecognitionOutcome::UnknownValue)
    }

    /// What a value of the colour field means. Every text means something; what nobody has written down is UNKNOWN_VALUE.
    pub fn read(&self, value: &str) -> RecognitionOutcome {
        let found = self.colours.get(value).or_else(|| self.answers.get(value));
        found.copied().unwrap_or(RecognitionOutcome::UnknownValue)
    }
}

/// All maps, by interface.
#[derive(Debug, Clone)]
pub struct ColourMaps(BTreeMap<String, ColourMap>);

impl ColourMaps {
    /// The maps of this build.
    pub fn of_build() -> Result<Self, ColourMapError> {
        Self::parse(MAPS)
    }

    fn parse(text: &str) -> Result<Self, ColourMapError> {
        let file: File = toml::from_str(text).map_err(|error| ColourMapError(error.to_string()))?;
        let mut maps = BTreeMap::new();
        for entry in file.map {
            let Entry {
                interface,
                source,
                colours,
                answers,
            } = entry;
            let wrong = |reason: &str| ColourMapError(format!("{interface}: {reason}"));
            if let Some((value, _)) = answers.iter().find(|(_, outcome)| outcome.is_colour()) {
                return Err(wrong(&format!("the answer {value:?} is no colour")));
            }
            if let Some(value) = answers.keys().find(|value| colours.contains_key(*value)) {
                return Err(wrong(&format!("{value:?} is a colour and an answer")));
            }
            if colours
                .keys()
                .chain(answers.keys())
                .any(|value| value.trim().is_empty())
            {
                return Err(wrong("an empty value means nothing"));
            }
            if maps.contains_key(&interface) {
                return Err(wrong("is there twice"));
            }
            let map = ColourMap {
                interface: interface.clone(),
                source,
                colours,
                answers,
            };
            maps.insert(interface, map);
        }
        Ok(Self(maps))
    }

    pub fn get(&self, interface: &str) -> Option<&ColourMap> {
        self.0.get(interface)
    }

    /// In the order of the interfaces.
    pub fn iter(&self) -> impl Iterator<Item = &ColourMap> {
        self.0.values()
    }
}
