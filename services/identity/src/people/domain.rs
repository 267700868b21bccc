//! The items of an application that identify a person (items one to six of the form). The contract has refused missing and too long
//! fields before; the values are checked together, so that one answer names every wrong field.

pub mod item;

use lutong_kernel::country::Country;
use lutong_kernel::document::{Document, DocumentType, Normalisation};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::name::PersonName;
use lutong_kernel::phone::Mobile;
use lutong_kernel::{DivisionCode, Fault, FreeText, LocalDay, Secret, TextError, TextRule, Violation};

use crate::fault;

/// Characters of a home address beyond its division.
const MAX_ADDRESS: usize = 200;

/// A document as stated by a person or a feed, unchecked.
#[derive(Debug, Clone, Copy)]
pub struct StatedDocument<'a> {
    pub kind: Option<DocumentType>,
    pub number: &'a str,
    pub issuing_country: &'a str,
}

/// The items as stated, unchecked.
#[derive(Debug, Clone, Copy)]
pub struct StatedPerson<'a> {
    pub full_name: &'a str,
    pub document: Option<StatedDocument<'a>>,
    pub mobile: &'a str,
    pub nationality: &'a str,
    pub home: Option<(&'a str, &'a str)>,
}

/// The items, checked and in normal form.
#[derive(Debug, Clone)]
pub struct Person {
    pub name: PersonName,
    pub document: Document,
    pub mobile: Mobile,
    pub nationality: Country,
    pub home_division: DivisionCode,
    pub home_detail: Secret<String>,
}

impl StatedDocument<'_> {
    /// The document in normal form and how its number was normalised. Fields of a violation are relative to the document.
    pub fn check(self, today: LocalDay) -> Result<(Document, Vec<Normalisation>), Violation> {
        let kind = self.kind.ok_or_else(fault::document_type_unknown)?;
        let country = match self.issuing_country {
            "" => None,
            text => Some(Country::parse(text).map_err(|error| fault::issuing_country_unknown(&error))?),
        };
        Document::try_new(kind, self.number, country, today).map_err(|error| fault::document(&error))
    }
}

impl StatedPerson<'_> {
    /// All items in normal form, or every wrong field. Fields of a violation are relative to the person.
    pub fn check(self, today: LocalDay) -> Result<(Person, Vec<Normalisation>), Fault> {
        let document = match self.document {
            Some(document) => document.check(today).map_err(|wrong| wrong.within("document")),
            None => Err(fault::document_missing()),
        };
        let checked = (
            PersonName::parse(self.full_name).map_err(|error| fault::full_name(&error)),
            document,
            Mobile::parse(self.mobile).map_err(|error| fault::mobile(&error)),
            Country::parse(self.nationality).map_err(|error| fault::nationality_unknown(&error)),
            check_home(self.home),
        );
        let (name, (document, notes), mobile, nationality, (home_division, detail)) = checked.all_valid()?;
        let person = Person {
            name,
            document,
            mobile,
            nationality,
            home_division,
            home_detail: Secret::new(detail),
        };
        Ok((person, notes))
    }
}

/// The division and the detail of a home as stated. Fields of a violation are relative to the person.
pub fn check_home(home: Option<(&str, &str)>) -> Result<(DivisionCode, String), Violation> {
    let (division, detail) = home.ok_or_else(fault::home_address_missing)?;
    let division = DivisionCode::parse(division).map_err(|error| fault::home_division_shape(&error))?;
    let detail = FreeText::parse(detail, TextRule::line(MAX_ADDRESS)).map_err(|error| match error {
        TextError::Empty => fault::home_detail_missing(),
        TextError::TooLong(_) => fault::home_detail_shape(),
        other => other.violation("home_address.detail"),
    })?;
    Ok((division, detail.into_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated() -> StatedPerson<'static> {
        StatedPerson {
            full_name: "王小明",
            document: Some(StatedDocument {
                kind: Some(DocumentType::ResidentId),
                number: "11010519491231002X",
                issuing_country: "",
            }),
            mobile: "13800138000",
            nationality: "CHN",
            home: Some(("370202", "香港中路1号")),
        }
    }

    fn today() -> LocalDay {
        LocalDay::parse("2022-11-26").unwrap()
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let bad = StatedPerson {
            full_name: "",
            document: Some(StatedDocument {
                kind: Some(DocumentType::ResidentId),
                number: "110105194912310021",
                issuing_country: "",
            }),
            mobile: "1",
            nationality: "XXX",
            home: Some(("37", "x")),
        };
        let fault = bad.check(today()).unwrap_err();
        let fields: Vec<_> = fault.violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "full_name",
                "document.number",
                "mobile",
                "nationality",
                "home_address.division"
            ]
        );
    }

    #[test]
    fn a_full_width_number_is_normalised_and_said_to_be() {
        let mut person = stated();
        person.document = Some(StatedDocument {
            kind: Some(DocumentType::ResidentId),
            number: "１１０１０５１９４９１２３１００２ｘ",
            issuing_country: "",
        });
        let (person, notes) = person.check(today()).unwrap();
        assert_eq!(person.document.number(), "11010519491231002X");
        assert_eq!(notes, [Normalisation::HalfWidth, Normalisation::UpperCase]);
    }

    #[test]
    fn a_missing_document_or_address_is_named() {
        let bad = StatedPerson {
            document: None,
            home: None,
            ..stated()
        };
        let fields: Vec<_> = bad
            .check(today())
            .unwrap_err()
            .violations
            .into_iter()
            .map(|v| v.field)
            .collect();
        assert_eq!(fields, ["document", "home_address"]);
    }
}
