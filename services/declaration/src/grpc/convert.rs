//! Wire to domain and back.

use lutong_proto::declaration::v1 as wire;
use lutong_proto::federation::v1::VerifyPartnerCodeResponse;
use lutong_proto::risk_rules::v1::FactStatement;
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_proto::types::v1::Colour;
use lutong_proto::types::v1::Normalisation;
use prost_types::value::Kind;
use serde_json::{Map, Value, json};

use crate::domain::contact_history::{ContactKind, StatedEntry};
use crate::domain::statement::{FEDERATION, Stated};
use crate::service::applications::StatedForm;
use crate::service::declaring::{Acknowledged, PartnerCode};
use crate::service::feed::{Imported, Row};
use crate::store::declarations::{Declaration, Provenance};

pub fn stated_form(form: &wire::ApplicationForm) -> StatedForm<'_> {
    let commitment = form.commitment.as_ref();
    StatedForm {
        person: form.person.clone(),
        history: form.contact_history.iter().map(stated_entry).collect(),
        commitment: commitment.map(|one| (one.accepted, one.text_version.as_str())),
    }
}

fn stated_entry(entry: &wire::ContactEntry) -> StatedEntry<'_> {
    StatedEntry {
        date: &entry.contact_date,
        kind: match entry.r#type() {
            wire::ContactType::Unspecified => None,
            wire::ContactType::AreaStay => Some(ContactKind::AreaStay),
            wire::ContactType::KnownCaseContact => Some(ContactKind::KnownCaseContact),
            wire::ContactType::Abroad => Some(ContactKind::Abroad),
        },
        division: &entry.division,
        community: &entry.community,
        country: &entry.country,
    }
}

/// What a declaration stated, for risk-rules.
pub fn statements(declaration: &Declaration) -> Vec<FactStatement> {
    let statement = |stated: &Stated| FactStatement {
        source: stated.source.clone(),
        key: stated.key.clone(),
        subject_id: declaration.subject.to_string(),
        kind: stated.kind.clone(),
        attributes: Some(structure(&stated.attributes)),
        replaces_key: stated.replaces.clone().unwrap_or_default(),
        retract_key: String::new(),
        reason: String::new(),
    };
    declaration.statements.iter().map(statement).collect()
}

fn structure(map: &Map<String, Value>) -> prost_types::Struct {
    prost_types::Struct {
        fields: map
            .iter()
            .map(|(name, value)| (name.clone(), value_of(value)))
            .collect(),
    }
}

fn value_of(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(yes) => Kind::BoolValue(*yes),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(list) => Kind::ListValue(prost_types::ListValue {
            values: list.iter().map(value_of).collect(),
        }),
        Value::Object(map) => Kind::StructValue(structure(map)),
    };
    prost_types::Value { kind: Some(kind) }
}

/// The event of a declaration, without its sequence.
pub fn declaration_accepted(declaration: &Declaration) -> wire::Event {
    wire::Event {
        sequence: 0,
        subject_id: declaration.subject.to_string(),
        create_time: Some(time::from_micros(declaration.created_at.micros())),
        payload: Some(wire::event::Payload::DeclarationAccepted(
            wire::DeclarationAccepted {
                declaration: name(declaration),
                statements: statements(declaration),
            },
        )),
    }
}

fn name(declaration: &Declaration) -> String {
    format!("{}/{}", declaration.kind.collection(), declaration.id)
}

const fn state(in_force: bool) -> wire::DeclarationState {
    if in_force {
        wire::DeclarationState::InForce
    } else {
        wire::DeclarationState::Pending
    }
}

fn normalisations(names: &str) -> Vec<i32> {
    names
        .split_ascii_whitespace()
        .filter_map(Normalisation::from_str_name)
        .map(i32::from)
        .collect()
}

pub fn application(acknowledged: Acknowledged) -> wire::Application {
    let Acknowledged {
        declaration,
        in_force,
    } = acknowledged;
    wire::Application {
        name: name(&declaration),
        application_id: declaration.id.to_string(),
        subject_id: declaration.subject.to_string(),
        state: state(in_force).into(),
        create_time: Some(time::from_micros(declaration.created_at.micros())),
        normalisations: normalisations(&declaration.normalisations),
        abroad_dates: declaration
            .abroad_days
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect(),
        commitment_version: declaration.commitment_version,
    }
}

pub fn arrival(acknowledged: Acknowledged) -> wire::Arrival {
    let Acknowledged {
        declaration,
        in_force,
    } = acknowledged;
    wire::Arrival {
        name: name(&declaration),
        arrival_id: declaration.id.to_string(),
        subject_id: declaration.subject.to_string(),
        state: state(in_force).into(),
        create_time: Some(time::from_micros(declaration.created_at.micros())),
        normalisations: normalisations(&declaration.normalisations),
        provenance: declaration.provenance.map(|from| wire::ConversionProvenance {
            province: from.province,
            key_id: from.key_id,
            trust_list_version: from.trust_list_version,
            verify_time: Some(time::from_micros(from.verified_at)),
        }),
    }
}

/// A verified code as a fact; its keys are given when it is stored. `None` when the answer lacks something.
pub fn partner_code(verified: VerifyPartnerCodeResponse) -> Option<PartnerCode> {
    let colour = match verified.colour() {
        Colour::Green => "green",
        Colour::Yellow => "yellow",
        Colour::Red => "red",
        Colour::Unspecified => return None,
    };
    let instant = |time: &prost_types::Timestamp| {
        lutong_kernel::Timestamp::from_micros(time::to_micros(time)).to_rfc3339()
    };
    let mut attributes = Map::new();
    attributes.insert("province".to_owned(), json!(verified.province));
    attributes.insert("colour".to_owned(), json!(colour));
    attributes.insert(
        "issued_at".to_owned(),
        json!(instant(verified.issue_time.as_ref()?)),
    );
    if let Some(end) = &verified.expire_time {
        attributes.insert("expires_at".to_owned(), json!(instant(end)));
    }
    Some(PartnerCode {
        statement: Stated {
            source: FEDERATION.to_owned(),
            key: String::new(),
            kind: "partner_code".to_owned(),
            attributes,
            replaces: None,
        },
        provenance: Provenance {
            province: verified.province,
            key_id: verified.key_id,
            trust_list_version: verified.trust_list_version,
            verified_at: time::to_micros(verified.verify_time.as_ref()?),
            statement_key: String::new(),
        },
    })
}

pub fn row(row: wire::FactRow) -> Row {
    let wire::FactRow {
        source,
        key,
        document,
        subject_id,
        kind,
        attributes,
        replaces_key,
        retract_key,
        reason,
    } = row;
    Row {
        document,
        statement: FactStatement {
            source,
            key,
            subject_id,
            kind,
            attributes,
            replaces_key,
            retract_key,
            reason,
        },
    }
}

impl From<Imported> for wire::ImportFactsResponse {
    fn from(imported: Imported) -> Self {
        let state = if imported.in_force {
            wire::ImportState::InForce
        } else {
            wire::ImportState::Pending
        };
        let errors = imported.errors.into_iter().map(|(row, wrong)| types::RowError {
            row,
            error: Some(wrong.into()),
        });
        Self {
            accepted: imported.accepted,
            unchanged: imported.unchanged,
            refused: imported.refused,
            errors: errors.collect(),
            state: state.into(),
        }
    }
}
