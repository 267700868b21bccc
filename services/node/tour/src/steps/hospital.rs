//! A scene at a hospital: a pass code is read as a health card, and the patient sees it.

use lutong_proto::identity::v1::health_card_service_client::HealthCardServiceClient;
use lutong_proto::identity::v1::lookup_service_client::LookupServiceClient;
use lutong_proto::identity::v1::medical_institution_service_client::MedicalInstitutionServiceClient;
use lutong_proto::identity::v1::medical_terminal_service_client::MedicalTerminalServiceClient;
use lutong_proto::identity::v1::{
    CreateMedicalInstitutionRequest, CreateMedicalTerminalRequest, ListLookupsRequest, MedicalTerminalKind,
    ReadHealthCardRequest,
};
use lutong_proto::policy::Role;
use lutong_proto::types::v1::{Purpose, PurposeCode};

use super::calls::Holder;
use super::people::{LOOKS, PAUSE};
use crate::demo_mesh::DemoMesh;
use crate::report::{Report, TourStep};
use lutong_client::Failure;
use lutong_client::client::failed;

/// The account of the hospital's information system.
const HIS: &str = "his-1";
/// Registration.
const STEP: &str = "010101";

/// Registers a hospital and a terminal at its desk; returns the terminal's name.
async fn set_up(mesh: &DemoMesh) -> Result<String, Failure> {
    let officer = mesh.gateway.sign_in("officer-1").await?;
    let hospital = CreateMedicalInstitutionRequest {
        request_id: mesh.request_id(),
        institution_code: "12370200A".to_owned(),
        title: "青岛市立医院".to_owned(),
        division: "370202".to_owned(),
        account: HIS.to_owned(),
    };
    let made = MedicalInstitutionServiceClient::new(officer.clone())
        .create_medical_institution(hospital)
        .await;
    let made = made.map_err(|status| failed(&status))?.into_inner();
    let device = CreateMedicalTerminalRequest {
        request_id: mesh.request_id(),
        medical_institution: made.medical_institution.unwrap_or_default().name,
        terminal_code: "GH-01".to_owned(),
        kind: MedicalTerminalKind::Counter.into(),
        steps: vec![STEP.to_owned()],
    };
    let added = MedicalTerminalServiceClient::new(officer)
        .create_medical_terminal(device)
        .await;
    let added = added.map_err(|status| failed(&status))?.into_inner();
    Ok(added.medical_terminal.unwrap_or_default().name)
}

/// A hospital reads the card of somebody who shows their pass code, and it stands in their ledger.
pub async fn card_is_read(mesh: &DemoMesh, report: &mut Report, patient: &Holder) -> Result<(), Failure> {
    let reading = ReadHealthCardRequest {
        request_id: mesh.request_id(),
        code: patient.token().await?,
        medical_terminal: set_up(mesh).await?,
        step: STEP.to_owned(),
        purpose: Some(Purpose {
            code: PurposeCode::Care.into(),
            reference: String::new(),
        }),
    };
    let his = mesh.gateway.sign_in(HIS).await?;
    let read = HealthCardServiceClient::new(his).read_health_card(reading).await;
    let read = read.map_err(|status| failed(&status))?.into_inner();
    report.add(&TourStep {
        name: "hospital",
        asked: "a hospital's registration desk reads the resident's pass code".to_owned(),
        expected: patient.name().to_owned(),
        got: read.full_name,
        shown: String::new(),
    });
    let mut seen = None;
    for _ in 0..LOOKS {
        let listed = LookupServiceClient::new(patient.calls())
            .list_lookups(ListLookupsRequest::default())
            .await;
        let listed = listed.map_err(|status| failed(&status))?.into_inner().lookups;
        seen = listed.into_iter().find(|one| one.role() == Role::Hospital);
        if seen.is_some() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    let purpose = seen.and_then(|lookup| lookup.purpose).unwrap_or_default();
    report.add(&TourStep {
        name: "ledger",
        asked: "the resident reads who looked at their data".to_owned(),
        expected: PurposeCode::Care.as_str_name().to_owned(),
        got: purpose.code().as_str_name().to_owned(),
        shown: String::new(),
    });
    Ok(())
}
