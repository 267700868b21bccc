//! `CardCodeService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::code_rendering::v1::CardCodeHandler;
use lutong_transport::access::WardPermit;
use lutong_transport::reply;

use super::service::CardCodes;
use crate::issued_codes::domain::State;
use crate::issued_codes::service::TextCode;
use crate::render::rpc::image;

const COLLECTION: &str = "card-codes";

pub struct CardCodeRpc(pub CardCodes);

impl CardCodeHandler for CardCodeRpc {
    async fn create_card_code(
        &self,
        call: Mutation<WardPermit>,
        message: wire::CreateCardCodeRequest,
    ) -> Result<wire::CreateCardCodeResponse, Fault> {
        let created = self.0.create(&call.permit, call.request, message.end_earlier);
        Ok(wire::CreateCardCodeResponse {
            card_code: Some(created.await?.into()),
        })
    }

    async fn get_card_code(
        &self,
        call: Query<WardPermit>,
        message: wire::GetCardCodeRequest,
    ) -> Result<wire::GetCardCodeResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION)?;
        let code = self.0.get(&call.permit, id).await?;
        let image = if code.state.is_active() {
            image(&code.token, message.image_format())?
        } else {
            None
        };
        Ok(wire::GetCardCodeResponse {
            card_code: Some(code.into()),
            image,
        })
    }

    async fn list_card_codes(
        &self,
        call: Listing<WardPermit>,
        _: wire::ListCardCodesRequest,
    ) -> Result<wire::ListCardCodesResponse, Fault> {
        let (codes, next_page_token) = self.0.list(&call.permit, &call.page).await?;
        Ok(wire::ListCardCodesResponse {
            card_codes: codes.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn end_card_code(
        &self,
        call: Mutation<WardPermit>,
        message: wire::EndCardCodeRequest,
    ) -> Result<wire::EndCardCodeResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION)?;
        let ended = self.0.end(&call.permit, call.request, id).await?;
        Ok(wire::EndCardCodeResponse {
            card_code: Some(ended.into()),
        })
    }
}

impl From<State> for wire::CardCodeState {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Active,
            State::Expired => Self::Expired,
            // No colour revokes a card code.
            State::Ended | State::Revoked => Self::Ended,
        }
    }
}

impl From<TextCode> for wire::CardCode {
    fn from(view: TextCode) -> Self {
        let TextCode {
            code,
            state,
            mask,
            token,
        } = view;
        Self {
            name: format!("{COLLECTION}/{}", code.id),
            card_code_id: code.id.to_string(),
            subject_id: code.subject.to_string(),
            state: wire::CardCodeState::from(state).into(),
            name_mask: mask.map(|mask| mask.expose().to_owned()).unwrap_or_default(),
            // Of a code that is over no reader accepts it.
            token: if state.is_active() { token } else { String::new() },
            create_time: Some(instant(code.created_at)),
            expire_time: Some(instant(code.expires_at)),
            end_time: code.end.map(|end| instant(end.at)),
        }
    }
}
