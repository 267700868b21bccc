//! Creates and reads declarations. One durable transaction is the acknowledgement; decision and code follow, at once or from the log.

mod acknowledgement;
pub mod form;
mod in_force;

use std::sync::{Arc, OnceLock};

use lutong_chassis::skin::{Page, Query};
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{ApplicationId, Clock, Fault, FaultCode, Random, SubjectId, Violation};
use lutong_storage::Database;
use lutong_storage::crypto::{FieldCipher, Key, keyed_hash};
use lutong_storage::gather::Gatherer;
use lutong_storage::outbox::Outbox;
use lutong_transport::access::{Grant, SelfPermit};

use self::acknowledgement::Acknowledgement;
use super::domain::{Declaration, DeclarationKind};
use super::store::{self, ListPosition, OwnDeclarations};
use crate::peers::Peers;

/// What applications and arrivals share; cheap to clone.
#[derive(Clone)]
pub struct Declarations {
    pub peers: Peers,
    pub clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    database: Database,
    fields: FieldCipher,
    outbox: Outbox,
    account_key: Key,
    gatherer: Arc<OnceLock<Gatherer<Acknowledgement, Result<Declaration, Fault>>>>,
    marker: Arc<OnceLock<Gatherer<(SubjectId, ApplicationId), ()>>>,
}

/// An acknowledged declaration and whether it is in force.
#[derive(Debug, Clone)]
pub struct AcknowledgedDeclaration {
    pub declaration: Declaration,
    pub in_force: bool,
}

impl AcknowledgedDeclaration {
    /// Whether it is in force and not marked so in the database.
    const fn is_unmarked(&self) -> bool {
        self.in_force && self.declaration.in_force_at.is_none()
    }
}

impl Declarations {
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
            marker: Arc::default(),
        }
    }

    fn account_hash(&self, permit: &SelfPermit) -> [u8; 32] {
        keyed_hash(&self.account_key, permit.account().as_bytes())
    }

    /// Has risk-rules decide and bring the decision into force. After a failure the log does so.
    async fn finish(&self, grant: &Grant, declaration: Declaration) -> AcknowledgedDeclaration {
        if declaration.in_force_at.is_some() {
            return AcknowledgedDeclaration {
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
        AcknowledgedDeclaration {
            declaration,
            in_force,
        }
    }

    /// The same for a declaration that has just been stored. It is marked in force by a task that the call does not wait for; if that
    /// fails, the next poll marks it.
    pub async fn finish_new(&self, grant: &Grant, declaration: Declaration) -> AcknowledgedDeclaration {
        let acknowledged = self.finish(grant, declaration).await;
        if acknowledged.is_unmarked() {
            tokio::spawn(self.mark_in_force(&acknowledged.declaration));
        }
        acknowledged
    }

    /// An own declaration. A pending one is sent to risk-rules again.
    pub async fn get(
        &self,
        call: &Query<SelfPermit>,
        kind: DeclarationKind,
        name: &str,
    ) -> Result<AcknowledgedDeclaration, Fault> {
        let Query { grant, permit } = call;
        let id = parse_name(kind, name)?;
        let subject = permit.reach().map_err(|_| not_found())?;
        let cipher = self.fields.ready().await?;
        let found = store::find(self.database.reader(), &cipher, subject, id).await?;
        let own = self.account_hash(permit);
        let declaration = found
            .filter(|one| one.kind == kind && one.account == own)
            .ok_or_else(not_found)?;
        let acknowledged = self.finish(grant, declaration).await;
        if acknowledged.is_unmarked() {
            self.mark_in_force(&acknowledged.declaration).await;
        }
        Ok(acknowledged)
    }

    /// Own declarations of a kind, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        permit: &SelfPermit,
        kind: DeclarationKind,
        page: &Page,
    ) -> Result<(Vec<AcknowledgedDeclaration>, String), Fault> {
        // An account without a person has no declarations.
        let Ok(subject) = permit.reach() else {
            return Ok((Vec::new(), String::new()));
        };
        let own = OwnDeclarations {
            subject,
            account: self.account_hash(permit),
            kind,
        };
        let cipher = self.fields.ready().await?;
        let after = page.after(ListPosition::read)?;
        let rows = store::list(self.database.reader(), &cipher, &own, after, page.limit()).await?;
        let (rows, next) = page.cut(rows, |last| ListPosition::of(last).write())?;
        let listed = rows.into_iter().map(|declaration| AcknowledgedDeclaration {
            in_force: declaration.in_force_at.is_some(),
            declaration,
        });
        Ok((listed.collect(), next))
    }
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
