//! What a code system says of itself, in TOML: only what it declares is tested, and what everybody must keep.

use std::collections::BTreeSet;

use lutong_https::OutsideUrl;
use lutong_kernel::{PartnerCode, Timestamp};
use lutong_proto::federation::v1::RecognitionOutcome;
use lutong_proto::types::v1::{Document, DocumentType};
use lutong_token::{Issuer, TrustedKey, VerifyingKey, VerifyingKeys};
use serde::Deserialize;

use crate::exchange::Exchange;
use crate::wrong::WrongFile;

/// Requests a minute, unless the system declares another number.
const REQUESTS_PER_MINUTE: u32 = 600;
/// Characters of a name; of a token; of a number.
const MAX_NAME: usize = 100;
const MAX_TOKEN: usize = 1_024;
const MAX_NUMBER: usize = 32;

/// How a system recognises codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    SharedData,
    Conversion,
    NationalCode,
}

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Purpose {
    Codes,
    Messages,
    Batches,
}

/// What a test person consents to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum Consent {
    Records,
    Code,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    province: String,
    name: String,
    address: String,
    #[serde(default)]
    exchanges: BTreeSet<Exchange>,
    #[serde(default)]
    modes: BTreeSet<Mode>,
    #[serde(default = "requests_per_minute")]
    requests_per_minute: u32,
    #[serde(default)]
    key: Vec<Key>,
    #[serde(default)]
    code: Vec<Code>,
    #[serde(default)]
    person: Vec<Person>,
}

const fn requests_per_minute() -> u32 {
    REQUESTS_PER_MINUTE
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    public_key: String,
    purposes: BTreeSet<Purpose>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    token: String,
    outcome: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    full_name: String,
    document: DocumentOf,
    #[serde(default)]
    consents: BTreeSet<Consent>,
    outcome: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentOf {
    #[serde(rename = "type")]
    kind: String,
    number: String,
    #[serde(default)]
    issuing_country: String,
}

/// A code that the system gives for the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCode {
    pub token: String,
    pub outcome: RecognitionOutcome,
}

/// A person whom nobody is, and whom the system registered for the test.
#[derive(Debug, Clone, PartialEq)]
pub struct TestPerson {
    pub full_name: String,
    pub document: Document,
    pub consents: BTreeSet<Consent>,
    pub outcome: RecognitionOutcome,
}

/// What a system declares.
#[derive(Debug, Clone)]
pub struct Declaration {
    pub province: PartnerCode,
    pub name: String,
    /// Where it says that it is called.
    pub address: String,
    exchanges: BTreeSet<Exchange>,
    pub modes: BTreeSet<Mode>,
    pub requests_per_minute: u32,
    pub message_keys: VerifyingKeys,
    pub batch_keys: VerifyingKeys,
    pub code_keys: VerifyingKeys,
    has_code_key: bool,
    /// PEM of the first key for messages, and of the first for batches.
    pub published: (String, Option<String>),
    pub codes: Vec<TestCode>,
    pub people: Vec<TestPerson>,
}

impl Declaration {
    pub fn parse(text: &str) -> Result<Self, WrongFile> {
        let file: File = toml::from_str(text).map_err(|error| WrongFile::of_shape(&error))?;
        let mut wrong = WrongFile::default();
        let province = PartnerCode::parse(&file.province);
        if province.is_none() {
            wrong.note("province", "is two digits of GB/T 2260");
        }
        if !is_line(&file.name, MAX_NAME) {
            wrong.note("name", "is a line of 1 to 100 characters");
        }
        if let Err(error) = OutsideUrl::parse(&file.address) {
            wrong.note("address", error.to_string());
        }
        if file.requests_per_minute == 0 {
            wrong.note("requests_per_minute", "is 1 or more");
        }
        let keys = read_keys(&file.key, province.as_ref(), &mut wrong);
        let codes = file.code.iter().enumerate();
        let codes = codes
            .filter_map(|(place, code)| read_code(place, code, &mut wrong))
            .collect();
        let people = file.person.into_iter().enumerate();
        let people = people
            .filter_map(|(place, person)| read_person(place, person, &mut wrong))
            .collect();
        let Some(province) = province else {
            return Err(wrong);
        };
        let Keys {
            messages: (message_keys, message_pem),
            batches: (batch_keys, batch_pem),
            codes: (code_keys, code_pem),
        } = keys;
        let Some(message_pem) = message_pem else {
            wrong.note("key", "none of them has the purpose MESSAGES");
            return Err(wrong);
        };
        if batch_pem.is_none() && file.exchanges.contains(&Exchange::PullChanges) {
            wrong.note(
                "key",
                "none of them has the purpose BATCHES, which PULL_CHANGES needs",
            );
        }
        wrong.unless(Self {
            province,
            name: file.name,
            address: file.address,
            exchanges: file.exchanges,
            modes: file.modes,
            requests_per_minute: file.requests_per_minute,
            message_keys,
            batch_keys,
            code_keys,
            has_code_key: code_pem.is_some(),
            published: (message_pem, batch_pem),
            codes,
            people,
        })
    }

    /// Whether an exchange is served: it is declared, everybody serves it, or a declared mode is nothing without it.
    pub fn serves(&self, exchange: Exchange) -> bool {
        self.exchanges.contains(&exchange)
            || match exchange {
                Exchange::VerifyHealthCode => true,
                Exchange::QueryHealthRecords => self.modes.contains(&Mode::SharedData),
                Exchange::MakeHealthCode | Exchange::CallHealthCode => self.modes.contains(&Mode::Conversion),
                _ => false,
            }
    }

    /// Whether a key for codes is declared.
    pub const fn has_code_key(&self) -> bool {
        self.has_code_key
    }

    /// The first test person who consents to all of these.
    pub fn person(&self, consents: &[Consent]) -> Option<&TestPerson> {
        let consents_to_all = |person: &&TestPerson| consents.iter().all(|one| person.consents.contains(one));
        self.people.iter().find(consents_to_all)
    }
}

/// Keys by purpose, each with the PEM of the first.
#[derive(Default)]
struct Keys {
    messages: (VerifyingKeys, Option<String>),
    batches: (VerifyingKeys, Option<String>),
    codes: (VerifyingKeys, Option<String>),
}

fn read_keys(keys: &[Key], province: Option<&PartnerCode>, wrong: &mut WrongFile) -> Keys {
    let issuers: Vec<Issuer> = province
        .and_then(|code| Issuer::parse(code.as_str()).ok())
        .into_iter()
        .collect();
    let mut read = Keys::default();
    for (place, key) in keys.iter().enumerate() {
        let field = format!("key[{place}].public_key");
        let parsed = match VerifyingKey::from_pem(key.public_key.trim()) {
            Ok(parsed) => parsed,
            Err(error) => {
                wrong.note(field, format!("is no PEM of a public key: {error}"));
                continue;
            }
        };
        if key.purposes.is_empty() {
            wrong.note(format!("key[{place}].purposes"), "has MESSAGES, CODES or BATCHES");
        }
        for purpose in &key.purposes {
            let (ring, first) = match purpose {
                Purpose::Codes => &mut read.codes,
                Purpose::Messages => &mut read.messages,
                Purpose::Batches => &mut read.batches,
            };
            first.get_or_insert_with(|| key.public_key.clone());
            let trusted = TrustedKey {
                key: parsed.clone(),
                issuers: issuers.clone(),
                not_before: Timestamp::MIN,
                not_after: None,
                revoked_at: None,
            };
            if let Err(error) = ring.insert(trusted) {
                wrong.note(&field, error.to_string());
            }
        }
    }
    read
}

fn read_code(place: usize, code: &Code, wrong: &mut WrongFile) -> Option<TestCode> {
    let outcome = read_outcome(format!("code[{place}].outcome"), &code.outcome, wrong);
    if code.token.is_empty() || code.token.len() > MAX_TOKEN {
        wrong.note(
            format!("code[{place}].token"),
            "is a code as it is scanned, of at most 1,024 bytes",
        );
    }
    Some(TestCode {
        token: code.token.clone(),
        outcome: outcome?,
    })
}

fn read_person(place: usize, person: Person, wrong: &mut WrongFile) -> Option<TestPerson> {
    let field = |name: &str| format!("person[{place}].{name}");
    if !is_line(&person.full_name, MAX_NAME) {
        wrong.note(field("full_name"), "is a line of 1 to 100 characters");
    }
    if !is_line(&person.document.number, MAX_NUMBER) {
        wrong.note(field("document.number"), "is a line of 1 to 32 characters");
    }
    let kind = DocumentType::from_str_name(&format!("DOCUMENT_TYPE_{}", person.document.kind));
    let kind = kind.filter(|kind| *kind != DocumentType::Unspecified);
    if kind.is_none() {
        let reason = format!(
            "{:?} is no type of document: RESIDENT_ID, PASSPORT_ORDINARY, …",
            person.document.kind
        );
        wrong.note(field("document.type"), reason);
    }
    let outcome = read_outcome(field("outcome"), &person.outcome, wrong);
    Some(TestPerson {
        full_name: person.full_name,
        document: Document {
            r#type: kind?.into(),
            number: person.document.number,
            issuing_country: person.document.issuing_country,
        },
        consents: person.consents,
        outcome: outcome?,
    })
}

fn read_outcome(field: String, text: &str, wrong: &mut WrongFile) -> Option<RecognitionOutcome> {
    use RecognitionOutcome::{Green, NoCode, NotFound, Red, UnderReview, Yellow};
    let outcome = RecognitionOutcome::from_str_name(&format!("RECOGNITION_OUTCOME_{text}"));
    let outcome = outcome.filter(|one| matches!(one, Green | Yellow | Red | NoCode | NotFound | UnderReview));
    if outcome.is_none() {
        let reason = format!("{text:?} is none of GREEN, YELLOW, RED, NO_CODE, NOT_FOUND, UNDER_REVIEW");
        wrong.note(field, reason);
    }
    outcome
}

fn is_line(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
}
