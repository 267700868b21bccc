//! Item seven of an application: contact history of today and the 14 local days before it.

use lutong_kernel::country::Country;
use lutong_kernel::fault::Violations;
use lutong_kernel::{ApplicationId, DivisionCode, Fault, FreeText, LocalDay, TextError, TextRule, Violation};
use serde_json::{Map, Value, json};

use super::statement::{SELF, Statement, key};
use crate::fault;

/// Days before today.
const DAYS_BACK: i32 = 14;
/// Entries at most.
const MAX_ENTRIES: usize = 100;
/// Characters of a community.
const MAX_COMMUNITY: usize = 200;

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactKind {
    AreaStay,
    KnownCaseContact,
    Abroad,
}

/// An entry as stated, unchecked.
#[derive(Debug, Clone, Copy)]
pub struct StatedEntry<'a> {
    pub date: &'a str,
    pub kind: Option<ContactKind>,
    pub division: &'a str,
    pub community: &'a str,
    pub country: &'a str,
}

/// A checked entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    day: LocalDay,
    kind: ContactKind,
    division: Option<DivisionCode>,
    community: Option<String>,
}

/// The checked contact history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactHistory(Vec<Entry>);

impl ContactHistory {
    /// Checks every entry, or returns every wrong field: `contact_history[2].contact_date`.
    pub fn check(stated: &[StatedEntry<'_>], today: LocalDay) -> Result<Self, Fault> {
        let mut wrong = Violations::new();
        if stated.len() > MAX_ENTRIES {
            wrong.push(fault::too_many_entries());
        }
        let mut entries = Vec::with_capacity(stated.len().min(MAX_ENTRIES));
        for (row, entry) in stated.iter().take(MAX_ENTRIES).enumerate() {
            let mut own = Violations::new();
            let checked = entry.check(today, &mut own);
            if let Err(fault) = own.finish() {
                let outer = format!("contact_history[{row}]");
                fault
                    .violations
                    .into_iter()
                    .for_each(|one| wrong.push(one.within(&outer)));
            }
            entries.extend(checked);
        }
        wrong.finish()?;
        Ok(Self(entries))
    }

    /// The statements of the entries that become facts.
    pub fn statements(&self, declaration: ApplicationId) -> Vec<Statement> {
        let facts = self.0.iter().enumerate().filter_map(|(row, entry)| {
            let (kind, attributes) = entry.fact()?;
            Some(Statement {
                source: SELF.to_owned(),
                key: key(declaration, row),
                kind: kind.to_owned(),
                attributes,
                replaces: None,
                retracts: None,
            })
        });
        facts.collect()
    }

    /// Days abroad, without duplicates, for the officer of the district.
    pub fn abroad_days(&self) -> Vec<LocalDay> {
        let abroad = self.0.iter().filter(|entry| entry.kind == ContactKind::Abroad);
        let mut days: Vec<_> = abroad.map(|entry| entry.day).collect();
        days.sort_unstable();
        days.dedup();
        days
    }
}

impl StatedEntry<'_> {
    fn check(&self, today: LocalDay, wrong: &mut Violations) -> Option<Entry> {
        let day = wrong.take(check_day(self.date, today));
        let kind = wrong.take(self.kind.ok_or_else(fault::contact_type_unknown));
        let division = wrong.take(self.check_division());
        let community = wrong.take(self.check_community());
        if let Err(violation) = self.check_country() {
            wrong.push(violation);
        }
        Some(Entry {
            day: day?,
            kind: kind?,
            division: division?,
            community: community?,
        })
    }

    fn check_division(&self) -> Result<Option<DivisionCode>, Violation> {
        if self.division.is_empty() {
            return match self.kind {
                Some(ContactKind::AreaStay) => Err(fault::stay_without_division()),
                _ => Ok(None),
            };
        }
        DivisionCode::parse(self.division)
            .map(Some)
            .map_err(|error| fault::division_shape(&error))
    }

    fn check_community(&self) -> Result<Option<String>, Violation> {
        match FreeText::parse_optional(self.community, TextRule::line(MAX_COMMUNITY)) {
            Ok(name) => Ok(name.map(FreeText::into_string)),
            Err(TextError::TooLong(_)) => Err(fault::community_shape()),
            Err(error) => Err(error.violation("community")),
        }
    }

    fn check_country(&self) -> Result<(), Violation> {
        match (self.kind, self.country) {
            (Some(ContactKind::Abroad), text) => match Country::parse(text) {
                Ok(country) if country != Country::CHINA => Ok(()),
                _ => Err(fault::country_not_abroad("country")),
            },
            (_, "") | (None, _) => Ok(()),
            _ => Err(fault::country_of_stay_at_home()),
        }
    }
}

fn check_day(text: &str, today: LocalDay) -> Result<LocalDay, Violation> {
    let day = LocalDay::parse(text).map_err(|error| fault::contact_date_shape(&error))?;
    if day > today || day < today.plus_days(-DAYS_BACK) {
        return Err(fault::contact_date_outside());
    }
    Ok(day)
}

impl Entry {
    fn fact(&self) -> Option<(&'static str, Map<String, Value>)> {
        let attributes = match self.kind {
            ContactKind::AreaStay => {
                let mut stay = json!({
                    "division": self.division?.to_string(),
                    "arrived_at": self.day.start().to_rfc3339(),
                    "left_at": self.day.end().to_rfc3339(),
                });
                if let Some(community) = &self.community {
                    stay["community"] = json!(community);
                }
                ("stay", stay)
            }
            ContactKind::KnownCaseContact => (
                "close_contact",
                json!({"last_contact_at": self.day.start().to_rfc3339()}),
            ),
            ContactKind::Abroad => return None,
        };
        match attributes {
            (kind, Value::Object(map)) => Some((kind, map)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> LocalDay {
        LocalDay::parse("2022-11-26").unwrap()
    }

    fn stay(day: &str) -> StatedEntry<'_> {
        StatedEntry {
            date: day,
            kind: Some(ContactKind::AreaStay),
            division: "370202",
            community: " 阳光小区 ",
            country: "",
        }
    }

    fn wrong(entry: StatedEntry<'_>) -> Vec<String> {
        let fault = ContactHistory::check(&[stay("2022-11-26"), entry], today()).unwrap_err();
        fault
            .violations
            .into_iter()
            .map(|one| format!("{} {}", one.field, one.reason))
            .collect()
    }

    #[test]
    fn today_and_the_fourteen_days_before_are_in_and_nothing_else() {
        for day in ["2022-11-26", "2022-11-12"] {
            assert!(ContactHistory::check(&[stay(day)], today()).is_ok(), "{day}");
        }
        for day in ["2022-11-27", "2022-11-11"] {
            assert_eq!(
                wrong(stay(day)),
                ["contact_history[1].contact_date DATE_OUTSIDE_14_DAYS"],
                "{day}"
            );
        }
        assert_eq!(
            wrong(stay("11/26")),
            ["contact_history[1].contact_date DATE_SHAPE"]
        );
    }

    #[test]
    fn a_stay_becomes_a_stay_of_that_local_day() {
        let declaration = ApplicationId::from_uuid(uuid::Uuid::nil());
        let history = ContactHistory::check(&[stay("2022-11-26")], today()).unwrap();
        let [statement] = &history.statements(declaration)[..] else {
            panic!("one statement")
        };
        assert_eq!(
            (statement.source.as_str(), statement.kind.as_str()),
            ("self", "stay")
        );
        assert_eq!(
            Value::Object(statement.attributes.clone()),
            json!({"division": "370202", "community": "阳光小区", "arrived_at": "2022-11-26T00:00:00+08:00", "left_at": "2022-11-27T00:00:00+08:00"})
        );
    }

    #[test]
    fn being_abroad_makes_no_fact_and_is_listed_for_the_officer() {
        let abroad = StatedEntry {
            kind: Some(ContactKind::Abroad),
            division: "",
            community: "",
            country: "HKG",
            ..stay("2022-11-20")
        };
        let history = ContactHistory::check(&[abroad, abroad], today()).unwrap();
        assert!(
            history
                .statements(ApplicationId::from_uuid(uuid::Uuid::nil()))
                .is_empty()
        );
        assert_eq!(history.abroad_days(), [LocalDay::parse("2022-11-20").unwrap()]);
        assert_eq!(
            wrong(StatedEntry {
                country: "CHN",
                ..abroad
            }),
            ["contact_history[1].country COUNTRY_NOT_ABROAD"]
        );
    }

    #[test]
    fn everything_wrong_in_an_entry_is_named() {
        let entry = StatedEntry {
            date: "x",
            division: "1",
            country: "DEU",
            ..stay("x")
        };
        assert_eq!(
            wrong(entry),
            [
                "contact_history[1].contact_date DATE_SHAPE",
                "contact_history[1].division DIVISION_SHAPE",
                "contact_history[1].country NOT_ABROAD",
            ]
        );
    }
}
