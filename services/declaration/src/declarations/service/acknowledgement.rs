//! The acknowledgement of a declaration: one durable transaction.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_failpoint::Broken;
use lutong_kernel::{ApplicationId, Fault, SubjectId};
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::gather::{Apart, Gatherer, Together};
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::outbox::{NewEvent, Outbox};
use lutong_transport::access::SelfPermit;
use prost::Message as _;
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use uuid::Uuid;

use super::Declarations;
use super::form::CheckedForm;
use crate::declarations::domain::{Declaration, statement};
use crate::declarations::store;
use crate::events;

/// What the transaction of an acknowledgement needs.
#[derive(Clone)]
pub struct Acknowledgement {
    request: RequestKey,
    declaration: Declaration,
    cipher: ReadyCipher,
    outbox: Outbox,
}

impl Declarations {
    /// Stores a declaration, which is acknowledged once this returns. A repeated request gets its first answer.
    pub async fn acknowledge(
        &self,
        permit: &SelfPermit,
        request: RequestKey,
        subject: SubjectId,
        normalisations: String,
        form: CheckedForm,
    ) -> Result<Declaration, Fault> {
        let now = self.clock.now();
        let id = ApplicationId::new(now, &*self.random);
        let mut statements = form.history.statements(id);
        let mut provenance = None;
        if let Some(mut code) = form.partner_code {
            code.statement.key = statement::key(id, "partner");
            code.provenance.statement_key.clone_from(&code.statement.key);
            statements.push(code.statement);
            provenance = Some(code.provenance);
        }
        let days: Vec<_> = form
            .history
            .abroad_days()
            .iter()
            .map(ToString::to_string)
            .collect();
        let acknowledgement = Acknowledgement {
            request,
            declaration: Declaration {
                id,
                subject,
                kind: form.kind,
                account: self.account_hash(permit),
                created_at: now,
                commitment_version: form.commitment_version,
                statements,
                normalisations,
                abroad_days: days.join(" "),
                provenance,
                in_force_at: None,
            },
            cipher: self.fields.ready().await?,
            outbox: self.outbox.clone(),
        };
        if lutong_failpoint::broken(Broken::UnstoredDeclaration) {
            return Ok(acknowledgement.declaration);
        }
        let gatherer = self
            .gatherer
            .get_or_init(|| Gatherer::transactions(self.database.clone()));
        let stored = gatherer
            .call(acknowledgement)
            .await
            .ok_or_else(Fault::internal)??;
        lutong_failpoint::hit("declaration.committed");
        self.outbox.wake();
        Ok(stored)
    }

    /// The declaration that answered an earlier request with the same id.
    pub async fn earlier(&self, request: &RequestKey) -> Result<Option<Declaration>, Fault> {
        let Some(answer) = idempotency::earlier(self.database.reader(), request).await? else {
            return Ok(None);
        };
        let cipher = self.fields.ready().await?;
        first_answer(self.database.reader(), &cipher, &answer)
            .await
            .map(Some)
    }
}

impl Together for Acknowledgement {
    type Output = Declaration;

    fn is_plain(&self) -> bool {
        self.declaration.provenance.is_none()
    }

    fn together(
        transaction: &DatabaseTransaction,
        batch: Vec<Self>,
    ) -> BoxFuture<'_, Result<Vec<Declaration>, Apart>> {
        run_together(transaction, batch).boxed()
    }

    fn alone(self, transaction: &DatabaseTransaction) -> BoxFuture<'_, Result<Declaration, Fault>> {
        self.run(transaction).boxed()
    }
}

async fn run_together(
    transaction: &DatabaseTransaction,
    batch: Vec<Acknowledgement>,
) -> Result<Vec<Declaration>, Apart> {
    let Some(Acknowledgement { cipher, outbox, .. }) = batch.first().cloned() else {
        return Ok(Vec::new());
    };
    let now = batch
        .iter()
        .map(|one| one.declaration.created_at)
        .min()
        .ok_or(Apart)?;
    let claims = batch
        .iter()
        .map(|one| (&one.request, one.declaration.idempotent_answer()));
    if !idempotency::claim_all(transaction, claims, now).await? {
        return Err(Apart);
    }
    let declarations: Vec<_> = batch.iter().map(|one| &one.declaration).collect();
    store::insert(transaction, &cipher, &declarations).await?;
    let events = declarations.iter().map(|one| accepted_event(one)).collect();
    outbox.seal(now, events).await?.append(transaction).await?;
    lutong_failpoint::hit("declaration.before_commit");
    Ok(batch.into_iter().map(|one| one.declaration).collect())
}

fn accepted_event(declaration: &Declaration) -> NewEvent {
    NewEvent {
        subject: Some(declaration.subject),
        payload: events::declaration_accepted(declaration).encode_to_vec(),
    }
}

impl Declaration {
    /// The stored answer of the request: subject and declaration.
    fn idempotent_answer(&self) -> Vec<u8> {
        [&self.subject.uuid().as_bytes()[..], self.id.uuid().as_bytes()].concat()
    }
}

impl Acknowledgement {
    async fn run(mut self, transaction: &DatabaseTransaction) -> Result<Declaration, Fault> {
        let declaration = &mut self.declaration;
        let now = declaration.created_at;
        let answer = declaration.idempotent_answer();
        if let Claim::Replay(answer) = idempotency::claim(transaction, &self.request, &answer, now).await? {
            return first_answer(transaction, &self.cipher, &answer).await;
        }
        if declaration.provenance.is_some() {
            let before = store::current_partner_code(transaction, &self.cipher, declaration.subject).await?;
            if let Some(code) = declaration
                .statements
                .iter_mut()
                .find(|one| one.kind == "partner_code")
            {
                code.replaces = before;
            }
        }
        store::insert(transaction, &self.cipher, &[declaration]).await?;
        self.outbox
            .seal(now, vec![accepted_event(declaration)])
            .await?
            .append(transaction)
            .await?;
        lutong_failpoint::hit("declaration.before_commit");
        Ok(self.declaration)
    }
}

async fn first_answer(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    answer: &[u8],
) -> Result<Declaration, Fault> {
    let damaged = || Fault::from(StorageError::Damaged("idempotency.answer".to_owned()));
    let (subject, id) = answer.split_at_checked(16).ok_or_else(damaged)?;
    let subject = Uuid::from_slice(subject).map_err(|_| damaged())?;
    let id = Uuid::from_slice(id).map_err(|_| damaged())?;
    let (subject, id) = (SubjectId::from_uuid(subject), ApplicationId::from_uuid(id));
    store::first_answer(connection, cipher, subject, id)
        .await?
        .ok_or_else(damaged)
}
