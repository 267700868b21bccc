//! One item of a person at a time, as the text under which it is encrypted.

use lutong_kernel::Secret;
use strum::VariantArray as _;

use super::Person;

/// An item of a person. The text form is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum Item {
    FullName,
    Document,
    Mobile,
    Nationality,
    Home,
}

/// An item, taken out of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemValue {
    FullName(Secret<String>),
    Document {
        /// The name of the document type in the code table.
        kind: String,
        /// Empty: none.
        issuing_country: String,
        number: Secret<String>,
    },
    /// E.164.
    Mobile(Secret<String>),
    Nationality(String),
    Home {
        division: String,
        detail: Secret<String>,
    },
}

impl Item {
    pub const ALL: &[Self] = Self::VARIANTS;
}

impl Person {
    /// The text of an item: equal texts are equal items.
    pub fn text_of(&self, item: Item) -> Secret<String> {
        Secret::new(match item {
            Item::FullName => self.name.expose().to_owned(),
            Item::Document => {
                let country = self.document.issuing_country().map(|country| country.to_string());
                format!(
                    "{}\n{}\n{}",
                    self.document.kind().into_str(),
                    country.unwrap_or_default(),
                    self.document.number()
                )
            }
            Item::Mobile => self.mobile.expose().to_owned(),
            Item::Nationality => self.nationality.as_str().to_owned(),
            Item::Home => format!("{}\n{}", self.home_division, self.home_detail.expose()),
        })
    }
}

impl Item {
    /// Reads a text that [`Person::text_of`] has written; `None` for any other.
    pub fn value_of(self, text: &str) -> Option<ItemValue> {
        let secret = |text: &str| Secret::new(text.to_owned());
        Some(match self {
            Self::FullName => ItemValue::FullName(secret(text)),
            Self::Document => {
                let [kind, country, number] = text.splitn(3, '\n').collect::<Vec<_>>()[..] else {
                    return None;
                };
                ItemValue::Document {
                    kind: kind.to_owned(),
                    issuing_country: country.to_owned(),
                    number: secret(number),
                }
            }
            Self::Mobile => ItemValue::Mobile(secret(text)),
            Self::Nationality => ItemValue::Nationality(text.to_owned()),
            Self::Home => {
                let (division, detail) = text.split_once('\n')?;
                ItemValue::Home {
                    division: division.to_owned(),
                    detail: secret(detail),
                }
            }
        })
    }
}
