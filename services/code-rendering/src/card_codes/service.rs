//! Issues, lists and ends card codes.

use lutong_chassis::skin::Page;
use lutong_kernel::{Colour, Fault, Timestamp};
use lutong_storage::idempotency::RequestKey;
use lutong_token::{Claims, ClaimsError, Issuer, Mask, SignError, SigningKey};
use lutong_transport::access::WardPermit;
use uuid::Uuid;

use crate::bindings::service::Bindings;
use crate::issued_codes::domain::{IssuedKind, IssuedTokenId};
use crate::issued_codes::service::{Issue, IssuedCodes, TextCode, TokenKind};
use crate::issued_codes::store::Of;
use crate::paper_codes::domain;

/// All card codes; cheap to clone.
#[derive(Clone)]
pub struct CardCodes {
    pub issued: IssuedCodes,
    pub bindings: Bindings,
}

struct CardToken;

impl TokenKind for CardToken {
    const KIND: IssuedKind = IssuedKind::Card;

    /// As long as a code on paper, on which it may stand: no key need be published longer for it.
    fn expires_at(&self, issued_at: Timestamp, _: Option<Timestamp>) -> Timestamp {
        domain::expires_at(issued_at)
    }

    fn claims(
        &self,
        issuer: Issuer,
        times: (Timestamp, Timestamp),
        token_id: IssuedTokenId,
        (colour, mask): (Colour, Option<Mask>),
    ) -> Result<Claims, ClaimsError> {
        Claims::card(issuer, times, token_id, colour, mask)
    }

    fn sign(&self, key: &SigningKey, claims: &Claims) -> Result<Vec<u8>, SignError> {
        key.sign(claims).map(String::into_bytes)
    }
}

impl CardCodes {
    async fn of(&self, permit: &WardPermit) -> Result<Of, Fault> {
        let is_bound = async |binder, ward| self.bindings.is_bound(binder, ward).await;
        Ok(Of {
            holder: permit.reach(is_bound).await?,
            kind: CardToken::KIND,
        })
    }

    /// Issues a card code. With `end_earlier` it replaces those that are valid.
    pub async fn create(
        &self,
        permit: &WardPermit,
        request: RequestKey,
        end_earlier: bool,
    ) -> Result<TextCode, Fault> {
        let issue = Issue {
            holder: self.of(permit).await?.holder,
            request,
            kind: CardToken,
            end_earlier,
        };
        self.issued.create(issue).await?.try_into()
    }

    /// A card code of the holder.
    pub async fn get(&self, permit: &WardPermit, id: Uuid) -> Result<TextCode, Fault> {
        let of = self.of(permit).await?;
        self.issued.find(of, id).await?.try_into()
    }

    /// The holder's card codes on a page, the newest first, and the next page's token.
    pub async fn list(&self, permit: &WardPermit, page: &Page) -> Result<(Vec<TextCode>, String), Fault> {
        let of = self.of(permit).await?;
        let (opened, next) = self.issued.list(of, page).await?;
        let codes = opened.into_iter().map(TextCode::try_from);
        Ok((codes.collect::<Result<_, _>>()?, next))
    }

    /// Ends a card code before it expires.
    pub async fn end(&self, permit: &WardPermit, request: RequestKey, id: Uuid) -> Result<TextCode, Fault> {
        let of = self.of(permit).await?;
        self.issued.end(of, request, id).await?.try_into()
    }
}
