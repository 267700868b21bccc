//! Issues, finds and ends codes whose tokens are stored.

mod ward_codes;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Colour, Fault, Random, SubjectId, Timestamp};
use lutong_storage::crypto::FieldCipher;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_storage::{Database, StorageError};
use lutong_token::{Claims, ClaimsError, Issuer, Mask, SignError, SigningKey};
use lutong_transport::access::PermittedSubject;
use lutong_transport::reply;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::domain::{End, EndReason, IssuedCode, IssuedKind, IssuedTokenId, MAX_ACTIVE, State, end_on_paper};
use super::store::{self, Of, SealedCode};
use crate::codes::service::Codes;
use crate::codes::store as codes;
use crate::fault;
use crate::keys::service::Keys;

pub use self::ward_codes::{TextCode, WardCodes};

/// All issued codes; cheap to clone.
#[derive(Clone)]
pub struct IssuedCodes {
    database: Database,
    fields: FieldCipher,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    codes: Codes,
    keys: Keys,
}

/// A code to issue.
#[derive(Debug, Clone)]
pub struct Issue<K> {
    pub holder: PermittedSubject,
    pub request: RequestKey,
    pub kind: K,
    /// Whether the earlier ones of the kind and holder end with it.
    pub end_earlier: bool,
}

/// What one kind of code puts into its token.
pub trait TokenKind {
    const KIND: IssuedKind;

    /// When the token issued at an instant expires, with a code that is due to change at another. On paper a change on the way does not
    /// shorten it: what follows the colour is revoked by the decision that brings another one.
    fn expires_at(&self, issued_at: Timestamp, _next_change_at: Option<Timestamp>) -> Timestamp {
        end_on_paper(issued_at)
    }

    fn claims(
        &self,
        issuer: Issuer,
        times: (Timestamp, Timestamp),
        token_id: IssuedTokenId,
        shown: (Colour, Option<Mask>),
    ) -> Result<Claims, ClaimsError>;

    /// The bytes that are stored: those of the token's text.
    fn sign(&self, key: &SigningKey, claims: &Claims) -> Result<Vec<u8>, SignError> {
        key.sign(claims).map(String::into_bytes)
    }
}

/// An issued code with its token.
#[derive(Debug, Clone)]
pub struct OpenedCode {
    pub code: IssuedCode,
    pub state: State,
    pub token: Vec<u8>,
}

fn context(code: &IssuedCode) -> Vec<u8> {
    let place = match code.kind {
        // The name that the table had when there were no others.
        IssuedKind::Paper => "paper_codes",
        IssuedKind::Device => "device_bound_codes",
        IssuedKind::Card => "card_codes",
    };
    format!("{place}/token/{}", code.id).into_bytes()
}

fn not_found(kind: IssuedKind) -> Fault {
    match kind {
        IssuedKind::Paper => fault::paper_code_not_found(),
        IssuedKind::Device => fault::device_bound_code_not_found(),
        IssuedKind::Card => fault::card_code_not_found(),
    }
}

fn too_many(kind: IssuedKind) -> Fault {
    match kind {
        IssuedKind::Paper => fault::too_many_paper_codes(MAX_ACTIVE),
        IssuedKind::Device => fault::too_many_device_bound_codes(MAX_ACTIVE),
        IssuedKind::Card => fault::too_many_card_codes(MAX_ACTIVE),
    }
}

/// The fault of a code that is over.
pub fn wrong_state(state: State) -> Fault {
    reply::wrong_state(state.into_str(), &[State::Active.into_str()])
}

impl IssuedCodes {
    pub fn new(store: &Store, foundation: &Foundation, codes: Codes, keys: Keys) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            codes,
            keys,
        }
    }

    /// Issues a code with the colour in force.
    pub async fn create<K: TokenKind>(&self, issue: Issue<K>) -> Result<OpenedCode, Fault> {
        let Issue {
            holder,
            request,
            kind,
            end_earlier,
        } = issue;
        let of = Of {
            holder,
            kind: K::KIND,
        };
        if let Some(answer) = idempotency::stored_answer(self.database.reader(), &request).await? {
            return self.find(of, idempotency::answered_id(&answer)?).await;
        }
        let new = self.issue(of, &kind, self.clock.now()).await?;
        let created = self.database.write(move |transaction| {
            async move {
                // Locks the code: a decision that comes into force later finds the issued code and revokes it.
                let in_force = codes::lock_version(transaction, of.holder.id()).await?;
                if in_force != Some(new.code.version) {
                    return Err(StorageError::Contended.into());
                }
                create_in(transaction, of, &request, new, end_earlier).await
            }
            .boxed()
        });
        let id: Result<Uuid, Fault> = created.await;
        self.find(of, id?).await
    }

    /// Signs a new code, which is not stored yet.
    async fn issue(&self, of: Of, kind: &impl TokenKind, now: Timestamp) -> Result<SealedCode, Fault> {
        let subject = of.holder.id();
        let row = self.codes.find(subject).await?;
        let row = row.ok_or_else(fault::code_not_found)?;
        if row.code.awaits_decision(now) {
            return Err(fault::own_code_refreshing(&row.code));
        }
        let mask = match &row.mask {
            Some(mask) => Some(mask.clone()),
            None => self.codes.fetch_mask(subject).await,
        };
        let code = IssuedCode {
            id: SubjectId::new(now, &*self.random).uuid(),
            subject,
            kind: of.kind,
            token_id: self.random.bytes(),
            colour: row.code.colour,
            version: row.code.version,
            created_at: now,
            expires_at: kind.expires_at(now, row.code.next_change_at),
            end: None,
        };
        let token = self.sign(kind, &code, mask).await?;
        let cipher = self.fields.ready().await?;
        Ok(SealedCode {
            sealed_token: cipher.encrypt(&token, &context(&code))?,
            code,
        })
    }

    async fn sign(
        &self,
        kind: &impl TokenKind,
        code: &IssuedCode,
        mask: Option<Mask>,
    ) -> Result<Vec<u8>, Fault> {
        let failed =
            |error: &dyn std::fmt::Display| Fault::internal(format_args!("a code was not signed: {error}"));
        let times = (code.created_at, code.expires_at);
        let claims = kind.claims(self.keys.issuer(), times, code.token_id, (code.colour, mask));
        let claims = claims.map_err(|error| failed(&error))?;
        let ring = self.keys.ring().await?;
        kind.sign(&ring.signer, &claims).map_err(|error| failed(&error))
    }

    /// A code of the holder.
    pub async fn find(&self, of: Of, id: Uuid) -> Result<OpenedCode, Fault> {
        let sealed = store::find(self.database.reader(), of, id).await?;
        self.open(sealed.ok_or_else(|| not_found(of.kind))?).await
    }

    /// The latest valid code of each holder that has one.
    pub async fn latest_active(
        &self,
        kind: IssuedKind,
        holders: &[PermittedSubject],
    ) -> Result<HashMap<SubjectId, OpenedCode>, Fault> {
        let active = store::active_of(self.database.reader(), kind, holders, self.clock.now()).await?;
        let mut latest = HashMap::with_capacity(holders.len());
        for sealed in active {
            if let Entry::Vacant(place) = latest.entry(sealed.code.subject) {
                place.insert(self.open(sealed).await?);
            }
        }
        Ok(latest)
    }

    /// The codes of the holder on a page, the newest first, and the next page's token.
    pub async fn list(&self, of: Of, page: &Page) -> Result<(Vec<OpenedCode>, String), Fault> {
        let rows = store::list(self.database.reader(), of, page.after_id()?, page.limit()).await?;
        let (rows, next) = page.cut(rows, |last| last.code.id.as_bytes().to_vec())?;
        let mut opened = Vec::with_capacity(rows.len());
        for sealed in rows {
            opened.push(self.open(sealed).await?);
        }
        Ok((opened, next))
    }

    /// Ends a code before it expires.
    pub async fn end(&self, of: Of, request: RequestKey, id: Uuid) -> Result<OpenedCode, Fault> {
        let now = self.clock.now();
        let ended = self.database.write(move |transaction| {
            async move {
                if let Claim::Replay(_) =
                    idempotency::claim(transaction, &request, id.as_bytes(), now).await?
                {
                    return Ok::<_, Fault>(());
                }
                let end = End {
                    at: now,
                    reason: EndReason::Ended,
                };
                if store::end(transaction, of, id, end).await? {
                    return Ok(());
                }
                let sealed = store::find(transaction, of, id).await?;
                let sealed = sealed.ok_or_else(|| not_found(of.kind))?;
                Err(wrong_state(sealed.code.state(now)))
            }
            .boxed()
        });
        ended.await?;
        self.find(of, id).await
    }

    async fn open(&self, sealed: SealedCode) -> Result<OpenedCode, Fault> {
        let SealedCode { code, sealed_token } = sealed;
        let cipher = self.fields.ready().await?;
        Ok(OpenedCode {
            token: cipher.decrypt(&sealed_token, &context(&code))?,
            state: code.state(self.clock.now()),
            code,
        })
    }

    /// The code of a token whose signature has been verified.
    pub async fn find_by_token(&self, token_id: &[u8]) -> Result<Option<IssuedCode>, Fault> {
        let Ok(token_id) = token_id.try_into() else {
            return Ok(None);
        };
        Ok(store::find_by_token(self.database.reader(), token_id).await?)
    }
}

async fn create_in(
    transaction: &DatabaseTransaction,
    of: Of,
    request: &RequestKey,
    new: SealedCode,
    end_earlier: bool,
) -> Result<Uuid, Fault> {
    let (id, now) = (new.code.id, new.code.created_at);
    if let Claim::Replay(answer) = idempotency::claim(transaction, request, id.as_bytes(), now).await? {
        return Ok(idempotency::answered_id(&answer)?);
    }
    if end_earlier {
        let end = End {
            at: now,
            reason: EndReason::Replaced,
        };
        store::end_all(transaction, of, end).await?;
    }
    if store::count_active(transaction, of, now).await? >= MAX_ACTIVE {
        return Err(too_many(of.kind));
    }
    store::insert(transaction, new).await?;
    Ok(id)
}

/// The fault of a stored token that is not one.
pub fn damaged_token() -> Fault {
    StorageError::Damaged("issued_codes.token".to_owned()).into()
}
