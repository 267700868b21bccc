//! What the contracts of applications and arrivals share: the form, the state, the normalisations.

use lutong_chassis::skin::Mutation;
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::types::v1::Normalisation;
use lutong_transport::access::SelfPermit;
use lutong_transport::reply;

use super::domain::contact_history::{ContactKind, StatedEntry};
use super::service::form::{CreateCall, StatedForm};

pub fn create_call(call: Mutation<SelfPermit>, request_id: &str) -> Result<CreateCall, Fault> {
    Ok(CreateCall {
        request_id: reply::request_id(request_id).map_err(reply::wrong)?,
        call,
    })
}

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

pub const fn state(in_force: bool) -> wire::DeclarationState {
    if in_force {
        wire::DeclarationState::InForce
    } else {
        wire::DeclarationState::Pending
    }
}

pub fn normalisations(names: &str) -> Vec<i32> {
    names
        .split_ascii_whitespace()
        .filter_map(Normalisation::from_str_name)
        .map(i32::from)
        .collect()
}
