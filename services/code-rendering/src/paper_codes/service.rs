//! Paper codes: of people and their wards, and for people at a counter and in care homes.

use lutong_chassis::skin::Mutation;
use lutong_kernel::{Colour, Fault, SubjectId, Timestamp};
use lutong_token::{Claims, ClaimsError, Issuer, Mask};
use lutong_transport::access::{DivisionPermit, WardPermit};
use uuid::Uuid;

use crate::fault;
use crate::homes::service::Homes;
use crate::issued_codes::domain::{IssuedKind, IssuedTokenId};
use crate::issued_codes::service::{TextCode, TokenKind, WardCodes, wrong_state};

/// All paper codes; cheap to clone.
#[derive(Clone)]
pub struct PaperCodes {
    pub codes: WardCodes<PaperToken>,
    pub homes: Homes,
}

/// What a paper code puts into its token.
#[derive(Clone, Copy)]
pub struct PaperToken;

impl TokenKind for PaperToken {
    const KIND: IssuedKind = IssuedKind::Paper;

    fn claims(
        &self,
        issuer: Issuer,
        times: (Timestamp, Timestamp),
        token_id: IssuedTokenId,
        (colour, mask): (Colour, Option<Mask>),
    ) -> Result<Claims, ClaimsError> {
        Claims::paper(issuer, times, token_id, colour, mask)
    }
}

impl PaperCodes {
    /// Issues a paper code for somebody of the division of the staff.
    pub async fn create_assisted(
        &self,
        call: Mutation<DivisionPermit>,
        subject: SubjectId,
        end_earlier: bool,
    ) -> Result<TextCode, Fault> {
        let reached = self.homes.reach(call.permit, &[subject]).await?.pop();
        let holder = reached.ok_or_else(fault::code_not_found)??;
        self.codes.create_for(holder, call.request, end_earlier).await
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
        let latest = self
            .codes
            .issued
            .latest_active(PaperToken::KIND, &holders)
            .await?;
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

    /// A paper code of the holder that may be printed.
    pub async fn get_active(&self, permit: &WardPermit, id: Uuid) -> Result<TextCode, Fault> {
        let view = self.codes.get(permit, id).await?;
        if view.state.is_active() {
            return Ok(view);
        }
        Err(wrong_state(view.state))
    }
}
