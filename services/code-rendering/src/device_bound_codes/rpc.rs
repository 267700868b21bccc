//! `DeviceBoundCodeService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time::instant;
use lutong_proto::types::v1::Colour as WireColour;
use lutong_skin::code_rendering::v1::DeviceBoundCodeHandler;
use lutong_transport::access::SelfPermit;
use lutong_transport::reply;

use super::domain;
use super::service::{DeviceBoundCodes, View};
use crate::fault;
use crate::issued_codes::domain::State;
use crate::showing::rpc::word;

const COLLECTION: &str = "device-bound-codes";

pub struct DeviceBoundCodeRpc(pub DeviceBoundCodes);

impl DeviceBoundCodeHandler for DeviceBoundCodeRpc {
    async fn create_device_bound_code(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::CreateDeviceBoundCodeRequest,
    ) -> Result<wire::CreateDeviceBoundCodeResponse, Fault> {
        let device_key = domain::device_key(&message.device_key);
        let device_key = device_key.ok_or_else(|| Fault::invalid(vec![fault::device_key_shape()]))?;
        let created = self
            .0
            .create(&call.permit, call.request, device_key, message.end_earlier);
        Ok(wire::CreateDeviceBoundCodeResponse {
            device_bound_code: Some(created.await?.into()),
        })
    }

    async fn get_device_bound_code(
        &self,
        call: Query<SelfPermit>,
        message: wire::GetDeviceBoundCodeRequest,
    ) -> Result<wire::GetDeviceBoundCodeResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION)?;
        Ok(wire::GetDeviceBoundCodeResponse {
            device_bound_code: Some(self.0.get(&call.permit, id).await?.into()),
        })
    }

    async fn list_device_bound_codes(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListDeviceBoundCodesRequest,
    ) -> Result<wire::ListDeviceBoundCodesResponse, Fault> {
        let (views, next_page_token) = self.0.list(&call.permit, &call.page).await?;
        Ok(wire::ListDeviceBoundCodesResponse {
            device_bound_codes: views.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn end_device_bound_code(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::EndDeviceBoundCodeRequest,
    ) -> Result<wire::EndDeviceBoundCodeResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION)?;
        let ended = self.0.end(&call.permit, call.request, id).await?;
        Ok(wire::EndDeviceBoundCodeResponse {
            device_bound_code: Some(ended.into()),
        })
    }
}

impl From<State> for wire::DeviceBoundCodeState {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Active,
            State::Expired => Self::Expired,
            State::Ended => Self::Ended,
            State::Revoked => Self::Revoked,
        }
    }
}

impl From<View> for wire::DeviceBoundCode {
    fn from(view: View) -> Self {
        let View {
            code,
            state,
            device_key,
            mask,
            token,
        } = view;
        Self {
            name: format!("{COLLECTION}/{}", code.id),
            device_bound_code_id: code.id.to_string(),
            subject_id: code.subject.to_string(),
            state: wire::DeviceBoundCodeState::from(state).into(),
            colour: WireColour::from(code.colour).into(),
            word: Some(word(code.colour)),
            name_mask: mask.map(|mask| mask.expose().to_owned()).unwrap_or_default(),
            version: code.version,
            device_kid: device_key.kid().to_string(),
            // Of a code that is over no door accepts it.
            bound_token: if state.is_active() { token } else { Vec::new() },
            create_time: Some(instant(code.created_at)),
            expire_time: Some(instant(code.expires_at)),
            end_time: code.end.map(|end| instant(end.at)),
        }
    }
}
