//! The form of an application, which an arrival contains, too.

use lutong_chassis::skin::Mutation;
use lutong_kernel::fault::Violations;
use lutong_kernel::{Fault, FreeText, LocalDay, RequestId, TextRule, Violation};
use lutong_transport::access::SelfPermit;

use crate::declarations::domain::DeclarationKind;
use crate::declarations::domain::contact_history::{ContactHistory, StatedEntry};
use crate::peers::{PartnerCode, PersonItems};

/// Characters of a commitment's version.
const MAX_VERSION: usize = 20;

/// A request to create a declaration. Identity registers the person under the same request id.
pub struct CreateCall {
    pub call: Mutation<SelfPermit>,
    pub request_id: RequestId,
}

/// A form as stated, unchecked.
pub struct StatedForm<'a> {
    pub person: Option<PersonItems>,
    pub history: Vec<StatedEntry<'a>>,
    /// Whether the commitment is accepted, and the version of its text.
    pub commitment: Option<(bool, &'a str)>,
}

/// A checked form without the person, whom identity checks.
#[derive(Debug)]
pub struct CheckedForm {
    pub kind: DeclarationKind,
    pub history: ContactHistory,
    pub commitment_version: String,
    pub partner_code: Option<PartnerCode>,
}

impl StatedForm<'_> {
    /// Checks what this service is responsible for; identity checks the person.
    pub fn check(self, kind: DeclarationKind, today: LocalDay) -> Result<(PersonItems, CheckedForm), Fault> {
        let mut wrong = Violations::new();
        let person = wrong.take(
            self.person
                .ok_or_else(|| Violation::new("person", "MISSING", "请填写个人信息", "is required")),
        );
        let history = match ContactHistory::check(&self.history, today) {
            Ok(history) => Some(history),
            Err(fault) => {
                fault.violations.into_iter().for_each(|one| wrong.push(one));
                None
            }
        };
        let commitment = wrong.take(check_commitment(self.commitment));
        wrong.finish()?;
        match (person, history, commitment) {
            (Some(person), Some(history), Some(commitment_version)) => Ok((
                person,
                CheckedForm {
                    kind,
                    history,
                    commitment_version,
                    partner_code: None,
                },
            )),
            // `finish` above has returned the violation of every missing part.
            _ => Err(Fault::internal()),
        }
    }
}

/// The version of an accepted commitment.
fn check_commitment(commitment: Option<(bool, &str)>) -> Result<String, Violation> {
    match commitment {
        Some((true, version))
            if version.is_ascii() && FreeText::parse(version, TextRule::line(MAX_VERSION)).is_ok() =>
        {
            Ok(version.to_owned())
        }
        Some((true, _)) => Err(Violation::new(
            "commitment.text_version",
            "COMMITMENT_VERSION",
            "请注明承诺书版本",
            "names the version of the text that was shown, at most 20 characters",
        )),
        Some((false, _)) | None => Err(Violation::new(
            "commitment.accepted",
            "COMMITMENT_MISSING",
            "请阅读并承诺所填信息真实；隐瞒或虚报须承担法律责任",
            "the commitment that all is true must be accepted; hiding or false reporting carries legal liability",
        )),
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
