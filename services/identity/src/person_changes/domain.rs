//! What a person may change about themselves, and what a change is.

use lutong_kernel::country::Country;
use lutong_kernel::document::Document;
use lutong_kernel::phone::Mobile;
use lutong_kernel::{DivisionCode, Fault, Secret, Violation};

use crate::fault;
use crate::people::domain::item::Item;
use crate::people::domain::{Person, check_home};

/// An item with its texts before and after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemChange {
    pub item: Item,
    pub old: Secret<String>,
    pub new: Secret<String>,
}

/// The items that differ.
pub fn differences(before: &Person, after: &Person) -> Vec<ItemChange> {
    let mut changes = Vec::new();
    for item in Item::ALL {
        let (old, new) = (before.text_of(*item), after.text_of(*item));
        if old != new {
            changes.push(ItemChange {
                item: *item,
                old,
                new,
            });
        }
    }
    changes
}

/// The new values of an update as stated, unchecked.
#[derive(Clone, Copy, Debug)]
pub struct StatedUpdate<'a> {
    pub mobile: &'a str,
    pub nationality: &'a str,
    pub home: Option<(&'a str, &'a str)>,
}

/// The new values of the items that change.
#[derive(Clone, Debug, Default)]
pub struct PersonUpdate {
    pub mobile: Option<Mobile>,
    nationality: Option<Country>,
    home: Option<(DivisionCode, String)>,
}

impl StatedUpdate<'_> {
    /// The values of the fields that the mask names, or everything that is wrong with mask and values.
    pub fn check(self, mask: &[String]) -> Result<PersonUpdate, Fault> {
        let mut update = PersonUpdate::default();
        let mut wrong = Vec::new();
        let person = |violation: Violation| violation.within("person");
        for (index, path) in mask.iter().enumerate() {
            let checked = match path.as_str() {
                "mobile" => Mobile::parse(self.mobile)
                    .map(|mobile| update.mobile = Some(mobile))
                    .map_err(|error| person(fault::mobile(&error))),
                "nationality" => Country::parse(self.nationality)
                    .map(|country| update.nationality = Some(country))
                    .map_err(|error| person(fault::nationality_unknown(&error))),
                "home_address" => check_home(self.home)
                    .map(|home| update.home = Some(home))
                    .map_err(person),
                path => Err(refused_path(index, path)),
            };
            wrong.extend(checked.err());
        }
        if mask.is_empty() {
            wrong.push(fault::person_changes::mask_missing());
        }
        if wrong.is_empty() {
            Ok(update)
        } else {
            Err(Fault::invalid(wrong))
        }
    }
}

/// Why a mask may not name a field: it is changed elsewhere, by the server, or is none. What cannot be a field is not repeated.
fn refused_path(index: usize, path: &str) -> Violation {
    match path.split('.').next().unwrap_or_default() {
        "full_name" | "document" => fault::person_changes::mask_path_replaced(index),
        "name" | "subject_id" | "account_links" | "etag" => fault::person_changes::mask_path_fixed(index),
        _ => fault::person_changes::mask_path_unknown(index),
    }
}

impl PersonUpdate {
    /// The person after the update.
    pub fn apply(&self, person: &Person) -> Person {
        let mut after = person.clone();
        if let Some(mobile) = &self.mobile {
            after.mobile = mobile.clone();
        }
        if let Some(nationality) = self.nationality {
            after.nationality = nationality;
        }
        if let Some((division, detail)) = &self.home {
            after.home_division = *division;
            after.home_detail = Secret::new(detail.clone());
        }
        after
    }
}

/// Refuses a document that cannot take the place of the registered one. Equal numbers of one kind, and a resident ID, are one person's; who
/// shows a passport after a permit is seen at a counter.
pub fn check_replacement(old: &Document, new: &Document) -> Result<(), Violation> {
    if new.kind().may_replace(old.kind()) {
        Ok(())
    } else {
        Err(fault::person_changes::document_kind_differs())
    }
}
