//! `MedicalInstitutionService` and `MedicalTerminalService`: who may read health cards, and where.

use lutong_kernel::{DivisionCode, Fault, ServiceName};
use lutong_proto::identity::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::{Principal, Roles};
use lutong_transport::client::MeshChannel;
use wire::medical_institution_service_client::MedicalInstitutionServiceClient;
use wire::medical_terminal_service_client::MedicalTerminalServiceClient;

use crate::{Identity, reason, request_id, start};

on_both_engines!(
    an_institution_is_registered_once_and_seen_in_its_district_only,
    an_institution_ends_with_its_terminals,
    what_is_wrong_with_an_institution_or_a_terminal_is_named,
    a_request_for_an_institution_or_a_terminal_is_taken_once,
    an_officer_without_a_division_registers_nothing,
);

/// An officer of a division.
pub fn officer(division: Option<&str>) -> Principal {
    Principal {
        account: "officer-wang".to_owned(),
        roles: Roles::of(&[Role::HealthOfficer]),
        subject: None,
        division: division.map(|division| DivisionCode::parse(division).unwrap()),
        feed: None,
        desks: Vec::new(),
    }
}

pub fn institution(
    n: u32,
    code: &str,
    division: &str,
    account: &str,
) -> wire::CreateMedicalInstitutionRequest {
    wire::CreateMedicalInstitutionRequest {
        request_id: request_id(n),
        institution_code: code.to_owned(),
        title: "青岛市立医院".to_owned(),
        division: division.to_owned(),
        account: account.to_owned(),
    }
}

pub fn terminal(n: u32, institution: &str, code: &str, steps: &[&str]) -> wire::CreateMedicalTerminalRequest {
    wire::CreateMedicalTerminalRequest {
        request_id: request_id(n),
        medical_institution: institution.to_owned(),
        terminal_code: code.to_owned(),
        kind: wire::MedicalTerminalKind::Counter.into(),
        steps: steps.iter().map(|step| (*step).to_owned()).collect(),
    }
}

/// The members of an answer, or the fault.
pub fn told<T>(answer: Result<tonic::Response<T>, tonic::Status>) -> Result<T, Fault> {
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| reason(&status))
}

impl Identity {
    fn institutions(&self) -> MedicalInstitutionServiceClient<MeshChannel> {
        MedicalInstitutionServiceClient::new(self.0.channel(ServiceName::Identity, Caller::Gateway))
    }

    fn terminals(&self) -> MedicalTerminalServiceClient<MeshChannel> {
        MedicalTerminalServiceClient::new(self.0.channel(ServiceName::Identity, Caller::Gateway))
    }

    pub async fn create_institution(
        &self,
        officer: &Principal,
        new: wire::CreateMedicalInstitutionRequest,
    ) -> Result<wire::MedicalInstitution, Fault> {
        let request = self.0.call_as(officer).request(new);
        let answer = told(self.institutions().create_medical_institution(request).await);
        answer.map(|answer| answer.medical_institution.unwrap())
    }

    pub async fn create_terminal(
        &self,
        officer: &Principal,
        new: wire::CreateMedicalTerminalRequest,
    ) -> Result<wire::MedicalTerminal, Fault> {
        let request = self.0.call_as(officer).request(new);
        let answer = told(self.terminals().create_medical_terminal(request).await);
        answer.map(|answer| answer.medical_terminal.unwrap())
    }

    async fn get_institution(
        &self,
        officer: &Principal,
        name: &str,
    ) -> Result<wire::MedicalInstitution, Fault> {
        let name = name.to_owned();
        let request = self
            .0
            .call_as(officer)
            .request(wire::GetMedicalInstitutionRequest { name });
        let answer = told(self.institutions().get_medical_institution(request).await);
        answer.map(|answer| answer.medical_institution.unwrap())
    }

    async fn list_institutions(
        &self,
        officer: &Principal,
        filter: wire::ListMedicalInstitutionsRequest,
    ) -> Result<wire::ListMedicalInstitutionsResponse, Fault> {
        let request = self.0.call_as(officer).request(filter);
        told(self.institutions().list_medical_institutions(request).await)
    }

    pub async fn end_institution(
        &self,
        officer: &Principal,
        (n, name, etag): (u32, &str, &str),
    ) -> Result<wire::MedicalInstitution, Fault> {
        let request = self
            .0
            .call_as(officer)
            .request(wire::EndMedicalInstitutionRequest {
                request_id: request_id(n),
                name: name.to_owned(),
                etag: etag.to_owned(),
            });
        let answer = told(self.institutions().end_medical_institution(request).await);
        answer.map(|answer| answer.medical_institution.unwrap())
    }

    async fn list_terminals(
        &self,
        officer: &Principal,
        filter: wire::ListMedicalTerminalsRequest,
    ) -> Result<Vec<wire::MedicalTerminal>, Fault> {
        let request = self.0.call_as(officer).request(filter);
        let answer = told(self.terminals().list_medical_terminals(request).await);
        answer.map(|answer| answer.medical_terminals)
    }

    pub async fn end_terminal(
        &self,
        officer: &Principal,
        (n, name, etag): (u32, &str, &str),
    ) -> Result<wire::MedicalTerminal, Fault> {
        let request = self.0.call_as(officer).request(wire::EndMedicalTerminalRequest {
            request_id: request_id(n),
            name: name.to_owned(),
            etag: etag.to_owned(),
        });
        let answer = told(self.terminals().end_medical_terminal(request).await);
        answer.map(|answer| answer.medical_terminal.unwrap())
    }
}

fn all(institution: &str) -> wire::ListMedicalTerminalsRequest {
    wire::ListMedicalTerminalsRequest {
        medical_institution: institution.to_owned(),
        ..wire::ListMedicalTerminalsRequest::default()
    }
}

async fn an_institution_is_registered_once_and_seen_in_its_district_only(bed: Bed) {
    let identity = start(bed).await;
    let own = officer(Some("370202"));
    let new = institution(1, "12370200A", "370202", "his-1");
    let created = identity.create_institution(&own, new.clone()).await.unwrap();
    assert_eq!(created.state(), wire::MedicalInstitutionState::Active);
    assert_eq!(created.division, "370202");
    // Sent again, it is the same one; another with its code or its account is none.
    assert_eq!(identity.create_institution(&own, new).await.unwrap(), created);
    for other in [
        institution(2, "12370200A", "370202", "his-2"),
        institution(3, "12370200B", "370202", "his-1"),
    ] {
        let refused = identity.create_institution(&own, other).await.unwrap_err();
        assert_eq!(refused.reason, "MEDICAL_INSTITUTION_EXISTS");
    }
    assert_eq!(
        identity.get_institution(&own, &created.name).await.unwrap(),
        created
    );
    let city = officer(Some("370200"));
    let seen = identity
        .list_institutions(&city, wire::ListMedicalInstitutionsRequest::default())
        .await
        .unwrap();
    assert_eq!(seen.medical_institutions, std::slice::from_ref(&created));
    // Of another district: as if it were not there.
    let other = officer(Some("370203"));
    let unseen = identity
        .list_institutions(&other, wire::ListMedicalInstitutionsRequest::default())
        .await
        .unwrap();
    assert!(unseen.medical_institutions.is_empty());
    let hidden = [
        identity.get_institution(&other, &created.name).await.unwrap_err(),
        identity
            .end_institution(&other, (4, &created.name, ""))
            .await
            .unwrap_err(),
        identity
            .list_terminals(&other, all(&created.name))
            .await
            .unwrap_err(),
        identity
            .create_terminal(&other, terminal(5, &created.name, "T1", &[]))
            .await
            .unwrap_err(),
    ];
    assert!(
        hidden
            .iter()
            .all(|fault| fault.reason == "MEDICAL_INSTITUTION_NOT_FOUND"),
        "{hidden:?}"
    );
    let elsewhere = institution(6, "X1", "370203", "his-3");
    let refused = identity.create_institution(&own, elsewhere).await.unwrap_err();
    assert_eq!(refused.reason, "OUTSIDE_DIVISION");
    let filter = wire::ListMedicalInstitutionsRequest {
        division: "370203".to_owned(),
        ..wire::ListMedicalInstitutionsRequest::default()
    };
    let refused = identity.list_institutions(&own, filter).await.unwrap_err();
    assert_eq!(refused.reason, "OUTSIDE_DIVISION");
}

async fn an_institution_ends_with_its_terminals(bed: Bed) {
    let identity = start(bed).await;
    let own = officer(Some("370202"));
    let hospital = identity
        .create_institution(&own, institution(1, "12370200A", "370202", "his-1"))
        .await
        .unwrap();
    let first = identity
        .create_terminal(&own, terminal(2, &hospital.name, "T1", &["010101"]))
        .await
        .unwrap();
    assert_eq!(first.steps, ["010101"]);
    let refused = identity
        .create_terminal(&own, terminal(3, &hospital.name, "T1", &[]))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "MEDICAL_TERMINAL_EXISTS");
    let second = identity
        .create_terminal(&own, terminal(4, &hospital.name, "T2", &[]))
        .await
        .unwrap();
    let other = officer(Some("370203"));
    let hidden = identity
        .end_terminal(&other, (5, &first.name, ""))
        .await
        .unwrap_err();
    assert_eq!(hidden.reason, "MEDICAL_TERMINAL_NOT_FOUND");
    let ended = identity
        .end_terminal(&own, (6, &first.name, &first.etag))
        .await
        .unwrap();
    assert_eq!(ended.state(), wire::MedicalTerminalState::Ended);
    let stale = identity
        .end_terminal(&own, (7, &first.name, &first.etag))
        .await
        .unwrap_err();
    assert_eq!(stale.reason, "STALE");
    let over = identity
        .end_terminal(&own, (8, &first.name, ""))
        .await
        .unwrap_err();
    assert_eq!(over.reason, "WRONG_STATE");
    // Its code is free again.
    identity
        .create_terminal(&own, terminal(9, &hospital.name, "T1", &[]))
        .await
        .unwrap();
    let ended = identity
        .end_institution(&own, (10, &hospital.name, &hospital.etag))
        .await
        .unwrap();
    assert_eq!(ended.state(), wire::MedicalInstitutionState::Ended);
    let left = identity.list_terminals(&own, all(&hospital.name)).await.unwrap();
    assert_eq!(left.len(), 3);
    assert!(
        left.iter()
            .all(|one| one.state() == wire::MedicalTerminalState::Ended)
    );
    assert!(left.iter().any(|one| one.name == second.name));
    let stale = identity
        .end_institution(&own, (11, &hospital.name, &hospital.etag))
        .await
        .unwrap_err();
    assert_eq!(stale.reason, "STALE");
    let over = identity
        .end_institution(&own, (12, &hospital.name, ""))
        .await
        .unwrap_err();
    assert_eq!(over.reason, "WRONG_STATE");
    let late = identity
        .create_terminal(&own, terminal(13, &hospital.name, "T9", &[]))
        .await
        .unwrap_err();
    assert_eq!(late.reason, "WRONG_STATE");
}

async fn what_is_wrong_with_an_institution_or_a_terminal_is_named(bed: Bed) {
    let identity = start(bed).await;
    let own = officer(Some("370200"));
    let wrong = institution(1, "12-3", "370200", "a b");
    let refused = identity.create_institution(&own, wrong).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        [
            "institution_code INSTITUTION_CODE_SHAPE",
            "division DIVISION_ABOVE_COUNTY",
            "account ACCOUNT_ID_SHAPE"
        ]
    );
    let hospital = identity
        .create_institution(&own, institution(2, "12370200A", "370202", "his-1"))
        .await
        .unwrap();
    let wrong = wire::CreateMedicalTerminalRequest {
        kind: wire::MedicalTerminalKind::Counter.into(),
        ..terminal(3, &hospital.name, "窗口", &["010101", "10101"])
    };
    let refused = identity.create_terminal(&own, wrong).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        [
            "terminal_code TERMINAL_CODE_SHAPE",
            "steps[1] MEDICAL_STEP_UNKNOWN"
        ]
    );
    let page = wire::ListMedicalInstitutionsRequest {
        page_token: "x".to_owned(),
        ..wire::ListMedicalInstitutionsRequest::default()
    };
    let invalid = [
        identity.get_institution(&own, "x").await.unwrap_err(),
        identity.end_institution(&own, (4, "x", "")).await.unwrap_err(),
        identity.list_institutions(&own, page).await.unwrap_err(),
        identity.list_terminals(&own, all("x")).await.unwrap_err(),
        identity.end_terminal(&own, (5, "x", "")).await.unwrap_err(),
    ];
    assert!(
        invalid.iter().all(|fault| fault.reason == "INVALID_FIELDS"),
        "{invalid:?}"
    );
    assert_eq!(lutong_testing::rows(&identity.1, "medical_terminals").await, 0);
}

async fn a_request_for_an_institution_or_a_terminal_is_taken_once(bed: Bed) {
    let identity = start(bed).await;
    let own = officer(Some("370202"));
    let create = |n, account: &str| institution(n, account.to_uppercase().as_str(), "370202", account);
    let one = identity.create_institution(&own, create(1, "a")).await.unwrap();
    let two = identity.create_institution(&own, create(2, "b")).await.unwrap();
    let new = terminal(3, &one.name, "T1", &[]);
    let first = identity.create_terminal(&own, new.clone()).await.unwrap();
    assert_eq!(identity.create_terminal(&own, new).await.unwrap(), first);
    let second = identity
        .create_terminal(&own, terminal(4, &one.name, "T2", &[]))
        .await
        .unwrap();
    identity.end_terminal(&own, (5, &first.name, "")).await.unwrap();
    // Sent again it is answered alike, although the terminal has ended.
    identity.end_terminal(&own, (5, &first.name, "")).await.unwrap();
    identity.end_institution(&own, (6, &one.name, "")).await.unwrap();
    identity.end_institution(&own, (6, &one.name, "")).await.unwrap();
    let reused = [
        identity
            .create_institution(&own, create(1, "c"))
            .await
            .unwrap_err(),
        identity
            .create_terminal(&own, terminal(3, &two.name, "T1", &[]))
            .await
            .unwrap_err(),
        identity
            .end_terminal(&own, (5, &second.name, ""))
            .await
            .unwrap_err(),
        identity
            .end_institution(&own, (6, &two.name, ""))
            .await
            .unwrap_err(),
    ];
    assert!(
        reused.iter().all(|fault| fault.reason == "REQUEST_ID_REUSED"),
        "{reused:?}"
    );
}

async fn an_officer_without_a_division_registers_nothing(bed: Bed) {
    let identity = start(bed).await;
    let nowhere = officer(None);
    let name = format!("medical-institutions/{}", request_id(1));
    let device = format!("medical-terminals/{}", request_id(1));
    let refused = [
        identity
            .create_institution(&nowhere, institution(1, "A", "370202", "his-1"))
            .await
            .unwrap_err(),
        identity.get_institution(&nowhere, &name).await.unwrap_err(),
        identity
            .list_institutions(&nowhere, wire::ListMedicalInstitutionsRequest::default())
            .await
            .unwrap_err(),
        identity
            .end_institution(&nowhere, (2, &name, ""))
            .await
            .unwrap_err(),
        identity
            .create_terminal(&nowhere, terminal(3, &name, "T1", &[]))
            .await
            .unwrap_err(),
        identity.list_terminals(&nowhere, all(&name)).await.unwrap_err(),
        identity
            .end_terminal(&nowhere, (4, &device, ""))
            .await
            .unwrap_err(),
    ];
    assert!(
        refused.iter().all(|fault| fault.reason == "DIVISION_MISSING"),
        "{refused:?}"
    );
}
