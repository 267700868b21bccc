//! Accept, then finish: one durable transaction is the acknowledgement; decision and code follow.

use std::sync::{Arc, OnceLock};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_chassis::skin::{Page, Query};
use lutong_chassis::{Foundation, Store};
#[cfg(feature = "failpoints")]
use lutong_failpoint::Broken;
use lutong_kernel::{
    ApplicationId, Clock, Fault, FaultCode, FreeText, Random, SubjectId, TextRule, Timestamp, Violation,
};
use lutong_storage::crypto::{FieldCipher, Key, ReadyCipher, keyed_hash};
use lutong_storage::gather::{Apart, Gatherer, Together};
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::outbox::{NewEvent, Outbox};
use lutong_storage::{Database, StorageError};
use lutong_transport::access::{Grant, SelfPermit};
use prost::Message as _;
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use uuid::Uuid;

use crate::domain::contact_history::ContactHistory;
use crate::events;
use crate::peers::{PartnerCode, Peers};
use crate::store::declarations::{self, Declaration, DeclarationKind, Own, Place};

/// Characters of a commitment's version.
const MAX_VERSION: usize = 20;
/// Declarations noted in one transaction.
const NOTED_TOGETHER: usize = 256;

/// Cheap to clone.
#[derive(Clone)]
pub struct Declaring {
    pub(super) database: Database,
    pub(super) fields: FieldCipher,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) outbox: Outbox,
    pub(super) peers: Peers,
    account_key: Key,
    gatherer: Arc<OnceLock<Gatherer<Acknowledging, Result<Declaration, Fault>>>>,
    noting: Arc<OnceLock<Gatherer<(SubjectId, ApplicationId), ()>>>,
}

/// An acknowledged declaration and whether it counts in the code yet.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    pub declaration: Declaration,
    pub in_force: bool,
}

impl Acknowledged {
    /// Whether it is in force and the database does not say so yet.
    const fn is_to_be_noted(&self) -> bool {
        self.in_force && self.declaration.in_force_at.is_none()
    }
}

/// What was checked before anything is stored.
#[derive(Debug)]
pub struct Accepted {
    pub kind: DeclarationKind,
    pub history: ContactHistory,
    pub commitment_version: String,
    pub partner_code: Option<PartnerCode>,
}

/// The transaction of the acknowledgement.
#[derive(Clone)]
pub(super) struct Acknowledging {
    request: RequestKey,
    declaration: Declaration,
    cipher: ReadyCipher,
    outbox: Outbox,
}

impl Declaring {
    pub fn new(store: &Store, foundation: &Foundation, outbox: Outbox, peers: Peers) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            outbox,
            peers,
            account_key: store.index_key.clone(),
            gatherer: Arc::default(),
            noting: Arc::default(),
        }
    }

    pub(super) fn account_hash(&self, permit: &SelfPermit) -> [u8; 32] {
        keyed_hash(&self.account_key, permit.account().as_bytes())
    }

    /// Stores an accepted declaration; from here on it is acknowledged. A repeated request gets its first answer.
    pub(super) async fn acknowledge(
        &self,
        permit: &SelfPermit,
        request: RequestKey,
        subject: SubjectId,
        normalisations: String,
        accepted: Accepted,
    ) -> Result<Declaration, Fault> {
        let now = self.clock.now();
        let id = ApplicationId::new(now, &*self.random);
        let mut statements = accepted.history.statements(id);
        let mut provenance = None;
        if let Some(mut code) = accepted.partner_code {
            code.statement.key = crate::domain::statement::key(id, "partner");
            code.provenance.statement_key.clone_from(&code.statement.key);
            statements.push(code.statement);
            provenance = Some(code.provenance);
        }
        let days: Vec<_> = accepted
            .history
            .abroad_days()
            .iter()
            .map(ToString::to_string)
            .collect();
        let acknowledging = Acknowledging {
            request,
            declaration: Declaration {
                id,
                subject,
                kind: accepted.kind,
                account: self.account_hash(permit),
                created_at: now,
                commitment_version: accepted.commitment_version,
                statements,
                normalisations,
                abroad_days: days.join(" "),
                provenance,
                in_force_at: None,
            },
            cipher: self.fields.ready().await?,
            outbox: self.outbox.clone(),
        };
        #[cfg(feature = "failpoints")]
        if lutong_failpoint::broken(Broken::UnstoredDeclaration) {
            return Ok(acknowledging.declaration);
        }
        let gatherer = self
            .gatherer
            .get_or_init(|| Gatherer::transactions(self.database.clone()));
        let stored = gatherer.call(acknowledging).await.ok_or_else(Fault::internal)??;
        lutong_failpoint::hit("declaration.committed");
        self.outbox.wake();
        Ok(stored)
    }

    /// What the same request was answered when it was done before.
    pub(super) async fn earlier(&self, request: &RequestKey) -> Result<Option<Declaration>, Fault> {
        let Some(answer) = idempotency::earlier(self.database.reader(), request).await? else {
            return Ok(None);
        };
        let cipher = self.fields.ready().await?;
        first_answer(self.database.reader(), &cipher, &answer)
            .await
            .map(Some)
    }

    /// Decides and brings into force; what fails here the log finishes.
    pub(super) async fn finish(&self, grant: &Grant, declaration: Declaration) -> Acknowledged {
        if declaration.in_force_at.is_some() {
            return Acknowledged {
                declaration,
                in_force: true,
            };
        }
        let appended = self.peers.append_declared(&grant.call(), &declaration).await;
        let in_force = match appended {
            Ok(in_force) => in_force,
            Err(fault) => {
                tracing::info!(declaration = %declaration.id, %fault, "a declaration is pending; the log delivers it");
                false
            }
        };
        Acknowledged {
            declaration,
            in_force,
        }
    }

    /// The same for a declaration that has just been stored: what is in force is noted beside the call, which does not wait. Where
    /// the note is lost the next poll makes it anew.
    pub(super) async fn finish_new(&self, grant: &Grant, declaration: Declaration) -> Acknowledged {
        let acknowledged = self.finish(grant, declaration).await;
        if acknowledged.is_to_be_noted() {
            tokio::spawn(self.noted(&acknowledged.declaration));
        }
        acknowledged
    }

    /// An own declaration as it stands. Asking also pushes one that is pending.
    pub async fn get(
        &self,
        call: &Query<SelfPermit>,
        kind: DeclarationKind,
        name: &str,
    ) -> Result<Acknowledged, Fault> {
        let Query { grant, permit } = call;
        let id = parse_name(kind, name)?;
        let subject = permit.reach().map_err(|_| not_found())?;
        let cipher = self.fields.ready().await?;
        let found = declarations::find(self.database.reader(), &cipher, subject, id).await?;
        let own = self.account_hash(permit);
        let declaration = found
            .filter(|one| one.kind == kind && one.account == own)
            .ok_or_else(not_found)?;
        let acknowledged = self.finish(grant, declaration).await;
        if acknowledged.is_to_be_noted() {
            self.noted(&acknowledged.declaration).await;
        }
        Ok(acknowledged)
    }

    /// Own declarations of a kind, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        permit: &SelfPermit,
        kind: DeclarationKind,
        page: &Page,
    ) -> Result<(Vec<Acknowledged>, String), Fault> {
        // Whoever has declared nothing has an empty list.
        let Ok(subject) = permit.reach() else {
            return Ok((Vec::new(), String::new()));
        };
        let own = Own {
            subject,
            account: self.account_hash(permit),
            kind,
        };
        let cipher = self.fields.ready().await?;
        let after = page.after.as_deref().and_then(Place::read);
        let rows = declarations::list(self.database.reader(), &cipher, &own, after, page.limit()).await?;
        let (rows, next) = page.cut(rows, |last| Place::of(last).write())?;
        let listed = rows.into_iter().map(|declaration| Acknowledged {
            in_force: declaration.in_force_at.is_some(),
            declaration,
        });
        Ok((listed.collect(), next))
    }

    /// Notes that a declaration is in force, with whatever else is to be noted then.
    fn noted(&self, declaration: &Declaration) -> impl Future<Output = ()> + Send + use<> {
        let noting = self.noting.get_or_init(|| {
            let (database, clock) = (self.database.clone(), Arc::clone(&self.clock));
            Gatherer::start(NOTED_TOGETHER, 1, move |batch| {
                note_all(database.clone(), clock.now(), batch)
            })
        });
        let (noting, one) = (noting.clone(), (declaration.subject, declaration.id));
        async move {
            // A note that did not come to its end is made by the next poll.
            let _ = noting.call(one).await;
        }
    }
}

async fn note_all(database: Database, now: Timestamp, batch: Vec<(SubjectId, ApplicationId)>) -> Vec<()> {
    let count = batch.len();
    let noted: Result<(), StorageError> = database
        .write(move |transaction| {
            let batch = batch.clone();
            async move { declarations::set_in_force(transaction, &batch, now).await }.boxed()
        })
        .await;
    if let Err(error) = noted {
        tracing::info!(%error, "what is in force was not noted; the next poll tries again");
    }
    vec![(); count]
}

impl Together for Acknowledging {
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
    batch: Vec<Acknowledging>,
) -> Result<Vec<Declaration>, Apart> {
    let Some(Acknowledging { cipher, outbox, .. }) = batch.first().cloned() else {
        return Ok(Vec::new());
    };
    let now = batch
        .iter()
        .map(|one| one.declaration.created_at)
        .min()
        .ok_or(Apart)?;
    let claims = batch.iter().map(|one| (&one.request, one.declaration.answer()));
    if !idempotency::claim_all(transaction, claims, now).await? {
        return Err(Apart);
    }
    let declarations: Vec<_> = batch.iter().map(|one| &one.declaration).collect();
    declarations::insert(transaction, &cipher, &declarations).await?;
    let events = declarations.iter().map(|one| accepted(one)).collect();
    outbox.seal(now, events).await?.append(transaction).await?;
    lutong_failpoint::hit("declaration.before_commit");
    Ok(batch.into_iter().map(|one| one.declaration).collect())
}

fn accepted(declaration: &Declaration) -> NewEvent {
    NewEvent {
        subject: Some(declaration.subject),
        payload: events::declaration_accepted(declaration).encode_to_vec(),
    }
}

impl Declaration {
    /// What its request's repetition is answered from.
    fn answer(&self) -> Vec<u8> {
        [&self.subject.uuid().as_bytes()[..], self.id.uuid().as_bytes()].concat()
    }
}

impl Acknowledging {
    async fn run(mut self, transaction: &DatabaseTransaction) -> Result<Declaration, Fault> {
        let declaration = &mut self.declaration;
        let now = declaration.created_at;
        let answer = declaration.answer();
        if let Claim::Replay(answer) = idempotency::claim(transaction, &self.request, &answer, now).await? {
            return first_answer(transaction, &self.cipher, &answer).await;
        }
        if declaration.provenance.is_some() {
            let before =
                declarations::standing_partner_code(transaction, &self.cipher, declaration.subject).await?;
            if let Some(code) = declaration
                .statements
                .iter_mut()
                .find(|one| one.kind == "partner_code")
            {
                code.replaces = before;
            }
        }
        declarations::insert(transaction, &self.cipher, &[declaration]).await?;
        self.outbox
            .seal(now, vec![accepted(declaration)])
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
    declarations::first_answer(connection, cipher, subject, id)
        .await?
        .ok_or_else(damaged)
}

fn parse_name(kind: DeclarationKind, name: &str) -> Result<ApplicationId, Fault> {
    let collection = kind.collection();
    let id = name
        .strip_prefix(collection)
        .and_then(|rest| rest.strip_prefix('/'));
    id.and_then(|id| id.parse().ok()).ok_or_else(|| {
        Fault::invalid(vec![Violation::new(
            "name",
            "NAME_SHAPE",
            format!("名称应为{collection}/编号"),
            format!("a name is {collection}/ and a UUID"),
        )])
    })
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "DECLARATION_NOT_FOUND",
        "未找到本账号的该项申报",
        "there is no such declaration of this account",
    )
}

/// The commitment that all is true (DOMAIN 2): accepted, and in which wording.
pub fn check_commitment(commitment: Option<(bool, &str)>) -> Result<String, Violation> {
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
