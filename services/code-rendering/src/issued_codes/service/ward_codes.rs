//! Issued codes whose token is a text, of oneself and of the wards of one's active bindings.

use lutong_chassis::skin::Page;
use lutong_kernel::Fault;
use lutong_storage::idempotency::RequestKey;
use lutong_token::{Mask, UnverifiedToken};
use lutong_transport::access::{PermittedSubject, WardPermit};
use uuid::Uuid;

use super::{Issue, IssuedCodes, OpenedCode, TokenKind, damaged_token};
use crate::bindings::service::Bindings;
use crate::issued_codes::domain::{IssuedCode, State};
use crate::issued_codes::store::Of;

/// The codes of one kind; cheap to clone.
#[derive(Clone)]
pub struct WardCodes<K> {
    pub issued: IssuedCodes,
    pub bindings: Bindings,
    pub kind: K,
}

/// An issued code whose token is a text, with what stands in it.
#[derive(Debug, Clone)]
pub struct TextCode {
    pub code: IssuedCode,
    pub state: State,
    pub mask: Option<Mask>,
    pub token: String,
}

impl<K: TokenKind + Copy> WardCodes<K> {
    async fn of(&self, permit: &WardPermit) -> Result<Of, Fault> {
        let is_bound = async |binder, ward| self.bindings.is_bound(binder, ward).await;
        Ok(Of {
            holder: permit.reach(is_bound).await?,
            kind: K::KIND,
        })
    }

    /// Issues a code. With `end_earlier` it replaces those that are valid.
    pub async fn create(
        &self,
        permit: &WardPermit,
        request: RequestKey,
        end_earlier: bool,
    ) -> Result<TextCode, Fault> {
        let holder = self.of(permit).await?.holder;
        self.create_for(holder, request, end_earlier).await
    }

    /// Issues a code for somebody who may be reached.
    pub async fn create_for(
        &self,
        holder: PermittedSubject,
        request: RequestKey,
        end_earlier: bool,
    ) -> Result<TextCode, Fault> {
        let issue = Issue {
            holder,
            request,
            kind: self.kind,
            end_earlier,
        };
        self.issued.create(issue).await?.try_into()
    }

    /// A code of the holder.
    pub async fn get(&self, permit: &WardPermit, id: Uuid) -> Result<TextCode, Fault> {
        let of = self.of(permit).await?;
        self.issued.find(of, id).await?.try_into()
    }

    /// The holder's codes on a page, the newest first, and the next page's token.
    pub async fn list(&self, permit: &WardPermit, page: &Page) -> Result<(Vec<TextCode>, String), Fault> {
        let of = self.of(permit).await?;
        let (opened, next) = self.issued.list(of, page).await?;
        let codes = opened.into_iter().map(TextCode::try_from);
        Ok((codes.collect::<Result<_, _>>()?, next))
    }

    /// Ends a code before it expires.
    pub async fn end(&self, permit: &WardPermit, request: RequestKey, id: Uuid) -> Result<TextCode, Fault> {
        let of = self.of(permit).await?;
        self.issued.end(of, request, id).await?.try_into()
    }
}

impl TryFrom<OpenedCode> for TextCode {
    type Error = Fault;

    fn try_from(opened: OpenedCode) -> Result<Self, Fault> {
        let OpenedCode { code, state, token } = opened;
        let token = String::from_utf8(token).map_err(|_| damaged_token())?;
        let read = UnverifiedToken::parse(&token).map_err(|_| damaged_token())?;
        Ok(Self {
            code,
            state,
            mask: read.claims().mask().cloned(),
            token,
        })
    }
}
