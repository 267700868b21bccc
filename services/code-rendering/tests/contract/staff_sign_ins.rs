//! `StaffSignInService`: staff sign in at devices, and reports say who was there.

use std::time::Duration;

use lutong_kernel::{Clock as _, Fault, ServiceName};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::staff_sign_in_service_client::StaffSignInServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::time;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines};
use wire::StaffSignInState as State;

use crate::doors::{Person, answer, principal, reason, request_id};
use crate::{Codes, decision, start};

on_both_engines!(
    a_report_says_who_was_signed_in_and_the_door_learns_no_more,
    a_code_signs_in_one_person_once_and_for_two_minutes,
    staff_of_another_division_and_devices_are_refused,
    whoever_is_signed_in_is_signed_out_by_the_device_or_by_themself,
    a_sign_in_ends_with_its_device_with_the_next_one_and_with_its_time,
    a_late_report_says_who_was_signed_in_at_the_scan,
    of_two_who_use_a_code_at_once_one_is_signed_in,
);

impl Codes {
    /// Somebody who works at the doors of a division.
    fn staff(&self, account: &str, division: &str) -> Person<'_> {
        self.caller(principal(account, Role::Checkpoint, division))
    }
}

impl Person<'_> {
    fn sign_ins(&self) -> StaffSignInServiceClient<lutong_transport::client::MeshChannel> {
        let bed = &self.codes.0;
        StaffSignInServiceClient::new(bed.channel(ServiceName::CodeRendering, Caller::Gateway))
    }

    async fn code(&self) -> Result<wire::CreateStaffSignInCodeResponse, Fault> {
        let request = self.request(wire::CreateStaffSignInCodeRequest {});
        answer(self.sign_ins().create_staff_sign_in_code(request).await)
    }

    async fn sign_in(&self, n: u32, code: &str) -> Result<wire::StaffSignIn, Fault> {
        let request = self.request(wire::CreateStaffSignInRequest {
            request_id: request_id(n),
            code: code.to_owned(),
        });
        let created = answer(self.sign_ins().create_staff_sign_in(request).await);
        created.map(|created| created.staff_sign_in.unwrap())
    }

    async fn sign_out(&self, n: u32, name: &str) -> Result<wire::StaffSignIn, Fault> {
        let request = self.request(wire::EndStaffSignInRequest {
            request_id: request_id(n),
            name: name.to_owned(),
        });
        let ended = answer(self.sign_ins().end_staff_sign_in(request).await);
        ended.map(|ended| ended.staff_sign_in.unwrap())
    }

    /// The name of the sign-in at the device that calls.
    async fn signed_in(&self) -> String {
        self.heartbeat().await.unwrap().staff_sign_in
    }

    /// Signs in at a device.
    async fn sign_in_at(&self, n: u32, device: &Person<'_>) -> wire::StaffSignIn {
        let code = device.code().await.unwrap().code;
        self.sign_in(n, &code).await.unwrap()
    }
}

/// The devices of a door in the district 370202.
async fn devices(codes: &Codes, count: u32) -> Vec<wire::CheckpointDevice> {
    let officer = codes.officer("370202");
    let door = officer.create(900).await;
    let mut devices = Vec::new();
    for n in 0..count {
        devices.push(officer.add(901 + n, &door.name).await.0);
    }
    devices
}

async fn red(codes: &Codes, n: u32) -> String {
    codes.apply(vec![decision(n, Colour::Red, 1)]).await;
    codes.show(n).await.unwrap().token
}

async fn a_report_says_who_was_signed_in_and_the_door_learns_no_more(bed: Bed) {
    let codes = start(bed).await;
    let devices = devices(&codes, 2).await;
    let (device, other) = (codes.device(&devices[0]), codes.device(&devices[1]));
    let token = red(&codes, 1).await;
    let before = device.verify(&token).await.unwrap();
    assert_eq!(device.signed_in().await, "");
    let staff = codes.staff("li-4", "370202");
    let sign_in = staff.sign_in_at(1, &device).await;
    assert_eq!(
        (sign_in.state(), sign_in.checkpoint_device.as_str()),
        (State::Active, devices[0].name.as_str())
    );
    assert_eq!(sign_in.checkpoint, devices[0].checkpoint);
    assert_eq!(device.signed_in().await, sign_in.name);
    assert_eq!(other.signed_in().await, "", "the other device of the same door");
    // It sees what it saw before, and is told nobody's account.
    assert_eq!(device.verify(&token).await.unwrap(), before);
    assert!(!format!("{sign_in:?}").contains("li-4"));
    let told = device.report(2, &token).await.unwrap();
    assert!(!format!("{told:?}").contains("li-4"));
    let officer = codes.officer("370202");
    assert_eq!(officer.door_report(&told.name).await.unwrap().staff, "li-4");
    // The other device has nobody: the report is that of its last scan.
    codes.0.clock.advance(Duration::from_secs(1));
    other.report(3, &token).await.unwrap();
    let report = officer.door_report(&told.name).await.unwrap();
    assert_eq!((report.scan_count, report.staff.as_str()), (2, ""));
}

async fn a_code_signs_in_one_person_once_and_for_two_minutes(bed: Bed) {
    let codes = start(bed).await;
    let devices = devices(&codes, 1).await;
    let device = codes.device(&devices[0]);
    let (one, two) = (codes.staff("li-4", "370202"), codes.staff("wang-5", "370200"));
    let code = device.code().await.unwrap();
    let expires_at = time::to_micros(code.expire_time.as_ref().unwrap());
    assert_eq!(expires_at, codes.0.clock.now().plus_seconds(120).micros());
    let sign_in = one.sign_in(1, &code.code).await.unwrap();
    assert_eq!(one.sign_in(1, &code.code).await.unwrap(), sign_in, "sent again");
    assert_eq!(reason(two.sign_in(2, &code.code).await), "SIGN_IN_CODE_INVALID");
    assert_eq!(reason(one.sign_in(3, &code.code).await), "SIGN_IN_CODE_INVALID");
    let (next, late) = (
        device.code().await.unwrap().code,
        device.code().await.unwrap().code,
    );
    assert_ne!(next, late);
    assert_eq!(reason(one.sign_in(1, &next).await), "REQUEST_ID_REUSED");
    codes.0.clock.advance(Duration::from_secs(119));
    two.sign_in(4, &next).await.unwrap();
    codes.0.clock.advance(Duration::from_secs(1));
    assert_eq!(reason(one.sign_in(5, &late).await), "SIGN_IN_CODE_INVALID");
    assert_eq!(
        reason(one.sign_in(6, "LTS1.guessed").await),
        "SIGN_IN_CODE_INVALID"
    );
    assert_eq!(reason(one.sign_in(7, "").await), "code MISSING");
    assert_eq!(reason(one.sign_in(8, &"x".repeat(201)).await), "code TOO_LONG");
    assert_eq!(
        reason(one.sign_out(9, "staff-sign-ins/1").await),
        "name NAME_SHAPE"
    );
}

async fn staff_of_another_division_and_devices_are_refused(bed: Bed) {
    let codes = start(bed).await;
    let devices = devices(&codes, 1).await;
    let device = codes.device(&devices[0]);
    let code = device.code().await.unwrap().code;
    let stranger = codes.staff("zhao-6", "370203");
    assert_eq!(reason(stranger.sign_in(1, &code).await), "CHECKPOINT_NOT_FOUND");
    let nowhere = codes.staff("sun-7", "");
    assert_eq!(reason(nowhere.sign_in(1, &code).await), "DIVISION_MISSING");
    assert_eq!(reason(device.sign_in(1, &code).await), "STAFF_ACCOUNT_NEEDED");
    let officer = codes.officer("370202");
    assert_eq!(reason(officer.sign_in(1, &code).await), "NOT_PERMITTED");
    assert_eq!(reason(stranger.code().await), "DEVICE_NOT_REGISTERED");
    assert_eq!(device.signed_in().await, "");
    // What was refused has not used the code up.
    codes.staff("li-4", "370202").sign_in(2, &code).await.unwrap();
}

async fn whoever_is_signed_in_is_signed_out_by_the_device_or_by_themself(bed: Bed) {
    let codes = start(bed).await;
    let devices = devices(&codes, 2).await;
    let (device, other) = (codes.device(&devices[0]), codes.device(&devices[1]));
    let (one, two) = (codes.staff("li-4", "370202"), codes.staff("wang-5", "370202"));
    let sign_in = one.sign_in_at(1, &device).await;
    for stranger in [&two, &other] {
        let refused = stranger.sign_out(2, &sign_in.name).await;
        assert_eq!(reason(refused), "STAFF_SIGN_IN_NOT_FOUND");
    }
    let unknown = "staff-sign-ins/00000000-0000-7000-8000-000000000001";
    assert_eq!(reason(one.sign_out(2, unknown).await), "STAFF_SIGN_IN_NOT_FOUND");
    let ended = one.sign_out(3, &sign_in.name).await.unwrap();
    assert_eq!((ended.state(), ended.end_time.is_some()), (State::Ended, true));
    assert_eq!(one.sign_out(3, &sign_in.name).await.unwrap(), ended);
    assert_eq!(reason(one.sign_out(4, &sign_in.name).await), "WRONG_STATE");
    assert_eq!(device.signed_in().await, "");
    let again = one.sign_in_at(5, &device).await;
    assert_eq!(reason(device.sign_out(3, &again.name).await), "answered");
    assert_eq!(device.signed_in().await, "");
    let third = one.sign_in_at(6, &device).await;
    assert_eq!(reason(one.sign_out(3, &third.name).await), "REQUEST_ID_REUSED");
}

async fn a_sign_in_ends_with_its_device_with_the_next_one_and_with_its_time(bed: Bed) {
    let codes = start(bed).await;
    let devices = devices(&codes, 1).await;
    let device = codes.device(&devices[0]);
    let (one, two) = (codes.staff("li-4", "370202"), codes.staff("wang-5", "370202"));
    let first = one.sign_in_at(1, &device).await;
    codes.0.clock.advance(Duration::from_secs(1));
    let second = two.sign_in_at(2, &device).await;
    assert_eq!(device.signed_in().await, second.name);
    assert_eq!(reason(one.sign_out(3, &first.name).await), "WRONG_STATE");
    codes.0.clock.advance(Duration::from_secs(12 * 3_600 - 1));
    assert_eq!(device.signed_in().await, second.name);
    codes.0.clock.advance(Duration::from_secs(1));
    assert_eq!(device.signed_in().await, "");
    assert_eq!(reason(two.sign_out(4, &second.name).await), "WRONG_STATE");
    let code = device.code().await.unwrap().code;
    codes
        .officer("370202")
        .end_device(5, &devices[0].name, "")
        .await
        .unwrap();
    assert_eq!(reason(one.sign_in(6, &code).await), "DEVICE_ENDED");
    assert_eq!(reason(device.code().await), "DEVICE_ENDED");
}

/// A door without a connection sends its scans later, when somebody else is signed in.
async fn a_late_report_says_who_was_signed_in_at_the_scan(bed: Bed) {
    let codes = start(bed).await;
    let devices = devices(&codes, 1).await;
    let device = codes.device(&devices[0]);
    let (one, two) = (codes.staff("li-4", "370202"), codes.staff("wang-5", "370202"));
    one.sign_in_at(1, &device).await;
    let token = red(&codes, 1).await;
    codes.0.clock.advance(Duration::from_secs(10));
    let scanned_at = codes.0.clock.now();
    codes.0.clock.advance(Duration::from_secs(600));
    two.sign_in_at(2, &device).await;
    let told = device.report_at(3, &token, Some(scanned_at), "").await.unwrap();
    let officer = codes.officer("370202");
    assert_eq!(officer.door_report(&told.name).await.unwrap().staff, "li-4");
}

async fn of_two_who_use_a_code_at_once_one_is_signed_in(bed: Bed) {
    let codes = start(bed).await;
    let devices = devices(&codes, 1).await;
    let device = codes.device(&devices[0]);
    let code = device.code().await.unwrap().code;
    let people: Vec<_> = (0..8)
        .map(|n| codes.staff(&format!("door-{n}"), "370202"))
        .collect();
    let together = people.iter().map(|person| person.sign_in(1, &code));
    let answers = futures::future::join_all(together).await;
    let signed_in: Vec<_> = answers.iter().flatten().collect();
    assert_eq!(signed_in.len(), 1);
    assert_eq!(device.signed_in().await, signed_in[0].name);
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(refused.reason, "SIGN_IN_CODE_INVALID");
    }
}
