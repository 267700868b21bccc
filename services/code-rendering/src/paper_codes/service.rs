//! Issues, lists and ends paper codes.

use lutong_chassis::skin::{Mutation, Page};
use lutong_kernel::{Colour, Fault, SubjectId, Timestamp};
use lutong_storage::idempotency::RequestKey;
use lutong_token::{Claims, ClaimsError, Issuer, Mask, SignError, SigningKey};
use lutong_transport::access::{DivisionPermit, PermittedSubject, WardPermit};
use uuid::Uuid;

use super::domain;
use crate::bindings::service::Bindings;
use crate::fault;
use crate::homes::service::Homes;
use crate::issued_codes::domain::{IssuedKind, IssuedTokenId};
use crate::issued_codes::service::{Issue, IssuedCodes, TextCode, TokenKind, wrong_state};
use crate::issued_codes::store::Of;

/// All paper codes; cheap to clone.
#[derive(Clone)]
pub struct PaperCodes {
    pub issued: IssuedCodes,
    pub bindings: Bindings,
    pub homes: Homes,
}

struct PaperToken;

impl TokenKind for PaperToken {
    const KIND: IssuedKind = IssuedKind::Paper;

    /// A change on the way does not shorten it: the decision that brings another colour revokes it.
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
        Claims::paper(issuer, times, token_id, colour, mask)
    }

    fn sign(&self, key: &SigningKey, claims: &Claims) -> Result<Vec<u8>, SignError> {
        key.sign(claims).map(String::into_bytes)
    }
}

impl PaperCodes {
    async fn holder(&self, permit: &WardPermit) -> Result<PermittedSubject, Fault> {
        let is_bound = async |binder, ward| self.bindings.is_bound(binder, ward).await;
        permit.reach(is_bound).await
    }

    async fn of(&self, permit: &WardPermit) -> Result<Of, Fault> {
        let kind = PaperToken::KIND;
        let holder = self.holder(permit).await?;
        Ok(Of { holder, kind })
    }

    /// Issues a paper code with the colour in force. With `end_earlier` it replaces those that are valid.
    pub async fn create(
        &self,
        permit: &WardPermit,
        request: RequestKey,
        end_earlier: bool,
    ) -> Result<TextCode, Fault> {
        let issue = Issue {
            holder: self.holder(permit).await?,
            request,
            kind: PaperToken,
            end_earlier,
        };
        self.issued.create(issue).await?.try_into()
    }

    /// Issues a paper code for somebody of the division of the staff.
    pub async fn create_assisted(
        &self,
        call: Mutation<DivisionPermit>,
        subject: SubjectId,
        end_earlier: bool,
    ) -> Result<TextCode, Fault> {
        let reached = self.homes.reach(call.permit, &[subject]).await?.pop();
        let issue = Issue {
            holder: reached.ok_or_else(fault::code_not_found)??,
            request: call.request,
            kind: PaperToken,
            end_earlier,
        };
        self.issued.create(issue).await?.try_into()
    }

    /// The latest valid paper code of each of these people, in their order; every one that cannot be printed is named.
    pub async fn to_print(
        &self,
        permit: DivisionPermit,
        subjects: &[SubjectId],
    ) -> Result<Vec<TextCode>, Fault> {
        let reached = self.homes.reach(permit, subjects).await?;
        let holders: Vec<_> = reached
            .iter()
            .filter_map(|one| one.as_ref().ok().copied())
            .collect();
        let latest = self.issued.latest_active(PaperToken::KIND, &holders).await?;
        let (mut views, mut wrong) = (Vec::with_capacity(subjects.len()), Vec::new());
        for (row, (subject, reached)) in subjects.iter().zip(reached).enumerate() {
            let field = || format!("subject_ids[{row}]");
            match (reached, latest.get(subject)) {
                (Err(_), _) => wrong.push(fault::no_code_to_print(field())),
                (Ok(_), Some(opened)) => views.push(TextCode::try_from(opened.clone())?),
                (Ok(_), None) => wrong.push(fault::paper_code_missing(field())),
            }
        }
        if wrong.is_empty() {
            return Ok(views);
        }
        Err(Fault::invalid(wrong))
    }

    /// A paper code of the holder.
    pub async fn get(&self, permit: &WardPermit, id: Uuid) -> Result<TextCode, Fault> {
        let of = self.of(permit).await?;
        self.issued.find(of, id).await?.try_into()
    }

    /// A paper code of the holder that may be printed.
    pub async fn get_active(&self, permit: &WardPermit, id: Uuid) -> Result<TextCode, Fault> {
        let view = self.get(permit, id).await?;
        if view.state.is_active() {
            return Ok(view);
        }
        Err(wrong_state(view.state))
    }

    /// The holder's paper codes on a page, the newest first, and the next page's token.
    pub async fn list(&self, permit: &WardPermit, page: &Page) -> Result<(Vec<TextCode>, String), Fault> {
        let of = self.of(permit).await?;
        let (opened, next) = self.issued.list(of, page).await?;
        let views = opened
            .into_iter()
            .map(TextCode::try_from)
            .collect::<Result<_, _>>()?;
        Ok((views, next))
    }

    /// Ends a paper code before it expires.
    pub async fn end(&self, permit: &WardPermit, request: RequestKey, id: Uuid) -> Result<TextCode, Fault> {
        let of = self.of(permit).await?;
        self.issued.end(of, request, id).await?.try_into()
    }
}
