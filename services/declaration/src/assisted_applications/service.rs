//! Enters applications for people at a counter.

use futures::FutureExt as _;
use lutong_chassis::Store;
use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{DivisionCode, Fault, RequestId};
use lutong_storage::Database;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_transport::access::DivisionPermit;
use uuid::Uuid;

use super::domain::violations;
use super::store::{self, DeclarationKey};
use crate::arrivals::domain::enclosing;
use crate::declarations::domain::{Declaration, DeclarationKind};
use crate::declarations::service::form::{StatedForm, in_form};
use crate::declarations::service::{AcknowledgedDeclaration, Declarations};
use crate::fault::assisted_applications as fault;

const KIND: DeclarationKind = DeclarationKind::Application;

/// Assisted applications; cheap to clone.
#[derive(Clone)]
pub struct AssistedApplications {
    declarations: Declarations,
    database: Database,
}

impl AssistedApplications {
    pub fn new(store: &Store, declarations: Declarations) -> Self {
        Self {
            declarations,
            database: store.database.clone(),
        }
    }

    /// Enters an application for a person who shows the document.
    pub async fn create(
        &self,
        call: Mutation<DivisionPermit>,
        request_id: RequestId,
        form: StatedForm<'_>,
    ) -> Result<AcknowledgedDeclaration, Fault> {
        let stored = match self.register(&call, request_id, form).await {
            Ok((declaration, home)) => {
                let id = self.store(call.request, declaration, home).await?;
                self.find(call.permit, id).await?
            }
            // A repeated request is answered as before, even when the day that it names is more than 14 days ago by now, or identity is
            // unavailable.
            Err(fault) => self.earlier(&call).await?.ok_or(fault)?,
        };
        Ok(self.declarations.finish_new(&call.grant, stored).await)
    }

    /// Checks the whole form and has identity register the person. Returns the declaration and where the person lives.
    async fn register(
        &self,
        call: &Mutation<DivisionPermit>,
        request_id: RequestId,
        form: StatedForm<'_>,
    ) -> Result<(Declaration, Option<DivisionCode>), Fault> {
        let home = form
            .person
            .as_ref()
            .and_then(|person| person.home_address.clone());
        let home = home.map(|home| home.division).unwrap_or_default();
        let mut wrong = violations(&home, form.mobile_proof.is_some(), call.permit.jurisdiction());
        let checked = form.check(KIND, self.declarations.clock.now().local_day());
        if !wrong.is_empty() {
            let others = checked.err().map(|fault| fault.violations);
            wrong.extend(others.unwrap_or_default());
            return Err(in_form(Fault::invalid(wrong), "form"));
        }
        let (stated, form) = checked.map_err(|fault| in_form(fault, "form"))?;
        let peers = &self.declarations.peers;
        let registered = peers
            .register_at_counter(&call.grant.call(), request_id, stated.person, "form")
            .await?;
        let staff = call.grant.principal().account.clone();
        let declaration = self.declarations.assisted(registered, form, staff);
        Ok((declaration, DivisionCode::parse(&home).ok()))
    }

    /// Stores the application, which is acknowledged once this returns. A repeated request gets its first answer.
    async fn store(
        &self,
        request: RequestKey,
        declaration: Declaration,
        home: Option<DivisionCode>,
    ) -> Result<Uuid, Fault> {
        let (id, now) = (declaration.id, declaration.created_at);
        let key = (declaration.subject, id);
        let divisions = home.map(enclosing).unwrap_or_default();
        let prepared = self.declarations.prepared(vec![declaration]).await?;
        let stored = self.database.write(move |transaction| {
            async move {
                let answer = id.uuid();
                match idempotency::claim(transaction, &request, answer.as_bytes(), now).await? {
                    Claim::Replay(answer) => Ok::<_, Fault>(idempotency::answered_id(&answer)?),
                    Claim::Fresh => {
                        prepared.store(transaction).await?;
                        store::insert(transaction, key, divisions).await?;
                        Ok(answer)
                    }
                }
            }
            .boxed()
        });
        let stored = stored.await?;
        self.declarations.wake_log();
        Ok(stored)
    }

    /// The application that answered an earlier request with the same id.
    async fn earlier(&self, call: &Mutation<DivisionPermit>) -> Result<Option<Declaration>, Fault> {
        let answer = idempotency::stored_answer(self.database.reader(), &call.request).await?;
        match answer {
            Some(answer) => self
                .find(call.permit, idempotency::answered_id(&answer)?)
                .await
                .map(Some),
            None => Ok(None),
        }
    }

    async fn find(&self, permit: DivisionPermit, id: Uuid) -> Result<Declaration, Fault> {
        let key = store::find(self.database.reader(), permit, id).await?;
        let key = key.ok_or_else(fault::assisted_application_not_found)?;
        let found = self.load(&[key]).await?;
        let mut found = found.into_iter().map(|acknowledged| acknowledged.declaration);
        found.next().ok_or_else(fault::assisted_application_not_found)
    }

    /// The applications with these keys, in their order.
    async fn load(&self, keys: &[DeclarationKey]) -> Result<Vec<AcknowledgedDeclaration>, Fault> {
        let mut found = self.declarations.of_keys(keys).await?;
        Ok(keys.iter().filter_map(|(_, id)| found.remove(id)).collect())
    }

    /// One of the staff's division. A pending one is sent to risk-rules again.
    pub async fn get(
        &self,
        call: &Query<DivisionPermit>,
        id: Uuid,
    ) -> Result<AcknowledgedDeclaration, Fault> {
        let found = self.find(call.permit, id).await?;
        Ok(self.declarations.finish_pending(&call.grant, found).await)
    }

    /// Those of the staff's division, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        call: &Listing<DivisionPermit>,
    ) -> Result<(Vec<AcknowledgedDeclaration>, String), Fault> {
        let page = &call.page;
        let before = page.after_id()?;
        let keys = store::list(self.database.reader(), call.permit, before, page.limit()).await?;
        let (keys, next) = page.cut(keys, |(_, id)| id.uuid().as_bytes().to_vec())?;
        Ok((self.load(&keys).await?, next))
    }
}
