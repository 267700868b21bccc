//! Applying for a code: seven items and a commitment.

use lutong_chassis::skin::Mutation;
use lutong_kernel::fault::Violations;
use lutong_kernel::{Fault, RequestId, Violation};
use lutong_transport::access::{Grant, SelfPermit};

use super::declaring::{Accepted, Acknowledged, Declaring, check_commitment};
use crate::domain::contact_history::{ContactHistory, StatedEntry};
use crate::peers::{PersonItems, Registered};
use crate::store::declarations::DeclarationKind;

/// A form as somebody filled it in.
pub struct StatedForm<'a> {
    pub person: Option<PersonItems>,
    pub history: Vec<StatedEntry<'a>>,
    pub commitment: Option<(bool, &'a str)>,
}

/// A declaration as it was sent; identity registers the person under the same request id.
pub struct Sent {
    pub call: Mutation<SelfPermit>,
    pub request_id: RequestId,
}

impl Declaring {
    pub async fn apply(&self, sent: Sent, form: StatedForm<'_>) -> Result<Acknowledged, Fault> {
        let Sent { call, request_id } = sent;
        let Mutation {
            grant,
            permit,
            request,
        } = call;
        let stored = match self.register(&grant, request_id, form).await {
            Ok((registered, accepted)) => {
                let (subject, notes) = (registered.subject, registered.normalisations);
                self.acknowledge(&permit, request, subject, notes, accepted)
                    .await?
            }
            // What was acknowledged stays so when it is sent again, though the day it names is fifteen days ago by now,
            // or identity away.
            Err(fault) => self.earlier(&request).await?.ok_or(fault)?,
        };
        Ok(self.finish_new(&grant, stored).await)
    }

    /// Checks the form whole and has identity register the person.
    async fn register(
        &self,
        grant: &Grant,
        request_id: RequestId,
        form: StatedForm<'_>,
    ) -> Result<(Registered, Accepted), Fault> {
        let (person, accepted) = self
            .check(DeclarationKind::Application, form)
            .map_err(|fault| within(fault, "form"))?;
        let registered = self
            .peers
            .register(&grant.call(), request_id, person, "form")
            .await?;
        Ok((registered, accepted))
    }

    /// What this service checks itself; identity checks the person.
    pub(super) fn check(
        &self,
        kind: DeclarationKind,
        form: StatedForm<'_>,
    ) -> Result<(PersonItems, Accepted), Fault> {
        let today = self.clock.now().local_day();
        let mut wrong = Violations::new();
        let person = wrong.take(
            form.person
                .ok_or_else(|| Violation::new("person", "MISSING", "请填写个人信息", "is required")),
        );
        let history = match ContactHistory::check(&form.history, today) {
            Ok(history) => Some(history),
            Err(fault) => {
                fault.violations.into_iter().for_each(|one| wrong.push(one));
                None
            }
        };
        let commitment = wrong.take(check_commitment(form.commitment));
        wrong.finish()?;
        match (person, history, commitment) {
            (Some(person), Some(history), Some(commitment_version)) => Ok((
                person,
                Accepted {
                    kind,
                    history,
                    commitment_version,
                    partner_code: None,
                },
            )),
            // Whatever is missing was noted as wrong.
            _ => Err(Fault::internal()),
        }
    }
}

pub(super) fn within(mut fault: Fault, outer: &str) -> Fault {
    if fault.violations.is_empty() {
        return fault;
    }
    let violations = fault.violations.drain(..).map(|one| one.within(outer));
    Fault::invalid(violations.collect())
}
