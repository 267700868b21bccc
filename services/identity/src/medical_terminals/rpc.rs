//! `MedicalTerminalService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{Fault, MedicalTerminalId};
use lutong_proto::identity::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::identity::v1::MedicalTerminalHandler;
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;

use super::domain::{self, Kind, MedicalTerminal};
use super::service::{MedicalTerminals, NewTerminal, etag};
use crate::medical_institutions::domain::State;
use crate::medical_institutions::rpc::{institution_in, name as institution_name};
use crate::medical_steps::domain::MedicalStep;

const COLLECTION: &str = "medical-terminals";

pub struct MedicalTerminalRpc(pub MedicalTerminals);

/// The terminal that a field names.
pub fn terminal_in(field: &str, name: &str) -> Result<MedicalTerminalId, Fault> {
    reply::uuid_in(field, name, COLLECTION).map(MedicalTerminalId::from_uuid)
}

impl MedicalTerminalHandler for MedicalTerminalRpc {
    async fn create_medical_terminal(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreateMedicalTerminalRequest,
    ) -> Result<wire::CreateMedicalTerminalResponse, Fault> {
        let steps = message.steps.iter().enumerate();
        let steps = steps.map(|(index, code)| MedicalStep::stated(&format!("steps[{index}]"), code));
        let parts = (
            domain::terminal_code(&message.terminal_code),
            reply::required(read_kind(message.kind()), "kind"),
            steps.collect::<Result<Vec<_>, _>>(),
        );
        let (code, kind, steps) = parts.all_valid()?;
        let new = NewTerminal {
            institution: institution_in("medical_institution", &message.medical_institution)?,
            code,
            kind,
            steps,
        };
        let created = self.0.create(call, new).await?;
        Ok(wire::CreateMedicalTerminalResponse {
            medical_terminal: Some(created.into()),
        })
    }

    async fn list_medical_terminals(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListMedicalTerminalsRequest,
    ) -> Result<wire::ListMedicalTerminalsResponse, Fault> {
        let institution = institution_in("medical_institution", &message.medical_institution)?;
        let state = match message.state() {
            wire::MedicalTerminalState::Unspecified => None,
            wire::MedicalTerminalState::Active => Some(State::Active),
            wire::MedicalTerminalState::Ended => Some(State::Ended),
        };
        let (found, next_page_token) = self.0.list(&call, institution, state).await?;
        Ok(wire::ListMedicalTerminalsResponse {
            medical_terminals: found.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn end_medical_terminal(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::EndMedicalTerminalRequest,
    ) -> Result<wire::EndMedicalTerminalResponse, Fault> {
        let id = terminal_in("name", &message.name)?;
        let ended = self.0.end(call, id, message.etag).await?;
        Ok(wire::EndMedicalTerminalResponse {
            medical_terminal: Some(ended.into()),
        })
    }
}

const fn read_kind(kind: wire::MedicalTerminalKind) -> Option<Kind> {
    match kind {
        wire::MedicalTerminalKind::Unspecified => None,
        wire::MedicalTerminalKind::Counter => Some(Kind::Counter),
        wire::MedicalTerminalKind::SelfService => Some(Kind::SelfService),
        wire::MedicalTerminalKind::DoctorsDesk => Some(Kind::DoctorsDesk),
    }
}

impl From<MedicalTerminal> for wire::MedicalTerminal {
    fn from(terminal: MedicalTerminal) -> Self {
        let etag = etag(&terminal);
        let state = match terminal.state() {
            State::Active => wire::MedicalTerminalState::Active,
            State::Ended => wire::MedicalTerminalState::Ended,
        };
        let kind = match terminal.kind {
            Kind::Counter => wire::MedicalTerminalKind::Counter,
            Kind::SelfService => wire::MedicalTerminalKind::SelfService,
            Kind::DoctorsDesk => wire::MedicalTerminalKind::DoctorsDesk,
        };
        Self {
            name: format!("{COLLECTION}/{}", terminal.id),
            medical_terminal_id: terminal.id.to_string(),
            medical_institution: institution_name(terminal.institution),
            state: state.into(),
            etag: etag.into(),
            terminal_code: terminal.code,
            kind: kind.into(),
            steps: terminal.steps.iter().map(|step| step.code().to_owned()).collect(),
            create_time: Some(instant(terminal.created_at)),
            end_time: terminal.ended_at.map(instant),
        }
    }
}
