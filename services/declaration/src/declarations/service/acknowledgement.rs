//! The acknowledgement of a declaration: one durable transaction.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_failpoint::Broken;
use lutong_kernel::{ApplicationId, Fault, SubjectId};
use lutong_storage::batch::{BatchedCall, Batcher, NotBatchable};
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::outbox::{NewEvent, Outbox};
use lutong_transport::access::SelfPermit;
use prost::Message as _;
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::form::CheckedForm;
use super::{Declarations, corrections};
use crate::declarations::domain::daily_limits::{self, DailyLimits};
use crate::declarations::domain::{Declaration, DeclarationKind, Details};
use crate::declarations::store;
use crate::events;
use crate::peers::RegisteredPerson;

/// What the transaction of an acknowledgement needs.
#[derive(Clone)]
pub struct Acknowledgement {
    request: RequestKey,
    declaration: Declaration,
    cipher: ReadyCipher,
    outbox: Outbox,
    limits: DailyLimits,
}

impl Declarations {
    /// A declaration without content, of now.
    pub fn draft(&self, permit: &SelfPermit, kind: DeclarationKind, subject: SubjectId) -> Declaration {
        self.draft_of(self.account_hash(permit), kind, subject)
    }

    /// The same of an account, or of what stands for one.
    pub fn draft_of(&self, account: [u8; 32], kind: DeclarationKind, subject: SubjectId) -> Declaration {
        let now = self.clock.now();
        Declaration {
            id: ApplicationId::new(now, &*self.random),
            subject,
            kind,
            account,
            entered_by: None,
            created_at: now,
            commitment: None,
            statements: Vec::new(),
            normalisations: String::new(),
            abroad_days: String::new(),
            provenance: None,
            details: None,
            in_force_at: None,
            waiting_for: None,
            refused_at: None,
            refusal: None,
            pending_step: None,
            replaces: None,
            replaced_by: None,
        }
    }

    /// Stores the declaration of a registered person, which is acknowledged once this returns. A repeated request gets its first answer.
    pub async fn acknowledge(
        &self,
        permit: &SelfPermit,
        request: RequestKey,
        person: RegisteredPerson,
        form: CheckedForm,
    ) -> Result<Declaration, Fault> {
        let mut declaration = self.draft(permit, form.kind, person.subject);
        declaration.fill(person, form);
        self.store(request, declaration).await
    }

    /// Stores a declaration, which is acknowledged once this returns. A repeated request gets its first answer.
    pub async fn store(&self, request: RequestKey, declaration: Declaration) -> Result<Declaration, Fault> {
        let acknowledgement = Acknowledgement {
            request,
            declaration,
            cipher: self.fields.ready().await?,
            outbox: self.outbox.clone(),
            limits: self.limits,
        };
        if lutong_failpoint::broken(Broken::UnstoredDeclaration) {
            return Ok(acknowledgement.declaration);
        }
        let batcher = self
            .batcher
            .get_or_init(|| Batcher::transactions(self.database.clone()));
        let stored = batcher.call(acknowledgement).await??;
        lutong_failpoint::hit("declaration.committed");
        self.outbox.wake();
        Ok(stored)
    }

    /// The declaration that answered an earlier request with the same id.
    pub async fn earlier(
        &self,
        permit: &SelfPermit,
        request: &RequestKey,
    ) -> Result<Option<Declaration>, Fault> {
        let Some(answer) = idempotency::stored_answer(self.database.reader(), request).await? else {
            return Ok(None);
        };
        let cipher = self.fields.ready().await?;
        let account = self.account_hash(permit);
        first_answer(self.database.reader(), &cipher, &account, &answer)
            .await
            .map(Some)
    }
}

impl BatchedCall for Acknowledgement {
    type Output = Declaration;

    fn can_batch(&self) -> bool {
        !corrections::corrects_earlier(&self.declaration) && !daily_limits::is_limited(&self.declaration)
    }

    fn run_batch(
        transaction: &DatabaseTransaction,
        batch: Vec<Self>,
    ) -> BoxFuture<'_, Result<Vec<Declaration>, NotBatchable>> {
        run_together(transaction, batch).boxed()
    }

    fn run_one(self, transaction: &DatabaseTransaction) -> BoxFuture<'_, Result<Declaration, Fault>> {
        self.run(transaction).boxed()
    }
}

async fn run_together(
    transaction: &DatabaseTransaction,
    batch: Vec<Acknowledgement>,
) -> Result<Vec<Declaration>, NotBatchable> {
    let Some(Acknowledgement { cipher, outbox, .. }) = batch.first().cloned() else {
        return Ok(Vec::new());
    };
    let now = batch
        .iter()
        .map(|one| one.declaration.created_at)
        .min()
        .ok_or(NotBatchable)?;
    let claims = batch
        .iter()
        .map(|one| (&one.request, one.declaration.idempotent_answer()));
    if !idempotency::claim_all(transaction, claims, now).await? {
        return Err(NotBatchable);
    }
    let declarations: Vec<_> = batch.iter().map(|one| &one.declaration).collect();
    store::insert(transaction, &cipher, &declarations).await?;
    let events = declarations.iter().filter_map(|one| event_of(one)).collect();
    outbox.seal(now, events).await?.append(transaction).await?;
    lutong_failpoint::hit("declaration.before_commit");
    Ok(batch.into_iter().map(|one| one.declaration).collect())
}

/// What the log says of a declaration that was acknowledged, proved, or whose step was done.
pub fn event_of(declaration: &Declaration) -> Option<NewEvent> {
    let event = if declaration.is_delivered() {
        events::declaration_accepted(declaration)
    } else if declaration.is_postponed() {
        events::arrival_postponed(declaration)
    } else {
        return None;
    };
    Some(NewEvent {
        subject: Some(declaration.subject),
        payload: event.encode_to_vec(),
    })
}

impl Declaration {
    /// Fills in what a form states about a registered person.
    pub fn fill(&mut self, person: RegisteredPerson, form: CheckedForm) {
        self.statements = form.history.statements(self.id);
        if let Some(code) = form.partner_code {
            code.add_to(self);
        }
        if let Some(journey) = form.journey {
            self.statements.extend(journey.statements(self.id));
            self.details = Some(Details::Arrival(journey));
        }
        let days = form.history.abroad_days();
        let days: Vec<_> = days.iter().map(ToString::to_string).collect();
        self.abroad_days = days.join(" ");
        self.commitment = Some(form.commitment);
        self.replaces = form.replaces;
        self.normalisations = person.normalisations;
        self.waiting_for = person.waiting_for;
        self.pending_step = form.pending_step;
    }

    /// The stored answer of the request: the declaration, whose subject may change while a proof is missing.
    fn idempotent_answer(&self) -> Vec<u8> {
        self.id.uuid().as_bytes().to_vec()
    }
}

impl Acknowledgement {
    async fn run(mut self, transaction: &DatabaseTransaction) -> Result<Declaration, Fault> {
        let declaration = &mut self.declaration;
        let now = declaration.created_at;
        let answer = declaration.idempotent_answer();
        if let Claim::Replay(answer) = idempotency::claim(transaction, &self.request, &answer, now).await? {
            return first_answer(transaction, &self.cipher, &declaration.account, &answer).await;
        }
        self.limits.check(transaction, declaration).await?;
        corrections::correct_earlier(transaction, &self.cipher, declaration).await?;
        store::insert(transaction, &self.cipher, &[declaration]).await?;
        if let Some(event) = event_of(declaration) {
            let sealed = self.outbox.seal(now, vec![event]).await?;
            sealed.append(transaction).await?;
        }
        lutong_failpoint::hit("declaration.before_commit");
        Ok(self.declaration)
    }
}

async fn first_answer(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    account: &[u8; 32],
    answer: &[u8],
) -> Result<Declaration, Fault> {
    let id = ApplicationId::from_uuid(idempotency::answered_id(answer)?);
    let found = store::find(connection, cipher, &[*account], id).await?;
    found.ok_or_else(|| idempotency::damaged_answer().into())
}
