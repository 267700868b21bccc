//! `CheckpointService`: registered doors, and that silent ones are seen.

use std::time::Duration;

use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::policy::Role;
use lutong_testing::{Bed, on_both_engines};
use wire::{CheckpointKind as Kind, CheckpointState as State};

use crate::doors::{answer, principal, reason, request_id};
use crate::start;

on_both_engines!(
    a_checkpoint_is_registered_and_ended_once,
    a_checkpoint_belongs_to_its_district,
    what_a_checkpoint_cannot_be_is_named,
    checkpoints_are_listed_in_pages_by_kind_division_and_state,
    a_silent_door_is_seen_by_its_district,
);

async fn a_checkpoint_is_registered_and_ended_once(bed: Bed) {
    let codes = start(bed).await;
    let officer = codes.officer("370202");
    let door = officer.create(1).await;
    assert_eq!(
        (
            door.state(),
            door.kind(),
            door.division.as_str(),
            door.place_name.as_str()
        ),
        (State::Active, Kind::Mall, "370202", "台东步行街北口")
    );
    assert_eq!(door.name, format!("checkpoints/{}", door.checkpoint_id));
    assert_eq!(
        door.allowed_actions().collect::<Vec<_>>(),
        [wire::CheckpointAction::End, wire::CheckpointAction::CreateDevice]
    );
    assert_eq!(officer.create(1).await, door);
    assert_eq!(
        reason(officer.try_to_create(1, "其他").await),
        "REQUEST_ID_REUSED"
    );
    assert_eq!(officer.get(&door.name).await.unwrap(), door);
    let other = officer.create(2).await;
    assert_eq!(reason(officer.end(3, &door.name, &other.etag).await), "STALE");
    let ended = officer.end(4, &door.name, &door.etag).await.unwrap();
    assert_eq!(ended.state(), State::Ended);
    assert!(ended.end_time.is_some() && ended.allowed_actions.is_empty() && ended.etag != door.etag);
    assert_eq!(officer.end(4, &door.name, &door.etag).await.unwrap(), ended);
    assert_eq!(
        reason(officer.end(4, &other.name, &door.etag).await),
        "REQUEST_ID_REUSED"
    );
    assert_eq!(reason(officer.end(5, &door.name, "").await), "WRONG_STATE");
}

async fn a_checkpoint_belongs_to_its_district(bed: Bed) {
    let codes = start(bed).await;
    let (officer, stranger) = (codes.officer("370202"), codes.officer("370203"));
    let door = officer.create(1).await;
    assert_eq!(
        reason(stranger.create_in(1, "x", "370202").await),
        "OUTSIDE_DIVISION"
    );
    assert_eq!(reason(stranger.get(&door.name).await), "CHECKPOINT_NOT_FOUND");
    assert_eq!(
        reason(stranger.end(2, &door.name, "").await),
        "CHECKPOINT_NOT_FOUND"
    );
    let everything = wire::ListCheckpointsRequest::default;
    assert!(stranger.list(everything()).await.unwrap().checkpoints.is_empty());
    let there = wire::ListCheckpointsRequest {
        division: "370202".to_owned(),
        ..everything()
    };
    assert_eq!(reason(stranger.list(there).await), "OUTSIDE_DIVISION");
    // The city above it, and the province, reach it.
    for above in ["370200", "370000"] {
        let found = codes.officer(above).list(everything()).await.unwrap();
        assert_eq!(found.checkpoints, std::slice::from_ref(&door), "{above}");
    }
    // Staff without a division act nowhere.
    let nowhere = codes.caller(principal("officer-0", Role::HealthOfficer, ""));
    assert_eq!(
        reason(nowhere.create_in(3, "x", "370202").await),
        "DIVISION_MISSING"
    );
    assert_eq!(reason(nowhere.get(&door.name).await), "DIVISION_MISSING");
    assert_eq!(reason(nowhere.list(everything()).await), "DIVISION_MISSING");
    assert_eq!(reason(nowhere.end(4, &door.name, "").await), "DIVISION_MISSING");
    // Whoever is no officer registers no door.
    for role in [Role::Citizen, Role::Checkpoint, Role::Hospital, Role::Auditor] {
        let other = codes.caller(principal("x", role, "370202"));
        assert_eq!(reason(other.create_in(5, "x", "370202").await), "NOT_PERMITTED");
        assert_eq!(reason(other.list(everything()).await), "NOT_PERMITTED");
    }
    assert_eq!(officer.get(&door.name).await.unwrap(), door);
}

async fn what_a_checkpoint_cannot_be_is_named(bed: Bed) {
    let codes = start(bed).await;
    let city = codes.officer("370200");
    let create = async |change: fn(&mut wire::CreateCheckpointRequest)| {
        let mut message = wire::CreateCheckpointRequest {
            request_id: request_id(1),
            kind: Kind::Hotel.into(),
            division: "370202".to_owned(),
            place_name: "海景酒店".to_owned(),
        };
        change(&mut message);
        let request = city.request(message);
        reason(answer(city.checkpoints().create_checkpoint(request).await))
    };
    assert_eq!(create(|m| m.request_id.clear()).await, "request_id MISSING");
    assert_eq!(create(|m| m.kind = 0).await, "kind MISSING");
    assert_eq!(create(|m| m.division.clear()).await, "division MISSING");
    assert_eq!(
        create(|m| m.division = "37020".into()).await,
        "division DIVISION_SHAPE"
    );
    assert_eq!(
        create(|m| m.division = "370200".into()).await,
        "division DIVISION_ABOVE_COUNTY"
    );
    assert_eq!(create(|m| m.place_name.clear()).await, "place_name MISSING");
    assert_eq!(
        create(|m| m.place_name = "长".repeat(101)).await,
        "place_name TOO_LONG"
    );
    assert_eq!(
        create(|m| m.place_name = "a\u{202e}b".into()).await,
        "place_name TEXT_BIDI"
    );
    let all = city.list(wire::ListCheckpointsRequest::default()).await.unwrap();
    assert!(all.checkpoints.is_empty(), "nothing is half stored");
    assert_eq!(reason(city.get("checkpoints/1").await), "name NAME_SHAPE");
    assert_eq!(reason(city.end(2, "doors/1", "").await), "name NAME_SHAPE");
    let foreign = wire::ListCheckpointsRequest {
        page_token: "x".to_owned(),
        ..wire::ListCheckpointsRequest::default()
    };
    assert_eq!(reason(city.list(foreign).await), "page_token PAGE_TOKEN_FOREIGN");
}

async fn checkpoints_are_listed_in_pages_by_kind_division_and_state(bed: Bed) {
    let codes = start(bed).await;
    let city = codes.officer("370200");
    let mut names = Vec::new();
    for (n, division) in ["370202", "370203", "370202001", "370202"].iter().enumerate() {
        codes.0.clock.advance(Duration::from_secs(1));
        let n = u32::try_from(n).unwrap();
        names.insert(0, city.create_in(n, "x", division).await.unwrap().name);
    }
    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let page = wire::ListCheckpointsRequest {
            page_size: 3,
            page_token: token,
            ..wire::ListCheckpointsRequest::default()
        };
        let page = city.list(page).await.unwrap();
        listed.extend(page.checkpoints.into_iter().map(|door| door.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, names);
    city.end(9, &names[0], "").await.unwrap();
    let of = async |message: wire::ListCheckpointsRequest| {
        let found = city.list(message).await.unwrap().checkpoints.into_iter();
        found.map(|door| door.name).collect::<Vec<_>>()
    };
    let in_district = |state: State| wire::ListCheckpointsRequest {
        division: "370202".to_owned(),
        state: state.into(),
        ..wire::ListCheckpointsRequest::default()
    };
    assert_eq!(
        of(in_district(State::Unspecified)).await,
        [&*names[0], &names[1], &names[3]]
    );
    assert_eq!(of(in_district(State::Ended)).await, [&*names[0]]);
    assert_eq!(of(in_district(State::Active)).await, [&*names[1], &names[3]]);
    let of_kind = |kind: Kind| wire::ListCheckpointsRequest {
        kind: kind.into(),
        ..wire::ListCheckpointsRequest::default()
    };
    assert_eq!(of(of_kind(Kind::Mall)).await.len(), 4);
    assert!(of(of_kind(Kind::Hotel)).await.is_empty());
}

async fn a_silent_door_is_seen_by_its_district(bed: Bed) {
    let codes = start(bed).await;
    let officer = codes.officer("370202");
    let (heard, never) = (officer.create(1).await, officer.create(2).await);
    let ended = officer.create(3).await;
    officer.end(4, &ended.name, "").await.unwrap();
    let (device, _) = officer.add(5, &heard.name).await;
    let silent = async || {
        let message = wire::ListCheckpointsRequest {
            silent: true,
            ..wire::ListCheckpointsRequest::default()
        };
        let listed = officer.list(message).await.unwrap().checkpoints;
        assert!(listed.iter().all(|door| door.silent));
        listed.into_iter().map(|door| door.name).collect::<Vec<_>>()
    };
    assert!(silent().await.is_empty());
    codes.0.clock.advance(Duration::from_secs(599));
    codes.device(&device).heartbeat().await.unwrap();
    assert!(silent().await.is_empty());
    codes.0.clock.advance(Duration::from_secs(1));
    assert_eq!(silent().await, [&*never.name]);
    assert!(!officer.get(&heard.name).await.unwrap().silent);
    codes.0.clock.advance(Duration::from_secs(599));
    assert_eq!(silent().await.len(), 2);
    let of_door = officer.devices_of(&heard.name, wire::CheckpointDeviceState::Unspecified);
    assert!(of_door.await.unwrap()[0].silent);
    codes.device(&device).heartbeat().await.unwrap();
    assert_eq!(silent().await, [&*never.name]);
    assert!(!officer.get(&ended.name).await.unwrap().silent);
}
