//! Creates and reads applications for wards. Identity says who the ward of a binding is, and that the caller may apply for them.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_transport::access::{Grant, SelfPermit};

use crate::declarations::domain::DeclarationKind;
use crate::declarations::service::form::{CheckedForm, StatedContent};
use crate::declarations::service::{AcknowledgedDeclaration, Declarations};
use crate::peers::RegisteredPerson;

const KIND: DeclarationKind = DeclarationKind::WardApplication;

/// Applications for wards; cheap to clone.
#[derive(Clone)]
pub struct WardApplications(Declarations);

impl WardApplications {
    pub const fn new(declarations: Declarations) -> Self {
        Self(declarations)
    }

    /// Creates an application for the ward of a binding.
    pub async fn create(
        &self,
        call: Mutation<SelfPermit>,
        binding: &str,
        content: StatedContent<'_>,
    ) -> Result<AcknowledgedDeclaration, Fault> {
        let Mutation {
            grant,
            permit,
            request,
        } = call;
        let stored = match self.check(&grant, binding, content).await {
            Ok((ward, form)) => self.0.acknowledge(&permit, request, ward, form).await?,
            // A repeated request is answered as before, also when the binding has ended since, or identity is unavailable.
            Err(fault) => self.0.earlier(&permit, &request).await?.ok_or(fault)?,
        };
        Ok(self.0.finish_new(&grant, stored).await)
    }

    /// Checks what is stated, and has identity name the ward.
    async fn check(
        &self,
        grant: &Grant,
        binding: &str,
        content: StatedContent<'_>,
    ) -> Result<(RegisteredPerson, CheckedForm), Fault> {
        let form = content.check(KIND, self.0.clock.now().local_day())?;
        let ward = self.0.peers.ward(&grant.call(), binding).await?;
        Ok((ward, form))
    }

    /// One of the caller's.
    pub async fn get(&self, call: &Query<SelfPermit>, name: &str) -> Result<AcknowledgedDeclaration, Fault> {
        self.0.get(call, KIND, name).await
    }

    /// The caller's, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        call: &Listing<SelfPermit>,
    ) -> Result<(Vec<AcknowledgedDeclaration>, String), Fault> {
        self.0.list(&call.permit, KIND, &call.page).await
    }
}
