//! What the mock does about people: those of its declaration, and nobody else.

use lutong_kernel::Colour;
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::instant;
use lutong_proto::types::v1::FieldError;
use lutong_token::{Claims, Issuer};
use wire::ExchangeReturnCode as Code;
use wire::RecognitionOutcome as Outcome;

use super::faults::FaultKind;
use super::{Call, Mock};
use crate::declaration::{Consent, TestPerson};
use crate::kept::digest;

const MIN_SALT: usize = 16;
const MAX_STAYS: usize = 31;
const DAY: i64 = 86_400;

fn wrong(field: &str, reason: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        reason: reason.to_owned(),
        message: None,
    }
}

/// The colour of an outcome.
const fn colour(outcome: Outcome) -> Option<Colour> {
    match outcome {
        Outcome::Green => Some(Colour::Green),
        Outcome::Yellow => Some(Colour::Yellow),
        Outcome::Red => Some(Colour::Red),
        _ => None,
    }
}

/// PersonMatch a message is about, as far as the mock knows.
enum PersonMatch {
    Nobody,
    OtherName(usize),
    Person(usize),
}

impl Mock {
    /// What is known of something, or another colour.
    pub fn told(&self, call: &Call, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Yellow if call.has(FaultKind::OtherColour) => Outcome::Green,
            _ if call.has(FaultKind::OtherColour) => Outcome::Yellow,
            outcome => outcome,
        }
    }

    fn errors(call: &Call, person: &wire::ExchangedPerson) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if person.salt.len() < MIN_SALT && !call.has(FaultKind::TakesShortSalts) {
            errors.push(wrong("person.salt", "TOO_SHORT"));
        }
        if person.full_name.is_empty() {
            errors.push(wrong("person.full_name", "MISSING"));
        }
        if person
            .document
            .as_ref()
            .is_none_or(|document| document.number.is_empty())
        {
            errors.push(wrong("person.document", "MISSING"));
        }
        errors
    }

    fn whom(&self, call: &Call, named: &wire::ExchangedPerson) -> PersonMatch {
        let people = &self.setup.declaration.people;
        let found = people
            .iter()
            .position(|one| Some(&one.document) == named.document.as_ref());
        match found {
            None => PersonMatch::Nobody,
            Some(place)
                if people[place].full_name == named.full_name || call.has(FaultKind::IgnoresNames) =>
            {
                PersonMatch::Person(place)
            }
            Some(place) => PersonMatch::OtherName(place),
        }
    }

    fn consents(&self, place: usize, consent: Consent) -> Option<&TestPerson> {
        let person = self.setup.declaration.people.get(place)?;
        person.consents.contains(&consent).then_some(person)
    }

    fn receipt(call: &Call, code: Code, errors: Vec<FieldError>) -> wire::DeclarationReceipt {
        wire::DeclarationReceipt {
            return_code: code.into(),
            errors: if call.has(FaultKind::NamesNoFields) {
                Vec::new()
            } else {
                errors
            },
            is_in_force: matches!(code, Code::Done | Code::Unchanged),
            receive_time: Some(instant(call.now)),
        }
    }

    /// Takes in a declaration under its key.
    fn take(
        &self,
        call: &Call,
        person: &wire::ExchangedPerson,
        (key, errors): (&str, Vec<FieldError>),
    ) -> wire::DeclarationReceipt {
        if !errors.is_empty() && !call.has(FaultKind::TakesAnything) {
            return Self::receipt(call, Code::Invalid, errors);
        }
        if let PersonMatch::OtherName(_) = self.whom(call, person) {
            return Self::receipt(call, Code::NameMismatch, Vec::new());
        }
        let is_known = self.memory().declared.insert(key.to_owned(), true).is_some();
        let code = if is_known && !call.has(FaultKind::ForgetsDeclarations) {
            Code::Unchanged
        } else {
            Code::Done
        };
        Self::receipt(call, code, Vec::new())
    }

    pub fn declare(&self, call: &Call, body: &wire::HealthDeclaration) -> wire::DeclarationReceipt {
        let person = body.person.clone().unwrap_or_default();
        let mut errors = Self::errors(call, &person);
        if body.declaration_key.is_empty() {
            errors.push(wrong("declaration_key", "MISSING"));
        }
        if body.symptoms.is_none() {
            errors.push(wrong("symptoms", "MISSING"));
        }
        self.take(call, &person, (&body.declaration_key, errors))
    }

    pub fn travel(&self, call: &Call, body: &wire::ItineraryDeclaration) -> wire::DeclarationReceipt {
        let person = body.person.clone().unwrap_or_default();
        let mut errors = Self::errors(call, &person);
        if body.declaration_key.is_empty() {
            errors.push(wrong("declaration_key", "MISSING"));
        }
        if body.stays.is_empty() || body.stays.len() > MAX_STAYS {
            errors.push(wrong("stays", "COUNT"));
        }
        self.take(call, &person, (&body.declaration_key, errors))
    }

    pub fn correct(&self, call: &Call, body: &wire::DeclarationCorrection) -> wire::DeclarationReceipt {
        let person = body.person.clone().unwrap_or_default();
        let mut errors = Self::errors(call, &person);
        if body.statement.is_none() {
            errors.push(wrong("statement", "MISSING"));
        }
        let stands = self.memory().declared.insert(body.corrected_key.clone(), false);
        if stands != Some(true) && !(call.has(FaultKind::CorrectsAnything) && errors.is_empty()) {
            errors.push(wrong("corrected_key", "TARGET_UNKNOWN"));
        }
        if errors.is_empty() || call.has(FaultKind::TakesAnything) {
            return Self::receipt(call, Code::Done, Vec::new());
        }
        Self::receipt(call, Code::Invalid, errors)
    }

    pub fn query(&self, call: &Call, person: &wire::ExchangedPerson) -> wire::HealthRecords {
        let errors = Self::errors(call, person);
        let records = |code: Code, outcome: Outcome| wire::HealthRecords {
            return_code: code.into(),
            outcome: outcome.into(),
            query_time: Some(instant(call.now)),
            ..wire::HealthRecords::default()
        };
        if !errors.is_empty() {
            let errors = if call.has(FaultKind::NamesNoFields) {
                Vec::new()
            } else {
                errors
            };
            return wire::HealthRecords {
                errors,
                ..records(Code::Invalid, Outcome::Unspecified)
            };
        }
        let (place, is_named) = match self.whom(call, person) {
            PersonMatch::Nobody if call.has(FaultKind::IgnoresConsent) => {
                return records(Code::Done, Outcome::Green);
            }
            PersonMatch::Nobody => return records(Code::NotConsented, Outcome::Unspecified),
            PersonMatch::Person(place) => (place, true),
            PersonMatch::OtherName(place) => (place, false),
        };
        let Some(known) = self.consents(place, Consent::Records) else {
            return records(Code::NotConsented, Outcome::Unspecified);
        };
        if !is_named {
            return records(Code::Done, Outcome::NameMismatch);
        }
        let outcome = self.told(call, known.outcome);
        let has_province = !call.has(FaultKind::NoProvenance);
        let record = wire::HealthRecord {
            province: if has_province {
                self.own().to_owned()
            } else {
                String::new()
            },
            update_time: Some(instant(call.now)),
            outcome: outcome.into(),
            ..wire::HealthRecord::default()
        };
        wire::HealthRecords {
            records: vec![record],
            ..records(Code::Done, outcome)
        }
    }

    fn shown(call: &Call, code: Code, outcome: Outcome) -> wire::ShownHealthCode {
        wire::ShownHealthCode {
            return_code: code.into(),
            outcome: outcome.into(),
            show_time: Some(instant(call.now)),
            ..wire::ShownHealthCode::default()
        }
    }

    pub fn make(&self, call: &Call, person: &wire::ExchangedPerson) -> wire::ShownHealthCode {
        let errors = Self::errors(call, person);
        if !errors.is_empty() {
            let errors = if call.has(FaultKind::NamesNoFields) {
                Vec::new()
            } else {
                errors
            };
            return wire::ShownHealthCode {
                errors,
                ..Self::shown(call, Code::Invalid, Outcome::Unspecified)
            };
        }
        match self.whom(call, person) {
            PersonMatch::Nobody if call.has(FaultKind::IgnoresConsent) => {
                Self::shown(call, Code::Done, Outcome::Green)
            }
            PersonMatch::Person(place) if self.consents(place, Consent::Code).is_some() => {
                self.show(call, place)
            }
            PersonMatch::OtherName(place) if self.consents(place, Consent::Code).is_some() => {
                Self::shown(call, Code::Done, Outcome::NameMismatch)
            }
            _ => Self::shown(call, Code::NotConsented, Outcome::Unspecified),
        }
    }

    pub fn show_called(&self, call: &Call, reference: &str) -> wire::ShownHealthCode {
        let known = self.memory().made.get(reference).copied();
        match known {
            Some(place) => self.show(call, place),
            None if call.has(FaultKind::ShowsAnyReference) => Self::shown(call, Code::Done, Outcome::Green),
            None => Self::shown(call, Code::ReferenceUnknown, Outcome::Unspecified),
        }
    }

    fn show(&self, call: &Call, place: usize) -> wire::ShownHealthCode {
        let Some(person) = self.setup.declaration.people.get(place) else {
            return Self::shown(call, Code::ReferenceUnknown, Outcome::Unspecified);
        };
        let outcome = self.told(call, person.outcome);
        let reference = digest(person.document.number.as_bytes());
        let mut shown = Self::shown(call, Code::Done, outcome);
        if !call.has(FaultKind::NoReferences) {
            self.memory().made.insert(reference.clone(), place);
            shown.code_reference = reference;
        }
        if let Some(token) = colour(outcome).and_then(|colour| self.token(call, colour)) {
            self.memory().tokens.insert(token.clone(), outcome);
            let life = if call.has(FaultKind::LongTokens) {
                DAY
            } else {
                lutong_token::DYNAMIC_LIFE_SECONDS
            };
            shown.token = token;
            shown.expire_time = Some(instant(call.now.plus_seconds(life)));
        }
        shown
    }

    fn token(&self, call: &Call, colour: Colour) -> Option<String> {
        let issuer = Issuer::parse(self.own()).ok()?;
        let claims = Claims::dynamic(issuer, call.now, self.setup.random.bytes(), colour, None).ok()?;
        if call.has(FaultKind::ForgedTokens) {
            return self.stranger()?.sign(&claims).ok();
        }
        self.setup.key.sign(&claims).ok()
    }
}
