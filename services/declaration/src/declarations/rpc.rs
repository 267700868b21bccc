//! What the contracts of applications and arrivals share: the form, the state, the normalisations.

use lutong_chassis::skin::Mutation;
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::types::v1::{self as types, Normalisation};
use lutong_transport::access::SelfPermit;
use lutong_transport::reply;

use super::domain::contact_history::{ContactKind, StatedEntry};
use super::domain::{Declaration, DeclarationState};
use super::service::form::{CreateCall, StatedContent, StatedForm};

pub fn create_call(call: Mutation<SelfPermit>, request_id: &str) -> Result<CreateCall, Fault> {
    Ok(CreateCall {
        request_id: reply::request_id(request_id).map_err(reply::wrong)?,
        call,
    })
}

pub fn stated_form(form: &wire::ApplicationForm) -> StatedForm<'_> {
    StatedForm {
        person: form.person.clone(),
        mobile_proof: form.mobile_proof.clone(),
        content: stated_content(&form.contact_history, form.commitment.as_ref()),
    }
}

pub fn stated_content<'a>(
    history: &'a [wire::ContactEntry],
    commitment: Option<&'a wire::Commitment>,
) -> StatedContent<'a> {
    StatedContent {
        history: history.iter().map(stated_entry).collect(),
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

pub const fn state(state: DeclarationState) -> wire::DeclarationState {
    match state {
        DeclarationState::Pending => wire::DeclarationState::Pending,
        DeclarationState::InForce => wire::DeclarationState::InForce,
        DeclarationState::Refused => wire::DeclarationState::Refused,
        DeclarationState::Replaced => wire::DeclarationState::Replaced,
    }
}

/// The person of a declaration; nobody while a proof is missing.
pub fn subject_id(declaration: &Declaration) -> String {
    if declaration.is_proved() {
        declaration.subject.to_string()
    } else {
        String::new()
    }
}

/// The name of the registration of a declaration whose proof is missing; empty where none is.
pub fn registration(declaration: &Declaration) -> String {
    match declaration.waiting_for {
        Some(_) => format!("registrations/{}", declaration.subject),
        None => String::new(),
    }
}

/// The proof that is missing, as a value of the contract; UNSPECIFIED where none is.
pub fn waiting_for(declaration: &Declaration) -> i32 {
    let missing = declaration.waiting_for.map(types::MissingProof::from);
    missing.unwrap_or_default().into()
}

/// The days abroad that a contact history names.
pub fn abroad_dates(declaration: &Declaration) -> Vec<String> {
    let days = declaration.abroad_days.split_ascii_whitespace();
    days.map(str::to_owned).collect()
}

pub fn normalisations(names: &str) -> Vec<i32> {
    names
        .split_ascii_whitespace()
        .filter_map(Normalisation::from_str_name)
        .map(i32::from)
        .collect()
}
