//! Failures that are known, each with an owner and an end: they do not fail a run, and one that passes does, so that the list stays true.

use std::collections::BTreeMap;

use lutong_kernel::{LocalDay, Timestamp};
use serde::Deserialize;

use crate::cases::Case;
use crate::wrong::WrongFile;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    case: String,
    comment: String,
    owner: String,
    until: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    failure: Vec<Entry>,
}

/// A failure that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedFailure {
    pub comment: String,
    pub owner: String,
    /// Its last day.
    pub until: LocalDay,
}

impl ExpectedFailure {
    /// Whether its last day is over.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.until.end() <= now
    }
}

/// Known failures, by the id of their case.
#[derive(Debug, Clone, Default)]
pub struct Expected(pub BTreeMap<&'static str, ExpectedFailure>);

impl Expected {
    pub fn parse(text: &str) -> Result<Self, WrongFile> {
        let file: File = toml::from_str(text).map_err(|error| WrongFile::of_shape(&error))?;
        let mut wrong = WrongFile::default();
        let mut known = BTreeMap::new();
        for (place, entry) in file.failure.into_iter().enumerate() {
            let field = |name: &str| format!("failure[{place}].{name}");
            let case = Case::of_id(&entry.case).map(|case| case.about().id);
            match case {
                None => wrong.note(field("case"), format!("there is no case {:?}", entry.case)),
                Some(id) if known.contains_key(id) => {
                    wrong.note(field("case"), format!("{id} is there twice"));
                }
                Some(_) => {}
            }
            for (name, text) in [("comment", &entry.comment), ("owner", &entry.owner)] {
                if text.trim().is_empty() {
                    wrong.note(field(name), "is empty");
                }
            }
            let until = LocalDay::parse(&entry.until);
            if until.is_err() {
                wrong.note(
                    field("until"),
                    format!("is a day, YYYY-MM-DD, and not {:?}", entry.until),
                );
            }
            if let (Some(id), Ok(until)) = (case, until) {
                known.insert(
                    id,
                    ExpectedFailure {
                        comment: entry.comment,
                        owner: entry.owner,
                        until,
                    },
                );
            }
        }
        wrong.unless(Self(known))
    }

    /// The known failure of a case; after its last day there is none.
    pub fn of(&self, case: &str, now: Timestamp) -> Option<&ExpectedFailure> {
        self.0.get(case).filter(|known| !known.has_ended(now))
    }
}
