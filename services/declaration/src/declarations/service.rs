//! Creates and reads declarations. One durable transaction is the acknowledgement; decision and code follow, at once or from the log.

mod acknowledgement;
mod corrections;
pub mod form;
mod in_force;
mod limits;
pub mod postponed;
mod prepared;
pub mod proofs;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use lutong_chassis::skin::{Page, Query};
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{ApplicationId, Clock, Fault, Random, SubjectId};
use lutong_storage::Database;
use lutong_storage::batch::Batcher;
use lutong_storage::crypto::{FieldCipher, Key, keyed_hash};
use lutong_storage::outbox::Outbox;
use lutong_transport::access::{Grant, SelfPermit};
use sea_orm::DatabaseConnection;

use self::acknowledgement::Acknowledgement;
use super::domain::daily_limits::DailyLimits;
use super::domain::{Declaration, DeclarationKind, DeclarationState};
use super::store;
use super::store::own::{self, ListPosition, OwnDeclarations};
use crate::fault;
use crate::peers::Peers;

/// What applications, arrivals and daily reports share; cheap to clone.
#[derive(Clone)]
pub struct Declarations {
    pub peers: Peers,
    pub clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    database: Database,
    fields: FieldCipher,
    outbox: Outbox,
    account_key: Key,
    limits: DailyLimits,
    batcher: Arc<OnceLock<Batcher<Acknowledgement, Result<Declaration, Fault>>>>,
    marker: Arc<OnceLock<Batcher<(SubjectId, ApplicationId), ()>>>,
}

/// An acknowledged declaration and whether it is in force.
#[derive(Debug, Clone)]
pub struct AcknowledgedDeclaration {
    pub declaration: Declaration,
    pub in_force: bool,
}

impl AcknowledgedDeclaration {
    pub const fn state(&self) -> DeclarationState {
        if self.declaration.replaced_by.is_some() {
            return DeclarationState::Replaced;
        }
        match (self.declaration.refused_at, self.in_force) {
            (Some(_), _) => DeclarationState::Refused,
            (None, true) => DeclarationState::InForce,
            (None, false) => DeclarationState::Pending,
        }
    }

    /// Whether it is in force and not marked so in the database.
    fn is_unmarked(&self) -> bool {
        self.in_force && !self.declaration.is_in_force()
    }
}

impl Declarations {
    pub fn new(
        store: &Store,
        foundation: &Foundation,
        outbox: Outbox,
        peers: Peers,
        limits: DailyLimits,
    ) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            outbox,
            peers,
            account_key: store.index_key.clone(),
            limits,
            batcher: Arc::default(),
            marker: Arc::default(),
        }
    }

    fn account_hash(&self, permit: &SelfPermit) -> [u8; 32] {
        keyed_hash(&self.account_key, permit.account().as_bytes())
    }

    /// The account of what counters enter for a person. It is the name of no account: an account id has no slash.
    fn assisted_hash(&self, person: SubjectId) -> [u8; 32] {
        keyed_hash(
            &self.account_key,
            format!("assisted-applications/{person}").as_bytes(),
        )
    }

    /// The accounts whose declarations a caller reads as own ones: the caller's, and that of what counters entered for the caller's person.
    fn own_accounts(&self, permit: &SelfPermit) -> Vec<[u8; 32]> {
        let mut accounts = vec![self.account_hash(permit)];
        accounts.extend(permit.subject().map(|person| self.assisted_hash(person)));
        accounts
    }

    /// Has risk-rules decide and bring the decision into force. After a failure the log does so.
    async fn finish(&self, grant: &Grant, declaration: Declaration) -> AcknowledgedDeclaration {
        // What an account has stated about a person whom it has not proved to be goes nowhere.
        if declaration.is_in_force() || !declaration.is_delivered() {
            return AcknowledgedDeclaration {
                in_force: declaration.is_in_force(),
                declaration,
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
        let id = parse_name(kind, name, "name")?;
        let cipher = self.fields.ready().await?;
        let own = self.own_accounts(permit);
        let found = store::find(self.database.reader(), &cipher, &own, id).await?;
        let declaration = found
            .filter(|one| one.kind == kind && one.is_readable_by(permit.subject().ok()))
            .ok_or_else(fault::declaration_not_found)?;
        Ok(self.finish_pending(grant, declaration).await)
    }

    /// The same for a declaration that somebody asks for: one that is pending is sent to risk-rules again.
    pub async fn finish_pending(&self, grant: &Grant, declaration: Declaration) -> AcknowledgedDeclaration {
        let acknowledged = self.finish(grant, declaration).await;
        if acknowledged.is_unmarked() {
            self.mark_in_force(&acknowledged.declaration).await;
        }
        acknowledged
    }

    /// An own application that may be replaced, by its name.
    pub async fn replaceable(&self, permit: &SelfPermit, name: &str) -> Result<ApplicationId, Fault> {
        let id = parse_name(DeclarationKind::Application, name, "replaces")?;
        let cipher = self.fields.ready().await?;
        let own = self.account_hash(permit);
        let found = store::find(self.database.reader(), &cipher, &[own], id).await?;
        let earlier = found
            .filter(|one| one.kind == DeclarationKind::Application)
            .ok_or_else(fault::declaration_not_found)?;
        corrections::check_replaceable(&earlier)?;
        // Counted again when it is stored; here, so that identity registers nobody for an edit that is refused.
        self.limits
            .check_edits(self.database.reader(), &own, self.clock.now())
            .await?;
        Ok(id)
    }

    pub fn reader(&self) -> &DatabaseConnection {
        self.database.reader()
    }

    /// Declarations by person and id, for whoever was permitted to find these.
    pub async fn of_keys(
        &self,
        keys: &[(SubjectId, ApplicationId)],
    ) -> Result<HashMap<ApplicationId, AcknowledgedDeclaration>, Fault> {
        let cipher = self.fields.ready().await?;
        let rows = store::of_keys(self.database.reader(), &cipher, keys).await?;
        let acknowledged = rows.into_iter().map(|declaration| {
            let acknowledged = AcknowledgedDeclaration {
                in_force: declaration.is_in_force(),
                declaration,
            };
            (acknowledged.declaration.id, acknowledged)
        });
        Ok(acknowledged.collect())
    }

    /// Own declarations of a kind, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        permit: &SelfPermit,
        kind: DeclarationKind,
        page: &Page,
    ) -> Result<(Vec<AcknowledgedDeclaration>, String), Fault> {
        let selected = OwnDeclarations {
            person: permit.reach().ok(),
            accounts: self.own_accounts(permit),
            kind,
        };
        let cipher = self.fields.ready().await?;
        let after = page.after(ListPosition::read)?;
        let rows = own::list(self.database.reader(), &cipher, &selected, after, page.limit()).await?;
        let (rows, next) = page.cut(rows, |last| ListPosition::of(last).write())?;
        let listed = rows.into_iter().map(|declaration| AcknowledgedDeclaration {
            in_force: declaration.is_in_force(),
            declaration,
        });
        Ok((listed.collect(), next))
    }
}

/// Reads the name of a declaration out of a field.
fn parse_name(kind: DeclarationKind, name: &str, field: &'static str) -> Result<ApplicationId, Fault> {
    let collection = kind.collection();
    let id = name
        .strip_prefix(collection)
        .and_then(|rest| rest.strip_prefix('/'));
    id.and_then(|id| id.parse().ok())
        .ok_or_else(|| Fault::invalid(vec![fault::name_shape(field, collection)]))
}
