//! `HealthCardService`: parse, call, map.

use lutong_chassis::skin::{Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{Fault, HealthCardReadId};
use lutong_proto::identity::v1 as wire;
use lutong_proto::time::instant;
use lutong_proto::types::v1 as types;
use lutong_skin::identity::v1::HealthCardHandler;
use lutong_transport::access::{DivisionPermit, SelfPermit};
use lutong_transport::reply;

use super::domain::{Action, CodeKind, Shown, State};
use super::service::reading::{Patient, Reading};
use super::service::{HealthCards, View, etag};
use crate::fault::health_cards as fault;
use crate::medical_steps::domain::MedicalStep;
use crate::medical_terminals::rpc::terminal_in;
use crate::people::rpc::document;

const READS: &str = "health-card-reads";

pub struct HealthCardRpc(pub HealthCards);

/// The reading that a field names.
pub fn read_in(field: &str, name: &str) -> Result<HealthCardReadId, Fault> {
    reply::uuid_in(field, name, READS).map(HealthCardReadId::from_uuid)
}

impl HealthCardHandler for HealthCardRpc {
    async fn create_health_card(
        &self,
        call: Mutation<SelfPermit>,
        _: wire::CreateHealthCardRequest,
    ) -> Result<wire::CreateHealthCardResponse, Fault> {
        Ok(wire::CreateHealthCardResponse {
            health_card: Some(self.0.create(call).await?.into()),
        })
    }

    async fn get_health_card(
        &self,
        call: Query<SelfPermit>,
        _: wire::GetHealthCardRequest,
    ) -> Result<wire::GetHealthCardResponse, Fault> {
        Ok(wire::GetHealthCardResponse {
            health_card: Some(self.0.get(&call.permit).await?.into()),
        })
    }

    async fn suspend_health_card(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::SuspendHealthCardRequest,
    ) -> Result<wire::SuspendHealthCardResponse, Fault> {
        let done = self.0.act(call, Action::Suspend, message.etag).await?;
        Ok(wire::SuspendHealthCardResponse {
            health_card: Some(done.into()),
        })
    }

    async fn resume_health_card(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::ResumeHealthCardRequest,
    ) -> Result<wire::ResumeHealthCardResponse, Fault> {
        let done = self.0.act(call, Action::Resume, message.etag).await?;
        Ok(wire::ResumeHealthCardResponse {
            health_card: Some(done.into()),
        })
    }

    async fn read_health_card(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ReadHealthCardRequest,
    ) -> Result<wire::ReadHealthCardResponse, Fault> {
        let purpose = reply::required(message.purpose.as_ref(), "purpose").map_err(reply::wrong)?;
        let is_care = match purpose.code() {
            types::PurposeCode::Care => Ok(()),
            _ => Err(fault::purpose_not_care()),
        };
        let parts = (
            Shown::parse(&message.code),
            MedicalStep::stated("step", &message.step),
            is_care,
        );
        let (shown, step, ()) = parts.all_valid()?;
        let reading = Reading {
            shown,
            terminal: terminal_in("medical_terminal", &message.medical_terminal)?,
            step,
        };
        Ok(self.0.read(call, reading).await?.into())
    }
}

impl From<View> for wire::HealthCard {
    fn from(view: View) -> Self {
        let View { card, number } = view;
        let etag = etag(&card);
        let state = match card.state {
            State::Pending => wire::HealthCardState::Pending,
            State::Active => wire::HealthCardState::Active,
            State::Suspended => wire::HealthCardState::Suspended,
            State::Refused => wire::HealthCardState::Refused,
        };
        Self {
            name: format!("subjects/{}/health-card", card.subject),
            subject_id: card.subject.to_string(),
            state: state.into(),
            etag: etag.into(),
            card_number: number
                .map(|number| number.expose().to_owned())
                .unwrap_or_default(),
            create_time: Some(instant(card.created_at)),
            activate_time: card.activated_at.map(instant),
            suspend_time: card.suspended_at.map(instant),
        }
    }
}

impl From<Patient> for wire::ReadHealthCardResponse {
    fn from(patient: Patient) -> Self {
        let Patient {
            read,
            number,
            person,
            bound_number,
        } = patient;
        let code_kind = match read.code_kind {
            CodeKind::Screen => wire::HealthCardCodeKind::Screen,
            CodeKind::Paper => wire::HealthCardCodeKind::Paper,
            CodeKind::Card => wire::HealthCardCodeKind::Card,
            CodeKind::PlatformDynamic => wire::HealthCardCodeKind::PlatformDynamic,
            CodeKind::PlatformStatic => wire::HealthCardCodeKind::PlatformStatic,
        };
        Self {
            health_card_read: format!("{READS}/{}", read.id),
            subject_id: read.subject.to_string(),
            card_number: number
                .map(|number| number.expose().to_owned())
                .unwrap_or_default(),
            code_kind: code_kind.into(),
            full_name: person.name.expose().to_owned(),
            document: Some(document(&person.document)),
            mobile: person.mobile.expose().to_owned(),
            patient_number: bound_number.unwrap_or_default(),
            read_time: Some(instant(read.at)),
        }
    }
}
