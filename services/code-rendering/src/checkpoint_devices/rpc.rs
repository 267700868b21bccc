//! `CheckpointDeviceService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{CheckpointDeviceId, Fault, Secret};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::code_rendering::v1::CheckpointDeviceHandler;
use lutong_transport::access::{DivisionPermit, NoPermit};
use lutong_transport::reply;

use super::domain::{EndReason, State};
use super::service::{CheckpointDevices, View};
use crate::checkpoints::rpc::{checkpoint_in, name as checkpoint_name};
use crate::staff_sign_ins::domain as staff_sign_ins;

const COLLECTION: &str = "checkpoint-devices";
/// Characters of a label, as the contract bounds them.
const LONGEST_LABEL: usize = 50;

pub struct CheckpointDeviceRpc(pub CheckpointDevices);

impl CheckpointDeviceHandler for CheckpointDeviceRpc {
    async fn create_checkpoint_device(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreateCheckpointDeviceRequest,
    ) -> Result<wire::CreateCheckpointDeviceResponse, Fault> {
        let checkpoint = checkpoint_in("checkpoint", &message.checkpoint)?;
        let label = reply::text(&message.label, "label", LONGEST_LABEL).map_err(reply::wrong)?;
        let (view, credential) = self.0.create(call, checkpoint, label).await?;
        Ok(wire::CreateCheckpointDeviceResponse {
            checkpoint_device: Some(view.into()),
            credential: credential.map(Secret::into_inner).unwrap_or_default(),
        })
    }

    async fn list_checkpoint_devices(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListCheckpointDevicesRequest,
    ) -> Result<wire::ListCheckpointDevicesResponse, Fault> {
        let checkpoint = checkpoint_in("checkpoint", &message.checkpoint)?;
        let state = read_state(message.state());
        let (views, next_page_token) = self.0.list(&call, checkpoint, state).await?;
        Ok(wire::ListCheckpointDevicesResponse {
            checkpoint_devices: views.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn end_checkpoint_device(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::EndCheckpointDeviceRequest,
    ) -> Result<wire::EndCheckpointDeviceResponse, Fault> {
        let id = CheckpointDeviceId::from_uuid(reply::uuid_of(&message.name, COLLECTION)?);
        let ended = self.0.end(call, id, message.etag).await?;
        Ok(wire::EndCheckpointDeviceResponse {
            checkpoint_device: Some(ended.into()),
        })
    }

    async fn send_heartbeat(
        &self,
        call: Query<NoPermit>,
        _: wire::SendHeartbeatRequest,
    ) -> Result<wire::SendHeartbeatResponse, Fault> {
        let heartbeat = self.0.hear(&call.grant.principal().account).await?;
        let seconds = i64::try_from(heartbeat.interval.as_secs()).unwrap_or(i64::MAX);
        Ok(wire::SendHeartbeatResponse {
            server_time: Some(instant(heartbeat.at)),
            revocation_sequence: heartbeat.revocation_sequence,
            interval: Some(prost_types::Duration { seconds, nanos: 0 }),
            checkpoint: checkpoint_name(heartbeat.checkpoint),
            staff_sign_in: heartbeat.signed_in.map(staff_sign_ins::name).unwrap_or_default(),
        })
    }

    async fn exchange_device_credential(
        &self,
        _: Query<NoPermit>,
        message: wire::ExchangeDeviceCredentialRequest,
    ) -> Result<wire::ExchangeDeviceCredentialResponse, Fault> {
        let exchanged = self.0.exchange(&message.credential).await?;
        Ok(wire::ExchangeDeviceCredentialResponse {
            checkpoint_device_id: exchanged.device.to_string(),
            division: exchanged.division.to_string(),
            credential: exchanged.credential.into_inner(),
        })
    }
}

/// The name of a device.
pub fn name(id: CheckpointDeviceId) -> String {
    format!("{COLLECTION}/{id}")
}

const fn read_state(state: wire::CheckpointDeviceState) -> Option<State> {
    match state {
        wire::CheckpointDeviceState::Unspecified => None,
        wire::CheckpointDeviceState::Active => Some(State::Active),
        wire::CheckpointDeviceState::Ended => Some(State::Ended),
    }
}

const fn state(state: State) -> wire::CheckpointDeviceState {
    match state {
        State::Active => wire::CheckpointDeviceState::Active,
        State::Ended => wire::CheckpointDeviceState::Ended,
    }
}

const fn end_reason(reason: EndReason) -> wire::CheckpointDeviceEndReason {
    match reason {
        EndReason::Officer => wire::CheckpointDeviceEndReason::Officer,
        EndReason::CheckpointEnded => wire::CheckpointDeviceEndReason::CheckpointEnded,
        EndReason::CredentialReused => wire::CheckpointDeviceEndReason::CredentialReused,
    }
}

impl From<View> for wire::CheckpointDevice {
    fn from(view: View) -> Self {
        let View {
            device,
            is_silent,
            etag,
        } = view;
        Self {
            name: name(device.id),
            checkpoint_device_id: device.id.to_string(),
            checkpoint: checkpoint_name(device.checkpoint),
            state: state(device.state()).into(),
            etag: etag.into(),
            create_time: Some(instant(device.created_at)),
            heard_time: device.heard_at.map(instant),
            silent: is_silent,
            end_time: device.end.map(|end| instant(end.at)),
            end_reason: device.end.map_or(0, |end| end_reason(end.reason).into()),
            label: device.label,
        }
    }
}
