//! Imports of applications as the organisation sees them. A piece may be sent again, because rows are identified by their numbers.

mod expiry;
mod registering;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, DecisionId, DivisionCode, Fault, Jurisdiction, Random, Violation};
use lutong_proto::bounds::Bounded as _;
use lutong_proto::types::v1::PersonItems;
use lutong_storage::crypto::FieldCipher;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::{Database, StorageError};
use lutong_transport::reply;
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;
use uuid::Uuid;

use super::domain::{AppendError, ApplicationImport, ImportedRow, RowState, State, check_home, check_texts};
use super::store;
pub use super::store::Organisation;
use super::store::rows::{self, WaitingRow};
use crate::declarations::service::Declarations;
use crate::fault;

/// Imports of applications; cheap to clone.
#[derive(Clone)]
pub struct ApplicationImports {
    declarations: Declarations,
    database: Database,
    fields: FieldCipher,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    woken: Arc<Notify>,
}

impl ApplicationImports {
    pub fn new(store: &Store, foundation: &Foundation, declarations: Declarations) -> Self {
        Self {
            declarations,
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            woken: Arc::default(),
        }
    }

    /// Creates an import. A repeated request gets the import of the first one.
    pub async fn create(
        &self,
        own: &Organisation,
        request: RequestKey,
        organisation: String,
        division: Option<DivisionCode>,
    ) -> Result<ApplicationImport, Fault> {
        let now = self.clock.now();
        let import = ApplicationImport {
            // A UUID of version 7, which is ordered by time.
            id: DecisionId::new(now, &*self.random).uuid(),
            account: own.account().to_owned(),
            organisation,
            division: division.unwrap_or(own.jurisdiction.division()),
            state: State::Open,
            next_row: 1,
            registered: 0,
            refused: 0,
            created_at: now,
            finished_at: None,
        };
        let own = own.clone();
        self.database
            .write(move |transaction| {
                async move {
                    match idempotency::claim(transaction, &request, import.id.as_bytes(), now).await? {
                        Claim::Fresh => {
                            store::insert(transaction, &import).await?;
                            Ok(import)
                        }
                        Claim::Replay(id) => {
                            let id = idempotency::answered_id(&id)?;
                            let created = store::find(transaction, &own, id).await?;
                            created.ok_or_else(|| Fault::from(idempotency::damaged_answer()))
                        }
                    }
                }
                .boxed()
            })
            .await
    }

    /// An import of the organisation. Another account's import is not found.
    pub async fn get(&self, own: &Organisation, id: Uuid) -> Result<ApplicationImport, Fault> {
        let found = store::find(self.database.reader(), own, id).await?;
        found.ok_or_else(fault::application_import_not_found)
    }

    /// The organisation's imports, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        own: &Organisation,
        state: Option<State>,
        page: &Page,
    ) -> Result<(Vec<ApplicationImport>, String), Fault> {
        let before = page.after_id()?;
        let found = store::list(self.database.reader(), own, state, before, page.limit()).await?;
        page.cut(found, |last| last.id.as_bytes().to_vec())
    }

    /// What became of the rows of an import, in their order, and the token of the next page.
    pub async fn list_rows(
        &self,
        own: &Organisation,
        id: Uuid,
        state: Option<RowState>,
        page: &Page,
    ) -> Result<(Vec<ImportedRow>, String), Fault> {
        let import = self.get(own, id).await?;
        let after = page.after(|bytes| Some(i64::from_be_bytes(bytes.try_into().ok()?)))?;
        let after = after.unwrap_or(0);
        let found = rows::list(self.database.reader(), import.id, state, after, page.limit()).await?;
        page.cut(found, |last| last.row.to_be_bytes().to_vec())
    }

    /// Appends the next rows of an import, and returns the import.
    pub async fn append_rows(
        &self,
        own: &Organisation,
        id: Uuid,
        first_row: i64,
        mut people: Vec<PersonItems>,
    ) -> Result<ApplicationImport, Fault> {
        let seen = self.get(own, id).await?;
        let count = i64::try_from(people.len()).unwrap_or(i64::MAX);
        let received = seen
            .received(first_row, count)
            .map_err(|wrong| refused(wrong, &seen))?;
        let new = people.split_off(usize::try_from(received).unwrap_or(0));
        let count = count - received;
        if count == 0 {
            return Ok(seen);
        }
        let allowed = [Jurisdiction::of_division(seen.division), own.jurisdiction];
        let (mut waiting, mut wrong) = (Vec::with_capacity(new.len()), Vec::new());
        for (row, person) in (seen.next_row..).zip(new) {
            let violations = violations(&person, allowed);
            if violations.is_empty() {
                waiting.push(WaitingRow { row, person });
            } else {
                wrong.push((row, violations));
            }
        }
        let cipher = self.fields.ready().await?;
        let appended: Result<(), Fault> = self
            .database
            .write(move |transaction| {
                async move {
                    let refused = i64::try_from(wrong.len()).unwrap_or(i64::MAX);
                    // When another call was first, it appended rows of the same numbers, which are these rows.
                    if store::advance(transaction, &seen, count, refused).await? {
                        rows::stage(transaction, &cipher, seen.id, &waiting).await?;
                        rows::refuse(transaction, seen.id, &wrong).await?;
                    }
                    Ok(())
                }
                .boxed()
            })
            .await;
        appended?;
        self.get(own, id).await
    }

    /// Has the workers register the rows of an import.
    pub async fn finish(
        &self,
        own: &Organisation,
        request: RequestKey,
        id: Uuid,
    ) -> Result<ApplicationImport, Fault> {
        self.act(own, request, id, State::Running).await?;
        self.woken.notify_waiters();
        self.get(own, id).await
    }

    /// Ends an import, and refuses what waits of it.
    pub async fn cancel(
        &self,
        own: &Organisation,
        request: RequestKey,
        id: Uuid,
    ) -> Result<ApplicationImport, Fault> {
        self.act(own, request, id, State::Cancelled).await?;
        self.get(own, id).await
    }

    /// Brings an import into a state, once for a request.
    async fn act(
        &self,
        own: &Organisation,
        request: RequestKey,
        id: Uuid,
        wanted: State,
    ) -> Result<(), Fault> {
        let (own, now) = (own.clone(), self.clock.now());
        self.database
            .write(move |transaction| {
                async move {
                    let found = store::find(transaction, &own, id).await?;
                    let import = found.ok_or_else(fault::application_import_not_found)?;
                    if idempotency::claim(transaction, &request, &[], now).await? != Claim::Fresh {
                        return Ok(());
                    }
                    let (is_done, allowed) = if wanted == State::Running {
                        (store::start(transaction, id).await?, State::FINISHABLE)
                    } else {
                        let is_ended = end(transaction, id, wanted, fault::import_cancelled(), now).await?;
                        (is_ended, State::ENDABLE)
                    };
                    if is_done {
                        Ok(())
                    } else {
                        Err(wrong_state(import.state, allowed))
                    }
                }
                .boxed()
            })
            .await
    }
}

/// Ends an import that has not ended, and refuses what waits of it. Returns `false` when it has ended.
async fn end(
    transaction: &DatabaseTransaction,
    id: Uuid,
    ended: State,
    why: Violation,
    now: lutong_kernel::Timestamp,
) -> Result<bool, StorageError> {
    let is_ended = store::end(transaction, id, ended, now).await?;
    if is_ended {
        rows::refuse_waiting(transaction, id, why).await?;
    }
    Ok(is_ended)
}

/// Everything that this service finds wrong with a row. Identity checks what the texts say.
fn violations(person: &PersonItems, allowed: [Jurisdiction; 2]) -> Vec<Violation> {
    let document = person.document.as_ref();
    let home = person.home_address.as_ref();
    let texts = [
        ("full_name", Some(&person.full_name)),
        ("document.number", document.map(|document| &document.number)),
        ("mobile", Some(&person.mobile)),
        ("home_address.detail", home.map(|home| &home.detail)),
    ];
    let mut wrong = check_texts(
        texts
            .into_iter()
            .filter_map(|(field, text)| Some((field, text?.as_str()))),
    );
    if wrong.is_empty()
        && let Err(fault) = person.check()
    {
        wrong = fault.violations;
    }
    if let Some(home) = home
        && let Err(violation) = check_home(&home.division, allowed)
    {
        wrong.push(violation);
    }
    wrong
}

fn refused(wrong: AppendError, import: &ApplicationImport) -> Fault {
    match wrong {
        AppendError::NotOpen => wrong_state(import.state, State::FINISHABLE),
        AppendError::Missing => fault::rows_missing(import.next_row),
        AppendError::TooMany => fault::too_many_rows_of_applications(),
    }
}

fn wrong_state(state: State, allowed: &[State]) -> Fault {
    let allowed: Vec<_> = allowed.iter().map(|state| state.contract_name()).collect();
    let allowed: Vec<_> = allowed.iter().map(String::as_str).collect();
    reply::wrong_state(&state.contract_name(), &allowed)
}
