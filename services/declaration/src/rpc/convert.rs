//! Declarations and what became of imports, on the wire.

use lutong_chassis::operations;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_proto::types::v1::Normalisation;
use uuid::Uuid;

use crate::domain::contact_history::{ContactKind, StatedEntry};
use crate::events::name;
use crate::service::applications::StatedForm;
use crate::service::declaring::Acknowledged;
use crate::service::feed::Imported;

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
