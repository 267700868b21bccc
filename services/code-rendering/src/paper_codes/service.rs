//! Issues, lists and ends paper codes.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Colour, Fault, Random, SubjectId, Timestamp};
use lutong_storage::crypto::FieldCipher;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_storage::{Database, StorageError};
use lutong_token::{Claims, Issuer, Mask, UnverifiedToken};
use lutong_transport::access::{PermittedSubject, WardPermit};
use lutong_transport::reply;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::domain::{self, End, EndReason, MAX_ACTIVE, PaperCode, PaperTokenId, State};
use super::store::{self, StoredPaperCode};
use crate::bindings::service::Bindings;
use crate::codes::service::Codes;
use crate::codes::store as codes;
use crate::fault;
use crate::keys::service::Keys;

/// All paper codes; cheap to clone.
#[derive(Clone)]
pub struct PaperCodes {
    database: Database,
    fields: FieldCipher,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    codes: Codes,
    bindings: Bindings,
    keys: Keys,
}

/// A paper code with what is printed of it.
#[derive(Debug, Clone)]
pub struct View {
    pub paper_code: PaperCode,
    pub state: State,
    pub mask: Option<Mask>,
    pub token: String,
}

fn context(id: Uuid) -> Vec<u8> {
    format!("paper_codes/token/{id}").into_bytes()
}

impl PaperCodes {
    pub fn new(store: &Store, foundation: &Foundation, codes: Codes, bindings: Bindings, keys: Keys) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            codes,
            bindings,
            keys,
        }
    }

    async fn holder(&self, permit: &WardPermit) -> Result<PermittedSubject, Fault> {
        let is_bound = async |binder, ward| self.bindings.is_bound(binder, ward).await;
        permit.reach(is_bound).await
    }

    /// Issues a paper code with the colour in force. With `end_earlier` it replaces those that are valid.
    pub async fn create(
        &self,
        permit: &WardPermit,
        key: RequestKey,
        end_earlier: bool,
    ) -> Result<View, Fault> {
        let holder = self.holder(permit).await?;
        if let Some(answer) = idempotency::stored_answer(self.database.reader(), &key).await? {
            return self.find(holder, idempotency::answered_id(&answer)?).await;
        }
        let now = self.clock.now();
        let new = self.issue(holder, now).await?;
        let created = self.database.write(move |transaction| {
            async move {
                // Locks the code: a decision that comes into force later finds this paper code and revokes it.
                let in_force = codes::lock_version(transaction, holder.id()).await?;
                if in_force != Some(new.paper_code.version) {
                    return Err(StorageError::Contended.into());
                }
                create_in(transaction, holder, &key, new, end_earlier).await
            }
            .boxed()
        });
        let id: Result<Uuid, Fault> = created.await;
        self.find(holder, id?).await
    }

    /// Signs a new paper code, which is not stored yet.
    async fn issue(&self, holder: PermittedSubject, now: Timestamp) -> Result<StoredPaperCode, Fault> {
        let subject = holder.id();
        let row = self.codes.find(subject).await?;
        let row = row.ok_or_else(fault::code_not_found)?;
        if row.code.awaits_decision(now) {
            return Err(fault::code_refreshing());
        }
        let mask = match &row.mask {
            Some(mask) => Some(mask.clone()),
            None => self.codes.fetch_mask(subject).await,
        };
        let paper_code = PaperCode {
            id: SubjectId::new(now, &*self.random).uuid(),
            subject,
            token_id: self.random.bytes(),
            colour: row.code.colour,
            version: row.code.version,
            created_at: now,
            expires_at: domain::expires_at(now),
            end: None,
        };
        let token = self.sign(&paper_code, mask).await?;
        let cipher = self.fields.ready().await?;
        Ok(StoredPaperCode {
            sealed_token: cipher.encrypt(token.as_bytes(), &context(paper_code.id))?,
            paper_code,
        })
    }

    async fn sign(&self, paper_code: &PaperCode, mask: Option<Mask>) -> Result<String, Fault> {
        let failed = |error: &dyn std::fmt::Display| {
            Fault::internal(format_args!("a paper code was not signed: {error}"))
        };
        let times = (paper_code.created_at, paper_code.expires_at);
        let (token_id, colour): (PaperTokenId, Colour) = (paper_code.token_id, paper_code.colour);
        let claims = Claims::paper(Issuer::SHANDONG, times, token_id, colour, mask);
        let claims = claims.map_err(|error| failed(&error))?;
        let ring = self.keys.ring().await?;
        ring.signer.sign(&claims).map_err(|error| failed(&error))
    }

    /// A paper code of the holder.
    pub async fn get(&self, permit: &WardPermit, id: Uuid) -> Result<View, Fault> {
        let holder = self.holder(permit).await?;
        self.find(holder, id).await
    }

    /// A paper code of the holder that may be printed.
    pub async fn get_active(&self, permit: &WardPermit, id: Uuid) -> Result<View, Fault> {
        let view = self.get(permit, id).await?;
        if view.state.is_active() {
            return Ok(view);
        }
        Err(wrong_state(view.state))
    }

    /// The holder's paper codes on a page, the newest first, and the next page's token.
    pub async fn list(&self, permit: &WardPermit, page: &Page) -> Result<(Vec<View>, String), Fault> {
        let holder = self.holder(permit).await?;
        let rows = store::list(self.database.reader(), holder, page.after_id()?, page.limit()).await?;
        let (rows, next) = page.cut(rows, |last| last.paper_code.id.as_bytes().to_vec())?;
        let mut views = Vec::with_capacity(rows.len());
        for stored in rows {
            views.push(self.view(stored).await?);
        }
        Ok((views, next))
    }

    /// Ends a paper code before it expires.
    pub async fn end(&self, permit: &WardPermit, key: RequestKey, id: Uuid) -> Result<View, Fault> {
        let holder = self.holder(permit).await?;
        let now = self.clock.now();
        let ended = self.database.write(move |transaction| {
            async move {
                if let Claim::Replay(_) = idempotency::claim(transaction, &key, id.as_bytes(), now).await? {
                    return Ok::<_, Fault>(());
                }
                let end = End {
                    at: now,
                    reason: EndReason::Ended,
                };
                if store::end(transaction, holder, id, end).await? {
                    return Ok(());
                }
                let stored = store::find(transaction, holder, id).await?;
                let stored = stored.ok_or_else(fault::paper_code_not_found)?;
                Err(wrong_state(stored.paper_code.state(now)))
            }
            .boxed()
        });
        ended.await?;
        self.find(holder, id).await
    }

    async fn find(&self, holder: PermittedSubject, id: Uuid) -> Result<View, Fault> {
        let stored = store::find(self.database.reader(), holder, id).await?;
        self.view(stored.ok_or_else(fault::paper_code_not_found)?).await
    }

    async fn view(&self, stored: StoredPaperCode) -> Result<View, Fault> {
        let StoredPaperCode {
            paper_code,
            sealed_token,
        } = stored;
        let cipher = self.fields.ready().await?;
        let token = cipher.decrypt_text(&sealed_token, &context(paper_code.id))?;
        let read = UnverifiedToken::parse(&token)
            .map_err(|_| StorageError::Damaged("paper_codes.token".to_owned()))?;
        Ok(View {
            state: paper_code.state(self.clock.now()),
            mask: read.claims().mask().cloned(),
            paper_code,
            token,
        })
    }

    /// The paper code of a token whose signature has been verified.
    pub async fn find_by_token(&self, token_id: &[u8]) -> Result<Option<PaperCode>, Fault> {
        let Ok(token_id) = token_id.try_into() else {
            return Ok(None);
        };
        Ok(store::find_by_token(self.database.reader(), token_id).await?)
    }
}

async fn create_in(
    transaction: &DatabaseTransaction,
    holder: PermittedSubject,
    key: &RequestKey,
    new: StoredPaperCode,
    end_earlier: bool,
) -> Result<Uuid, Fault> {
    let (id, now) = (new.paper_code.id, new.paper_code.created_at);
    if let Claim::Replay(answer) = idempotency::claim(transaction, key, id.as_bytes(), now).await? {
        return Ok(idempotency::answered_id(&answer)?);
    }
    if end_earlier {
        let end = End {
            at: now,
            reason: EndReason::Replaced,
        };
        store::end_all(transaction, holder, end).await?;
    }
    if store::count_active(transaction, holder, now).await? >= MAX_ACTIVE {
        return Err(fault::too_many_paper_codes(MAX_ACTIVE));
    }
    store::insert(transaction, new).await?;
    Ok(id)
}

fn wrong_state(state: State) -> Fault {
    reply::wrong_state(state.into_str(), &[State::Active.into_str()])
}
