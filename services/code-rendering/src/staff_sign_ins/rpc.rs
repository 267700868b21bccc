//! `StaffSignInService`: parse, call, map.

use lutong_chassis::skin::{Mutation, Query};
use lutong_kernel::{Fault, StaffSignInId};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::code_rendering::v1::StaffSignInHandler;
use lutong_transport::access::{DivisionPermit, NoPermit};
use lutong_transport::reply;

use super::domain::{COLLECTION, State, name};
use super::service::{StaffSignIns, View};
use crate::checkpoint_devices::rpc::name as device_name;
use crate::checkpoints::rpc::name as checkpoint_name;

pub struct StaffSignInRpc(pub StaffSignIns);

impl StaffSignInHandler for StaffSignInRpc {
    async fn create_staff_sign_in_code(
        &self,
        call: Query<NoPermit>,
        _: wire::CreateStaffSignInCodeRequest,
    ) -> Result<wire::CreateStaffSignInCodeResponse, Fault> {
        let (code, expires_at) = self.0.code(&call.grant.principal().account).await?;
        Ok(wire::CreateStaffSignInCodeResponse {
            code,
            expire_time: Some(instant(expires_at)),
        })
    }

    async fn create_staff_sign_in(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreateStaffSignInRequest,
    ) -> Result<wire::CreateStaffSignInResponse, Fault> {
        let created = self.0.create(call, &message.code).await?;
        Ok(wire::CreateStaffSignInResponse {
            staff_sign_in: Some(created.into()),
        })
    }

    async fn end_staff_sign_in(
        &self,
        call: Mutation<NoPermit>,
        message: wire::EndStaffSignInRequest,
    ) -> Result<wire::EndStaffSignInResponse, Fault> {
        let id = StaffSignInId::from_uuid(reply::uuid_of(&message.name, COLLECTION)?);
        let ended = self.0.end(call, id).await?;
        Ok(wire::EndStaffSignInResponse {
            staff_sign_in: Some(ended.into()),
        })
    }
}

impl From<View> for wire::StaffSignIn {
    fn from(View { sign_in, state }: View) -> Self {
        let state = match state {
            State::Active => wire::StaffSignInState::Active,
            State::Ended => wire::StaffSignInState::Ended,
        };
        Self {
            name: name(sign_in.id),
            staff_sign_in_id: sign_in.id.to_string(),
            state: state.into(),
            checkpoint_device: device_name(sign_in.device),
            checkpoint: checkpoint_name(sign_in.checkpoint),
            create_time: Some(instant(sign_in.started_at)),
            expire_time: Some(instant(sign_in.expires_at)),
            end_time: sign_in.ended_at.map(instant),
        }
    }
}
