//! Scenes at doors: a code on paper and one on a telephone without a network, and a red code that is reported.

use lutong_client::Failure;
use lutong_client::client::{Calls, failed};
use lutong_operating::entropy::Entropy;
use lutong_proto::code_rendering::v1::checkpoint_device_service_client::CheckpointDeviceServiceClient;
use lutong_proto::code_rendering::v1::checkpoint_service_client::CheckpointServiceClient;
use lutong_proto::code_rendering::v1::door_report_service_client::DoorReportServiceClient;
use lutong_proto::code_rendering::v1::key_service_client::KeyServiceClient;
use lutong_proto::code_rendering::v1::revocation_service_client::RevocationServiceClient;
use lutong_proto::code_rendering::v1::{
    AcknowledgeDoorReportRequest, CheckpointKind, CreateCheckpointDeviceRequest, CreateCheckpointRequest,
    CreateDoorReportRequest, DoorReportState, GetKeyListRequest, ListDoorReportsRequest,
    ListRevocationsRequest,
};
use lutong_token::{
    Algorithm, Expectations, Issuer, KeyUse, Progress, Revocations, SigningKey, TrustedKey, TrustedLists,
    VerifyingKeys, verify_offline,
};
use serde_json::json;

use super::calls::Holder;
use super::{apply, contact_at, report_fact, row, stated};
use crate::demo_mesh::DemoMesh;
use crate::people as cast;
use crate::report::{Report, TourStep};

/// A door without a connection but for the lists that somebody has brought it.
struct OfflineDoor {
    keys: TrustedLists,
    revocations: Revocations,
}

impl OfflineDoor {
    /// Set up with the keys for lists, which `lutong keys list` prints.
    async fn set_up(mesh: &DemoMesh) -> Result<Self, Failure> {
        let mut anchors = VerifyingKeys::new();
        let of_lists = |status: &lutong_code_rendering::KeyStatus| status.signs == KeyUse::Lists;
        for status in mesh.keys().await?.into_iter().filter(of_lists) {
            anchors.insert(TrustedKey {
                key: status.key,
                issuers: vec![Issuer::SHANDONG],
                not_before: status.limits.not_before,
                not_after: None,
                revoked_at: None,
            })?;
        }
        let mut door = Self {
            keys: TrustedLists::new(anchors),
            revocations: Revocations::new(),
        };
        door.take_in(mesh).await?;
        Ok(door)
    }

    /// Takes in the lists of now, which anybody may read.
    async fn take_in(&mut self, mesh: &DemoMesh) -> Result<(), Failure> {
        let calls = mesh.gateway.sign_in("checkpoint-1").await?;
        let list = KeyServiceClient::new(calls.clone())
            .get_key_list(GetKeyListRequest {})
            .await;
        let list = list.map_err(|status| failed(&status))?.into_inner();
        self.keys.take_in(&list.data, mesh.now())?;
        let mut lists = RevocationServiceClient::new(calls);
        let mut after_sequence = self.revocations.sequence();
        loop {
            let part = lists.list_revocations(ListRevocationsRequest {
                after_sequence,
                ..ListRevocationsRequest::default()
            });
            let part = part.await.map_err(|status| failed(&status))?.into_inner();
            match self
                .revocations
                .take_in(&part.data, self.keys.lists(), mesh.now())?
            {
                Progress::Complete => return Ok(()),
                Progress::More(sequence) => after_sequence = sequence,
            }
        }
    }

    /// What the door shows: mask and colour, or why it lets nobody in.
    fn check(&self, mesh: &DemoMesh, token: &str) -> String {
        let anything = Expectations::anything();
        let keys = self.keys.tokens();
        match verify_offline(token, keys, &self.revocations, mesh.now(), &anything) {
            Ok(claims) => {
                let mask = claims.mask().map_or("", |mask| mask.expose());
                format!("{mask} {}", claims.colour())
            }
            Err(outcome) => outcome.to_string(),
        }
    }
}

/// A grandmother without a telephone shows a printed code at a door without a network, until her colour turns.
pub async fn paper_and_telephone(mesh: &DemoMesh, report: &mut Report) -> Result<(), Failure> {
    let who = cast::GRANDMOTHER;
    let holder = Holder::sign_in(mesh, who).await?;
    holder.apply(Vec::new()).await.map_err(Failure::Because)?;
    let printed = holder.paper_token().await?;
    let telephone = SigningKey::generate(Algorithm::Es256, &Entropy)?;
    let bound = holder.bound_token(telephone.verifying_key()).await?;
    let mut door = OfflineDoor::set_up(mesh).await?;
    let mut step = |name, asked: &str, expected: &str, got: String| {
        report.add(&TourStep {
            name,
            asked: asked.to_owned(),
            expected: expected.to_owned(),
            got,
            shown: String::new(),
        });
    };
    let got = door.check(mesh, &printed);
    step(
        "paper",
        "a door without a network scans a printed code",
        "*兰 green",
        got,
    );
    let shown = telephone.present(&bound, mesh.now())?;
    let got = door.check(mesh, &shown);
    step(
        "telephone",
        "a telephone without a network shows its code",
        "*兰 green",
        got,
    );
    let another = SigningKey::generate(Algorithm::Es256, &Entropy)?;
    let got = door.check(mesh, &another.present(&bound, mesh.now())?);
    step(
        "copied",
        "another telephone shows a copy of it",
        "BAD_SIGNATURE",
        got,
    );
    let contact = stated(contact_at(mesh.now()));
    let contact = row("cdc-370200", "contact-2", who, contact);
    report_fact(mesh, "cdc-370200", contact).await?;
    door.take_in(mesh).await?;
    let got = door.check(mesh, &printed);
    step(
        "paper revoked",
        "her colour turns; the door takes in the list and scans again",
        "REVOKED",
        got,
    );
    Ok(())
}

/// A door that its district has registered, and the officer of the district.
struct RegisteredDoor {
    officer: Calls,
    device: Calls,
}

impl RegisteredDoor {
    async fn set_up(mesh: &DemoMesh) -> Result<Self, Failure> {
        let officer = mesh.gateway.sign_in("officer-1").await?;
        let checkpoint = CreateCheckpointRequest {
            request_id: mesh.request_id(),
            kind: CheckpointKind::Hospital.into(),
            division: "370202".to_owned(),
            place_name: "市立医院东门".to_owned(),
        };
        let made = CheckpointServiceClient::new(officer.clone())
            .create_checkpoint(checkpoint)
            .await;
        let made = made.map_err(|status| failed(&status))?.into_inner();
        let device = CreateCheckpointDeviceRequest {
            request_id: mesh.request_id(),
            checkpoint: made.checkpoint.unwrap_or_default().name,
            label: "东门1号".to_owned(),
        };
        let added = CheckpointDeviceServiceClient::new(officer.clone())
            .create_checkpoint_device(device)
            .await;
        let credential = added.map_err(|status| failed(&status))?.into_inner().credential;
        let session = mesh
            .gateway
            .api()
            .post("/v1/devices/sessions", &json!({"credential": credential}))
            .await?;
        let device = mesh
            .gateway
            .with_session(session["token"].as_str().unwrap_or_default())?;
        Ok(Self { officer, device })
    }
}

/// A red code at a door is reported in one call, and its district takes the report.
pub async fn red_is_reported(mesh: &DemoMesh, report: &mut Report) -> Result<(), Failure> {
    let door = RegisteredDoor::set_up(mesh).await?;
    let who = cast::SECOND_CONTACT;
    let contact = row("cdc-370200", "contact-3", who, stated(contact_at(mesh.now())));
    report_fact(mesh, "cdc-370200", contact).await?;
    let holder = apply(
        mesh,
        report,
        "contact at a door",
        who,
        Vec::new(),
        lutong_kernel::Colour::Red,
    )
    .await?;
    let scanned = CreateDoorReportRequest {
        request_id: mesh.request_id(),
        token: holder.token().await?,
        ..CreateDoorReportRequest::default()
    };
    let made = DoorReportServiceClient::new(door.device)
        .create_door_report(scanned)
        .await;
    let made = made.map_err(|status| failed(&status))?.into_inner();
    let mut officer = DoorReportServiceClient::new(door.officer);
    let listed = officer.list_door_reports(ListDoorReportsRequest::default()).await;
    let listed = listed
        .map_err(|status| failed(&status))?
        .into_inner()
        .door_reports;
    let place = listed
        .iter()
        .find(|found| found.name == made.name)
        .map(|found| found.place_name.clone());
    report.add(&TourStep {
        name: "door report",
        asked: "the door reports the red code it has scanned, and the district's officer sees it".to_owned(),
        expected: "市立医院东门".to_owned(),
        got: place.unwrap_or_default(),
        shown: String::new(),
    });
    let taken = officer.acknowledge_door_report(AcknowledgeDoorReportRequest {
        request_id: mesh.request_id(),
        name: made.name,
        etag: String::new(),
    });
    let taken = taken.await.map_err(|status| failed(&status))?.into_inner();
    report.add(&TourStep {
        name: "report taken",
        asked: "the officer takes the report".to_owned(),
        expected: DoorReportState::Acknowledged.as_str_name().to_owned(),
        got: taken
            .door_report
            .unwrap_or_default()
            .state()
            .as_str_name()
            .to_owned(),
        shown: String::new(),
    });
    Ok(())
}
