//! Creates and reads applications: seven items and a commitment.

use lutong_chassis::skin::{Mutation, Page, Query};
use lutong_kernel::{Fault, RequestId};
use lutong_transport::access::{Grant, SelfPermit};

use crate::declarations::domain::DeclarationKind;
use crate::declarations::service::form::{CheckedForm, CreateCall, StatedForm, in_form};
use crate::declarations::service::{AcknowledgedDeclaration, Declarations};
use crate::peers::RegisteredPerson;

pub const KIND: DeclarationKind = DeclarationKind::Application;

/// Applications for a code; cheap to clone.
#[derive(Clone)]
pub struct Applications(Declarations);

impl Applications {
    pub const fn new(declarations: Declarations) -> Self {
        Self(declarations)
    }

    /// Creates an application.
    pub async fn create(
        &self,
        create: CreateCall,
        form: StatedForm<'_>,
        replaces: &str,
    ) -> Result<AcknowledgedDeclaration, Fault> {
        let CreateCall { call, request_id } = create;
        let Mutation {
            grant,
            permit,
            request,
        } = call;
        let stored = match self.register(&grant, &permit, request_id, form, replaces).await {
            Ok((person, form)) => self.0.acknowledge(&permit, request, person, form).await?,
            // A repeated request is answered as before, even when the day that it names is more than 14 days ago by now, or identity is
            // unavailable.
            Err(fault) => self.0.earlier(&permit, &request).await?.ok_or(fault)?,
        };
        Ok(self.0.finish_new(&grant, stored).await)
    }

    /// Checks the whole form and has identity register the person.
    async fn register(
        &self,
        grant: &Grant,
        permit: &SelfPermit,
        request_id: RequestId,
        form: StatedForm<'_>,
        replaces: &str,
    ) -> Result<(RegisteredPerson, CheckedForm), Fault> {
        let today = self.0.clock.now().local_day();
        let (person, mut form) = form.check(KIND, today).map_err(|fault| in_form(fault, "form"))?;
        if !replaces.is_empty() {
            form.replaces = Some(self.0.replaceable(permit, replaces).await?);
        }
        let person = self
            .0
            .peers
            .register(&grant.call(), request_id, person, "form")
            .await?;
        Ok((person, form))
    }

    /// An own application.
    pub async fn get(&self, call: &Query<SelfPermit>, name: &str) -> Result<AcknowledgedDeclaration, Fault> {
        self.0.get(call, KIND, name).await
    }

    /// Own applications, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        permit: &SelfPermit,
        page: &Page,
    ) -> Result<(Vec<AcknowledgedDeclaration>, String), Fault> {
        self.0.list(permit, KIND, page).await
    }
}
