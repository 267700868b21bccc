//! The form of an application, which an arrival contains, too.

use lutong_chassis::skin::Mutation;
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{ApplicationId, Fault, LocalDay, RequestId, Violation};
use lutong_transport::access::SelfPermit;

use crate::arrivals::domain::Journey;
use crate::arrivals::domain::pending_step::PendingStep;
use crate::commitments::domain::{AcceptedCommitment, PublishedCommitment, acceptable};
use crate::declarations::domain::DeclarationKind;
use crate::declarations::domain::contact_history::{ContactHistory, StatedEntry};
use crate::fault;
use crate::peers::{OneTimeCodeProof, PartnerCode, PersonItems, StatedIdentity};

/// A request to create a declaration. Identity registers the person under the same request id.
pub struct CreateCall {
    pub call: Mutation<SelfPermit>,
    pub request_id: RequestId,
}

/// What a form says beside the person, unchecked.
pub struct StatedContent<'a> {
    pub history: Vec<StatedEntry<'a>>,
    /// Whether the commitment is accepted, and the version of its text.
    pub commitment: Option<(bool, &'a str)>,
}

/// A form as stated, unchecked.
pub struct StatedForm<'a> {
    pub person: Option<PersonItems>,
    pub mobile_proof: Option<OneTimeCodeProof>,
    pub content: StatedContent<'a>,
}

/// A checked form without the person, whom identity checks.
#[derive(Debug)]
pub struct CheckedForm {
    pub kind: DeclarationKind,
    pub history: ContactHistory,
    pub commitment: AcceptedCommitment,
    pub partner_code: Option<PartnerCode>,
    /// The step that an arrival waits for.
    pub pending_step: Option<PendingStep>,
    /// The way of an arrival.
    pub journey: Option<Journey>,
    /// The application whose place it takes.
    pub replaces: Option<ApplicationId>,
}

impl StatedContent<'_> {
    /// Checks it.
    pub fn check(self, kind: DeclarationKind, today: LocalDay) -> Result<CheckedForm, Fault> {
        let (history, commitment) = (
            ContactHistory::check(&self.history, today).map_err(|fault| fault.violations),
            check_commitment(self.commitment, today),
        )
            .all_valid()?;
        Ok(CheckedForm {
            kind,
            history,
            commitment,
            partner_code: None,
            pending_step: None,
            journey: None,
            replaces: None,
        })
    }
}

impl StatedForm<'_> {
    /// Checks what this service is responsible for; identity checks the person.
    pub fn check(
        self,
        kind: DeclarationKind,
        today: LocalDay,
    ) -> Result<(StatedIdentity, CheckedForm), Fault> {
        let (person, form) = (
            self.person.ok_or_else(fault::person_missing),
            self.content.check(kind, today).map_err(|fault| fault.violations),
        )
            .all_valid()?;
        let stated = StatedIdentity {
            person,
            mobile_proof: self.mobile_proof,
        };
        Ok((stated, form))
    }
}

/// The accepted commitment, which is a published version that is not withdrawn.
fn check_commitment(
    commitment: Option<(bool, &str)>,
    today: LocalDay,
) -> Result<AcceptedCommitment, Violation> {
    match commitment {
        Some((true, version)) => acceptable(version, today)
            .map(PublishedCommitment::accepted)
            .ok_or_else(fault::commitment_unknown),
        Some((false, _)) | None => Err(fault::commitment_missing()),
    }
}

/// Prefixes the fields of a form's violations with its path in the request.
pub fn in_form(mut fault: Fault, path: &str) -> Fault {
    if fault.violations.is_empty() {
        return fault;
    }
    let violations = fault.violations.drain(..).map(|one| one.within(path));
    Fault::invalid(violations.collect())
}
