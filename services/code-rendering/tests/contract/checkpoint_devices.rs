//! `CheckpointDeviceService`: devices, their credentials and their heartbeats.

use std::time::Duration;

use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::policy::Role;
use lutong_proto::time;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, bytes, on_both_engines};
use wire::{CheckpointDeviceEndReason as EndReason, CheckpointDeviceState as State};

use crate::doors::{answer, principal, reason, request_id};
use crate::{decision, start, start_with_storage};

on_both_engines!(
    a_device_is_registered_and_ended_once,
    a_device_ends_with_its_checkpoint,
    the_devices_of_another_district_are_not_there,
    a_checkpoint_has_a_limited_number_of_devices,
    what_a_device_cannot_be_is_named,
    a_credential_is_exchanged_and_a_lost_answer_locks_nobody_out,
    a_replaced_credential_ends_the_device,
    a_copy_that_is_used_first_is_found_out,
    a_credential_that_was_never_issued_is_refused,
    a_heartbeat_says_what_a_door_has_to_fetch,
    a_device_that_has_ended_verifies_nothing,
);

async fn a_device_is_registered_and_ended_once(bed: Bed) {
    let codes = start(bed).await;
    let officer = codes.officer("370202");
    let door = officer.create(1).await;
    let (device, credential) = officer.add(2, &door.name).await;
    assert_eq!(
        (device.state(), device.checkpoint.as_str(), device.label.as_str()),
        (State::Active, door.name.as_str(), "北门1号")
    );
    assert!(credential.starts_with("LTD1."));
    // The credential is shown once.
    let again = officer.try_to_add(2, &door.name, "北门1号").await.unwrap();
    assert_eq!(
        (again.checkpoint_device.unwrap(), again.credential.as_str()),
        (device.clone(), "")
    );
    assert_eq!(
        reason(officer.try_to_add(2, &door.name, "南门").await),
        "REQUEST_ID_REUSED"
    );
    let (other, _) = officer.add(3, &door.name).await;
    assert_eq!(
        reason(officer.end_device(4, &device.name, &other.etag).await),
        "STALE"
    );
    let ended = officer.end_device(5, &device.name, &device.etag).await.unwrap();
    assert_eq!(
        (ended.state(), ended.end_reason()),
        (State::Ended, EndReason::Officer)
    );
    assert!(ended.end_time.is_some());
    assert_eq!(
        officer.end_device(5, &device.name, &device.etag).await.unwrap(),
        ended
    );
    assert_eq!(
        reason(officer.end_device(5, &other.name, &device.etag).await),
        "REQUEST_ID_REUSED"
    );
    assert_eq!(
        reason(officer.end_device(6, &device.name, "").await),
        "WRONG_STATE"
    );
    for (state, count) in [(State::Unspecified, 2), (State::Active, 1), (State::Ended, 1)] {
        let listed = officer.devices_of(&door.name, state).await.unwrap();
        assert_eq!(listed.len(), count, "{state:?}");
    }
    assert_eq!(reason(codes.exchange(&credential).await), "DEVICE_ENDED");
}

async fn a_device_ends_with_its_checkpoint(bed: Bed) {
    let codes = start(bed).await;
    let officer = codes.officer("370202");
    let door = officer.create(1).await;
    let (device, credential) = officer.add(2, &door.name).await;
    codes.device(&device).heartbeat().await.unwrap();
    officer.end(3, &door.name, "").await.unwrap();
    let listed = officer.devices_of(&door.name, State::Ended).await.unwrap();
    assert_eq!(listed[0].end_reason(), EndReason::CheckpointEnded);
    assert_eq!(reason(codes.device(&device).heartbeat().await), "DEVICE_ENDED");
    assert_eq!(reason(codes.exchange(&credential).await), "DEVICE_ENDED");
    assert_eq!(
        reason(officer.try_to_add(4, &door.name, "x").await),
        "WRONG_STATE"
    );
}

async fn the_devices_of_another_district_are_not_there(bed: Bed) {
    let codes = start(bed).await;
    let (officer, stranger) = (codes.officer("370202"), codes.officer("370203"));
    let (door, own) = (officer.create(1).await, stranger.create(1).await);
    let (device, _) = officer.add(2, &door.name).await;
    let nowhere = codes.caller(principal("officer-0", Role::Supervisor, ""));
    for (caller, of_door, of_device) in [
        (&stranger, "CHECKPOINT_NOT_FOUND", "CHECKPOINT_DEVICE_NOT_FOUND"),
        (&nowhere, "DIVISION_MISSING", "DIVISION_MISSING"),
    ] {
        assert_eq!(reason(caller.try_to_add(3, &door.name, "x").await), of_door);
        assert_eq!(
            reason(caller.devices_of(&door.name, State::Unspecified).await),
            of_door
        );
        assert_eq!(reason(caller.end_device(4, &device.name, "").await), of_device);
    }
    // A device of another checkpoint is not among one's own.
    assert!(
        stranger
            .devices_of(&own.name, State::Unspecified)
            .await
            .unwrap()
            .is_empty()
    );
    let unknown = "checkpoint-devices/00000000-0000-7000-8000-000000000001";
    assert_eq!(
        reason(officer.end_device(5, unknown, "").await),
        "CHECKPOINT_DEVICE_NOT_FOUND"
    );
    assert_eq!(
        officer.devices_of(&door.name, State::Active).await.unwrap(),
        [device]
    );
}

async fn a_checkpoint_has_a_limited_number_of_devices(bed: Bed) {
    let codes = start(bed).await;
    let officer = codes.officer("370202");
    let door = officer.create(1).await;
    let (first, _) = officer.add(100, &door.name).await;
    for n in 101..150 {
        officer.add(n, &door.name).await;
    }
    assert_eq!(
        reason(officer.try_to_add(150, &door.name, "x").await),
        "TOO_MANY_DEVICES"
    );
    officer.end_device(2, &first.name, "").await.unwrap();
    officer.add(151, &door.name).await;
}

async fn what_a_device_cannot_be_is_named(bed: Bed) {
    let codes = start(bed).await;
    let officer = codes.officer("370202");
    let door = officer.create(1).await;
    let create = async |change: fn(&mut wire::CreateCheckpointDeviceRequest)| {
        let mut message = wire::CreateCheckpointDeviceRequest {
            request_id: request_id(2),
            checkpoint: door.name.clone(),
            label: "北门".to_owned(),
        };
        change(&mut message);
        let request = officer.request(message);
        reason(answer(officer.devices().create_checkpoint_device(request).await))
    };
    assert_eq!(
        create(|m| m.request_id = "1".into()).await,
        "request_id UUID_SHAPE"
    );
    assert_eq!(create(|m| m.checkpoint.clear()).await, "checkpoint MISSING");
    assert_eq!(
        create(|m| m.checkpoint = "doors/1".into()).await,
        "checkpoint NAME_SHAPE"
    );
    assert_eq!(
        create(|m| m.checkpoint = "checkpoints/1".into()).await,
        "checkpoint NAME_SHAPE"
    );
    assert_eq!(create(|m| m.label.clear()).await, "label MISSING");
    assert_eq!(create(|m| m.label = "长".repeat(51)).await, "label TOO_LONG");
    assert_eq!(
        reason(officer.devices_of("checkpoints/1", State::Unspecified).await),
        "checkpoint NAME_SHAPE"
    );
    assert_eq!(
        reason(officer.end_device(3, &door.name, "").await),
        "name NAME_SHAPE"
    );
    let all = officer.devices_of(&door.name, State::Unspecified).await;
    assert!(all.unwrap().is_empty());
}

async fn a_credential_is_exchanged_and_a_lost_answer_locks_nobody_out(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let officer = codes.officer("370202");
    let door = officer.create(1).await;
    let (device, first) = officer.add(2, &door.name).await;
    let second = codes.exchange(&first).await.unwrap();
    assert_eq!(
        (second.checkpoint_device_id.as_str(), second.division.as_str()),
        (device.checkpoint_device_id.as_str(), "370202")
    );
    // The answer was lost: the first is good until one that was given for it is used.
    let third = codes.exchange(&first).await.unwrap().credential;
    let fourth = codes.exchange(&first).await.unwrap().credential;
    // Also one that was overtaken on the way.
    let fifth = codes.exchange(&third).await.unwrap().credential;
    let mut last = codes.exchange(&fifth).await.unwrap().credential;
    for _ in 0..20 {
        // More answers than are kept may be lost: the last ones stay good.
        codes.exchange(&fifth).await.unwrap();
        last = codes.exchange(&fifth).await.unwrap().credential;
    }
    codes.exchange(&last).await.unwrap();
    let active = officer.devices_of(&door.name, State::Active).await.unwrap();
    assert_eq!(active.len(), 1);
    // None of them is stored.
    let stored = bytes(&storage, "device_credentials", "hash").await;
    let holds = |text: &str| stored.windows(16).any(|part| part == &text.as_bytes()[5..21]);
    assert!(
        ![&*first, &second.credential, &fourth, &last]
            .into_iter()
            .any(holds)
    );
    assert!(stored.len() <= 18 * 32, "{}", stored.len());
}

async fn a_replaced_credential_ends_the_device(bed: Bed) {
    let codes = start(bed).await;
    let officer = codes.officer("370202");
    let door = officer.create(1).await;
    let (device, first) = officer.add(2, &door.name).await;
    let second = codes.exchange(&first).await.unwrap().credential;
    let third = codes.exchange(&second).await.unwrap().credential;
    assert_eq!(reason(codes.exchange(&first).await), "DEVICE_ENDED");
    let ended = officer.devices_of(&door.name, State::Ended).await.unwrap();
    assert_eq!(ended[0].end_reason(), EndReason::CredentialReused);
    assert_eq!(reason(codes.exchange(&third).await), "DEVICE_ENDED");
    assert_eq!(reason(codes.device(&device).heartbeat().await), "DEVICE_ENDED");
}

/// Whoever copied a credential and uses it before the door does is found out when the door uses its own.
async fn a_copy_that_is_used_first_is_found_out(bed: Bed) {
    let codes = start(bed).await;
    let officer = codes.officer("370202");
    let door = officer.create(1).await;
    let (_, copied) = officer.add(2, &door.name).await;
    let of_door = codes.exchange(&copied).await.unwrap().credential;
    let of_thief = codes.exchange(&copied).await.unwrap().credential;
    codes.exchange(&of_thief).await.unwrap();
    assert_eq!(reason(codes.exchange(&of_door).await), "DEVICE_ENDED");
    // And the other way round.
    let (_, copied) = officer.add(3, &door.name).await;
    let of_door = codes.exchange(&copied).await.unwrap().credential;
    let of_thief = codes.exchange(&copied).await.unwrap().credential;
    codes.exchange(&of_door).await.unwrap();
    assert_eq!(reason(codes.exchange(&of_thief).await), "DEVICE_ENDED");
}

async fn a_credential_that_was_never_issued_is_refused(bed: Bed) {
    let codes = start(bed).await;
    let officer = codes.officer("370202");
    let door = officer.create(1).await;
    let (_, credential) = officer.add(2, &door.name).await;
    let mut changed = credential.clone().into_bytes();
    let last = changed.len() - 1;
    changed[last] = if changed[last] == b'A' { b'E' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    for wrong in ["x", "LTD1.", "LTD1.AAAA", &*changed, &credential[5..]] {
        assert_eq!(
            reason(codes.exchange(wrong).await),
            "CREDENTIAL_INVALID",
            "{wrong}"
        );
    }
    assert_eq!(reason(codes.exchange("").await), "credential MISSING");
    assert_eq!(
        reason(codes.exchange(&"x".repeat(201)).await),
        "credential TOO_LONG"
    );
    // Guessing ends no device.
    codes.exchange(&credential).await.unwrap();
}

async fn a_heartbeat_says_what_a_door_has_to_fetch(bed: Bed) {
    let codes = start(bed).await;
    let officer = codes.officer("370202");
    let door = officer.create(1).await;
    let (device, _) = officer.add(2, &door.name).await;
    let of_door = codes.device(&device);
    let first = of_door.heartbeat().await.unwrap();
    let now = codes.0.foundation.now();
    assert_eq!(time::to_micros(&first.server_time.unwrap()), now.micros());
    assert_eq!(
        (first.revocation_sequence, first.checkpoint.as_str()),
        (0, door.name.as_str())
    );
    assert_eq!(first.interval.unwrap().seconds, 60);
    let shown = officer.devices_of(&door.name, State::Active).await.unwrap();
    assert_eq!(
        time::to_micros(shown[0].heard_time.as_ref().unwrap()),
        now.micros()
    );
    assert_eq!(shown[0].etag, device.etag);
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    codes.citizen(1).create(1).await;
    codes.apply(vec![decision(1, Colour::Red, 2)]).await;
    assert_eq!(of_door.heartbeat().await.unwrap().revocation_sequence, 1);
    for account in [
        "door-1",
        "device:1",
        "device:00000000-0000-7000-8000-000000000001",
    ] {
        let other = codes.caller(principal(account, Role::Checkpoint, "370202"));
        assert_eq!(
            reason(other.heartbeat().await),
            "DEVICE_NOT_REGISTERED",
            "{account}"
        );
    }
    codes.0.clock.advance(Duration::from_secs(1));
}

async fn a_device_that_has_ended_verifies_nothing(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let token = codes.show(1).await.unwrap().token;
    let officer = codes.officer("370202");
    let door = officer.create(1).await;
    let (device, _) = officer.add(2, &door.name).await;
    let verified = codes.device(&device).verify(&token).await.unwrap();
    assert_eq!(verified.outcome(), wire::VerificationOutcome::Valid);
    officer.end_device(3, &device.name, "").await.unwrap();
    assert_eq!(reason(codes.device(&device).verify(&token).await), "DEVICE_ENDED");
    let unknown = "device:00000000-0000-7000-8000-000000000001";
    let unknown = codes.caller(principal(unknown, Role::Checkpoint, "370202"));
    assert_eq!(reason(unknown.verify(&token).await), "DEVICE_NOT_REGISTERED");
    // Accounts that an operator has added verify as before.
    let by_certificate = codes.caller(principal("door-1", Role::Checkpoint, ""));
    by_certificate.verify(&token).await.unwrap();
}
