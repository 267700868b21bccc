//! `MedicalInstitutionService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{DivisionCode, Fault, MedicalInstitutionId};
use lutong_proto::identity::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::identity::v1::MedicalInstitutionHandler;
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;

use super::domain::{self, MedicalInstitution, State};
use super::service::{MedicalInstitutions, NewInstitution, etag};
use super::store::Filter;
use crate::accounts::domain::AccountId;
use crate::fault::health_cards as fault;

const COLLECTION: &str = "medical-institutions";
/// Characters of a title, as the contract bounds them.
const LONGEST_TITLE: usize = 100;

pub struct MedicalInstitutionRpc(pub MedicalInstitutions);

/// The name of an institution.
pub fn name(id: MedicalInstitutionId) -> String {
    format!("{COLLECTION}/{id}")
}

/// The institution that a field names.
pub fn institution_in(field: &str, name: &str) -> Result<MedicalInstitutionId, Fault> {
    reply::uuid_in(field, name, COLLECTION).map(MedicalInstitutionId::from_uuid)
}

impl MedicalInstitutionHandler for MedicalInstitutionRpc {
    async fn create_medical_institution(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreateMedicalInstitutionRequest,
    ) -> Result<wire::CreateMedicalInstitutionResponse, Fault> {
        let parts = (
            domain::institution_code(&message.institution_code),
            reply::text(&message.title, "title", LONGEST_TITLE),
            domain::district(&message.division),
            AccountId::chosen(&message.account).map_err(fault::institution_account),
        );
        let (code, title, division, account) = parts.all_valid()?;
        let new = NewInstitution {
            code,
            title,
            division,
            account,
        };
        let created = self.0.create(call, new).await?;
        Ok(wire::CreateMedicalInstitutionResponse {
            medical_institution: Some(created.into()),
        })
    }

    async fn get_medical_institution(
        &self,
        call: Query<DivisionPermit>,
        message: wire::GetMedicalInstitutionRequest,
    ) -> Result<wire::GetMedicalInstitutionResponse, Fault> {
        let id = institution_in("name", &message.name)?;
        Ok(wire::GetMedicalInstitutionResponse {
            medical_institution: Some(self.0.get(call.permit, id).await?.into()),
        })
    }

    async fn list_medical_institutions(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListMedicalInstitutionsRequest,
    ) -> Result<wire::ListMedicalInstitutionsResponse, Fault> {
        let division = Some(message.division.as_str()).filter(|division| !division.is_empty());
        let division = division.map(DivisionCode::parse).transpose();
        let filter = Filter {
            division: division.map_err(|error| reply::wrong(fault::division_shape(&error)))?,
            state: match message.state() {
                wire::MedicalInstitutionState::Unspecified => None,
                wire::MedicalInstitutionState::Active => Some(State::Active),
                wire::MedicalInstitutionState::Ended => Some(State::Ended),
            },
        };
        let (found, next_page_token) = self.0.list(&call, filter).await?;
        Ok(wire::ListMedicalInstitutionsResponse {
            medical_institutions: found.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn end_medical_institution(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::EndMedicalInstitutionRequest,
    ) -> Result<wire::EndMedicalInstitutionResponse, Fault> {
        let id = institution_in("name", &message.name)?;
        let ended = self.0.end(call, id, message.etag).await?;
        Ok(wire::EndMedicalInstitutionResponse {
            medical_institution: Some(ended.into()),
        })
    }
}

impl From<MedicalInstitution> for wire::MedicalInstitution {
    fn from(institution: MedicalInstitution) -> Self {
        let etag = etag(&institution);
        let state = match institution.state() {
            State::Active => wire::MedicalInstitutionState::Active,
            State::Ended => wire::MedicalInstitutionState::Ended,
        };
        Self {
            name: name(institution.id),
            medical_institution_id: institution.id.to_string(),
            state: state.into(),
            etag: etag.into(),
            institution_code: institution.code,
            title: institution.title,
            division: institution.division.to_string(),
            account: institution.account.as_str().to_owned(),
            create_time: Some(instant(institution.created_at)),
            end_time: institution.ended_at.map(instant),
        }
    }
}
