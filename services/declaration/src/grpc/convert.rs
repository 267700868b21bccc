//! Wire to domain and back.

use lutong_chassis::operations;
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::facts::{FactKind, UnknownKind, from_attributes};
use lutong_proto::federation::v1::VerifyPartnerCodeResponse;
use lutong_proto::risk_rules::v1::{FactStatement, fact_statement};
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_proto::types::v1::Colour;
use lutong_proto::types::v1::Normalisation;
use serde_json::{Map, json};
use uuid::Uuid;

use crate::domain::contact_history::{ContactKind, StatedEntry};
use crate::domain::statement::{FEDERATION, Stated};
use crate::service::applications::StatedForm;
use crate::service::declaring::{Acknowledged, PartnerCode};
use crate::service::feed::Imported;
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
        // This service made it, and it was whole: what does not read back is left out and told as refused there.
        statement: fact(stated).map(|fact| match stated.replaces.clone() {
            None => fact_statement::Statement::Fact(fact),
            Some(replaces_key) => fact_statement::Statement::Correction(types::Correction {
                replaces_key,
                fact: Some(fact),
            }),
        }),
    };
    declaration.statements.iter().map(statement).collect()
}

fn fact(stated: &Stated) -> Option<types::Fact> {
    let read = stated
        .kind
        .parse()
        .map_err(|error: UnknownKind| error.to_string())
        .and_then(|kind: FactKind| {
            from_attributes(kind, &stated.attributes).map_err(|wrong| Fault::invalid(wrong).en)
        });
    read.map_err(|error| tracing::error!(error, "a stored statement does not read back"))
        .ok()
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

pub fn effect(redecided: i64, pending: Option<Uuid>) -> types::Effect {
    let state = if pending.is_none() {
        types::EffectState::InForce
    } else {
        types::EffectState::Pending
    };
    types::Effect {
        redecided,
        state: state.into(),
        operation: pending.map(operations::name).unwrap_or_default(),
    }
}

impl From<Imported> for wire::ImportFactsResponse {
    fn from(imported: Imported) -> Self {
        let errors = imported.errors.into_iter().map(|(row, wrong)| types::RowError {
            row,
            error: Some(wrong.into()),
        });
        Self {
            accepted: imported.accepted,
            unchanged: imported.unchanged,
            refused: imported.refused,
            errors: errors.collect(),
            effect: Some(effect(imported.redecided, imported.pending)),
        }
    }
}
