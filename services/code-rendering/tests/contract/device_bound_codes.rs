//! `DeviceBoundCodeService`: what a telephone shows without a connection, for how long, and who ends it.

use std::time::Duration;

use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Fault, ServiceName, Timestamp};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::device_bound_code_service_client::DeviceBoundCodeServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::time;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines};
use lutong_token::{Algorithm, OfflineOutcome, Outcome as TokenOutcome, SigningKey};
use lutong_transport::client::MeshChannel;
use tonic::{Response, Status};
use wire::DeviceBoundCodeState as State;
use wire::VerificationOutcome as Outcome;

use crate::paper_codes::request_id;
use crate::revocations::Door;
use crate::{Codes, decision, fault, start, start_with_storage, subject};

on_both_engines!(
    a_telephone_shows_its_code_for_a_day_and_every_door_accepts_it,
    a_copy_of_the_code_proves_nothing_without_the_key_of_the_telephone,
    a_colour_that_turns_ends_what_telephones_show,
    a_decision_during_an_issue_leaves_no_device_bound_code_of_the_older_colour,
    a_device_bound_code_ends_when_the_code_is_due_to_change,
    an_ended_device_bound_code_is_refused_by_every_door_that_knows_it,
    nobody_sees_or_ends_the_device_bound_code_of_another,
    five_device_bound_codes_are_valid_at_most,
    a_request_that_is_sent_again_issues_one_device_bound_code,
    a_red_code_of_a_telephone_is_reported_also_later_and_a_copy_is_not,
    an_account_without_a_code_has_none_for_a_device,
    a_device_bound_code_that_says_nothing_is_named,
);

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn client(codes: &Codes) -> DeviceBoundCodeServiceClient<MeshChannel> {
    let channel = codes.0.channel(ServiceName::CodeRendering, Caller::Gateway);
    DeviceBoundCodeServiceClient::new(channel)
}

fn answer<T>(answer: Result<Response<T>, Status>) -> Result<T, Fault> {
    answer.map(Response::into_inner).map_err(|status| fault(&status))
}

/// A telephone with the account of a citizen.
struct Telephone<'a> {
    codes: &'a Codes,
    n: u32,
    key: SigningKey,
}

impl Codes {
    fn telephone(&self, n: u32, seed: u64) -> Telephone<'_> {
        Telephone {
            codes: self,
            n,
            key: SigningKey::generate(Algorithm::Es256, &SeededRandom::new(seed)).unwrap(),
        }
    }
}

impl Telephone<'_> {
    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let citizen = lutong_testing::citizen(&format!("wx-{}", self.n), Some(subject(self.n)));
        self.codes.0.call_as(&citizen).request(message)
    }

    async fn try_to_create_with(
        &self,
        id: &str,
        device_key: &[u8],
        end_earlier: bool,
    ) -> Result<wire::DeviceBoundCode, Fault> {
        let request = self.request(wire::CreateDeviceBoundCodeRequest {
            request_id: id.to_owned(),
            device_key: device_key.to_vec(),
            end_earlier,
        });
        let created = answer(client(self.codes).create_device_bound_code(request).await);
        created.map(|created| created.device_bound_code.unwrap())
    }

    async fn try_to_create(&self, id: &str, end_earlier: bool) -> Result<wire::DeviceBoundCode, Fault> {
        let key = self.key.verifying_key().raw();
        self.try_to_create_with(id, key, end_earlier).await
    }

    async fn create(&self, n: u32) -> wire::DeviceBoundCode {
        self.try_to_create(&request_id(n), false).await.unwrap()
    }

    async fn get(&self, name: &str) -> Result<wire::DeviceBoundCode, Fault> {
        let name = name.to_owned();
        let request = self.request(wire::GetDeviceBoundCodeRequest { name });
        let found = answer(client(self.codes).get_device_bound_code(request).await);
        found.map(|found| found.device_bound_code.unwrap())
    }

    async fn state(&self, code: &wire::DeviceBoundCode) -> State {
        self.get(&code.name).await.unwrap().state()
    }

    async fn list(&self, page_size: i32) -> Result<wire::ListDeviceBoundCodesResponse, Fault> {
        let request = self.request(wire::ListDeviceBoundCodesRequest {
            page_size,
            page_token: String::new(),
        });
        answer(client(self.codes).list_device_bound_codes(request).await)
    }

    async fn end(&self, id: &str, name: &str) -> Result<wire::DeviceBoundCode, Fault> {
        let request = self.request(wire::EndDeviceBoundCodeRequest {
            request_id: id.to_owned(),
            name: name.to_owned(),
        });
        let ended = answer(client(self.codes).end_device_bound_code(request).await);
        ended.map(|ended| ended.device_bound_code.unwrap())
    }

    /// What it shows now, without a connection.
    fn shows(&self, code: &wire::DeviceBoundCode) -> String {
        self.key
            .present(&code.bound_token, self.codes.0.foundation.now())
            .unwrap()
    }
}

fn ends(code: &wire::DeviceBoundCode) -> Timestamp {
    Timestamp::from_micros(time::to_micros(code.expire_time.as_ref().unwrap()))
}

async fn a_telephone_shows_its_code_for_a_day_and_every_door_accepts_it(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let telephone = codes.telephone(1, 1);
    let code = telephone.create(1).await;
    assert_eq!(
        (code.state(), code.colour(), code.version),
        (State::Active, Colour::Green, 1)
    );
    assert_eq!(ends(&code), codes.0.foundation.now().plus(DAY));
    assert_eq!(code.device_kid, telephone.key.kid().to_string());
    assert_eq!(telephone.get(&code.name).await.unwrap(), code);
    let mut door = Door::new(&codes, &storage).await;
    door.take_in(&codes).await;
    for hour in [0, 1, 11, 23] {
        let passed = Duration::from_secs(hour * 3_600);
        codes.0.clock.set(ends(&code).minus(DAY).plus(passed));
        let shown = telephone.shows(&code);
        assert_eq!(codes.outcome(&shown).await, Outcome::Valid, "hour {hour}");
        assert_eq!(door.check(&codes, &shown), Ok(()), "hour {hour}");
    }
    // A picture of the screen is good for the minute that it was signed for.
    let shown = telephone.shows(&code);
    codes.0.clock.advance(Duration::from_secs(90));
    assert_eq!(codes.outcome(&shown).await, Outcome::Expired);
    codes.0.clock.set(ends(&code).plus_seconds(30));
    let shown = telephone.shows(&code);
    assert_eq!(codes.outcome(&shown).await, Outcome::Expired);
    let expired = telephone.get(&code.name).await.unwrap();
    assert_eq!((expired.state(), expired.bound_token.len()), (State::Expired, 0));
}

async fn a_copy_of_the_code_proves_nothing_without_the_key_of_the_telephone(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let (telephone, thief) = (codes.telephone(1, 1), codes.telephone(2, 2));
    let code = telephone.create(1).await;
    assert_eq!(codes.outcome(&thief.shows(&code)).await, Outcome::BadSignature);
    let bare = format!("LT1:{}", base45::encode(&code.bound_token));
    assert_eq!(codes.outcome(&bare).await, Outcome::BadSignature);
    assert_eq!(codes.outcome(&telephone.shows(&code)).await, Outcome::Valid);
}

async fn a_colour_that_turns_ends_what_telephones_show(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let telephone = codes.telephone(1, 1);
    let code = telephone.create(1).await;
    let mut door = Door::new(&codes, &storage).await;
    door.take_in(&codes).await;
    codes.apply(vec![decision(1, Colour::Green, 2)]).await;
    assert_eq!(codes.outcome(&telephone.shows(&code)).await, Outcome::Valid);
    for (colour, version) in [(Colour::Red, 3), (Colour::Green, 4)] {
        codes.apply(vec![decision(1, colour, version)]).await;
        let verified = codes.verify(&telephone.shows(&code)).await.unwrap();
        assert_eq!(
            (verified.outcome(), verified.colour()),
            (Outcome::Superseded, colour)
        );
        let stands = telephone.get(&code.name).await.unwrap();
        assert_eq!((stands.state(), stands.bound_token.len()), (State::Revoked, 0));
    }
    door.take_in_revocations(&codes).await;
    let refused = Err(OfflineOutcome::Refused(TokenOutcome::Revoked));
    assert_eq!(door.check(&codes, &telephone.shows(&code)), refused);
    assert_eq!(telephone.create(2).await.state(), State::Active);
}

/// Issues and decisions run at the same time: whichever comes first, a code that is valid has the colour in force.
async fn a_decision_during_an_issue_leaves_no_device_bound_code_of_the_older_colour(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let telephone = codes.telephone(1, 1);
    for round in 0..12_u32 {
        let colour = [Colour::Red, Colour::Green][usize::from(round % 2 == 1)];
        let decided = decision(1, colour, i64::from(round) + 2);
        let id = request_id(round);
        let (issued, _) = tokio::join!(telephone.try_to_create(&id, true), codes.apply(vec![decided]));
        if let Err(refused) = issued {
            assert_eq!(refused.reason, "CONTENDED");
        }
        let listed = telephone.list(0).await.unwrap().device_bound_codes;
        for code in listed.iter().filter(|code| code.state() == State::Active) {
            assert_eq!(code.colour(), colour, "round {round}");
        }
    }
}

async fn a_device_bound_code_ends_when_the_code_is_due_to_change(bed: Bed) {
    let codes = start(bed).await;
    let due = codes.0.foundation.now().plus_seconds(600);
    let mut green = decision(1, Colour::Green, 1);
    green.next_change_time = Some(time::from_micros(due.micros()));
    codes.apply(vec![green]).await;
    let telephone = codes.telephone(1, 1);
    let code = telephone.create(1).await;
    assert_eq!(ends(&code), due);
    codes.0.clock.set(due);
    let refused = telephone.try_to_create(&request_id(2), false).await.unwrap_err();
    assert_eq!(refused.reason, "CODE_REFRESHING");
}

async fn an_ended_device_bound_code_is_refused_by_every_door_that_knows_it(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let telephone = codes.telephone(1, 1);
    let (lost, kept) = (telephone.create(1).await, telephone.create(2).await);
    let mut door = Door::new(&codes, &storage).await;
    door.take_in(&codes).await;
    let ended = telephone.end(&request_id(3), &lost.name).await.unwrap();
    assert_eq!(ended.state(), State::Ended);
    assert!(ended.end_time.is_some());
    let shown = telephone.shows(&lost);
    assert_eq!(codes.outcome(&shown).await, Outcome::Revoked);
    // The stated exception: a door that has not taken in the list since.
    assert_eq!(door.check(&codes, &shown), Ok(()));
    door.take_in_revocations(&codes).await;
    let refused = Err(OfflineOutcome::Refused(TokenOutcome::Revoked));
    assert_eq!(door.check(&codes, &shown), refused);
    assert_eq!(door.check(&codes, &telephone.shows(&kept)), Ok(()));
    assert_eq!(telephone.end(&request_id(3), &lost.name).await.unwrap(), ended);
    let refused = telephone.end(&request_id(3), &kept.name).await.unwrap_err();
    assert_eq!(refused.reason, "REQUEST_ID_REUSED");
    let refused = telephone.end(&request_id(4), &lost.name).await.unwrap_err();
    assert_eq!(refused.reason, "WRONG_STATE");
    assert!(refused.metadata.contains(&("state".into(), "ENDED".to_owned())));
    assert_eq!(telephone.state(&kept).await, State::Active);
}

async fn nobody_sees_or_ends_the_device_bound_code_of_another(bed: Bed) {
    let codes = start(bed).await;
    codes
        .apply(vec![decision(1, Colour::Green, 1), decision(2, Colour::Green, 1)])
        .await;
    // Not even a binder: a telephone goes on showing after the binding has ended.
    codes.bind(vec![crate::bindings::binding(1, 2, 1, true)]).await;
    let (holder, other) = (codes.telephone(1, 1), codes.telephone(2, 2));
    let code = holder.create(1).await;
    let refused = other.get(&code.name).await.unwrap_err();
    assert_eq!(refused.reason, "DEVICE_BOUND_CODE_NOT_FOUND");
    let refused = other.end(&request_id(2), &code.name).await.unwrap_err();
    assert_eq!(refused.reason, "DEVICE_BOUND_CODE_NOT_FOUND");
    assert!(other.list(0).await.unwrap().device_bound_codes.is_empty());
    // Nor is it a paper code.
    let id = code.name.split_once('/').unwrap().1;
    let refused = codes.citizen(1).get(&format!("paper-codes/{id}")).await;
    assert_eq!(refused.unwrap_err().reason, "PAPER_CODE_NOT_FOUND");
    let paper = codes.citizen(1).create(3).await;
    let as_device = paper.name.replace("paper-codes", "device-bound-codes");
    let refused = holder.get(&as_device).await.unwrap_err();
    assert_eq!(refused.reason, "DEVICE_BOUND_CODE_NOT_FOUND");
    assert_eq!(holder.list(0).await.unwrap().device_bound_codes, [code]);
}

async fn five_device_bound_codes_are_valid_at_most(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let telephone = codes.telephone(1, 1);
    // Those on paper are counted apart.
    let paper = codes.citizen(1).create(100).await;
    let mut earlier = Vec::new();
    for n in 0..5 {
        codes.0.clock.advance(Duration::from_secs(1));
        earlier.push(telephone.create(n).await);
    }
    let refused = telephone.try_to_create(&request_id(6), false).await.unwrap_err();
    assert_eq!(refused.reason, "TOO_MANY_DEVICE_BOUND_CODES");
    assert!(refused.metadata.contains(&("limit".into(), "5".to_owned())));
    codes.0.clock.advance(Duration::from_secs(1));
    let later = telephone.try_to_create(&request_id(7), true).await.unwrap();
    for code in &earlier {
        assert_eq!(telephone.state(code).await, State::Ended);
    }
    let page = telephone.list(1).await.unwrap();
    assert_eq!(page.device_bound_codes, std::slice::from_ref(&later));
    assert_ne!(page.next_page_token, "");
    let paper = codes.citizen(1).get(&paper.name).await.unwrap();
    assert_eq!(paper.state(), wire::PaperCodeState::Active);
    codes.0.clock.set(ends(&later));
    assert_eq!(telephone.create(8).await.state(), State::Active);
}

async fn a_request_that_is_sent_again_issues_one_device_bound_code(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let (telephone, other) = (codes.telephone(1, 1), codes.telephone(1, 2));
    let code = telephone.create(1).await;
    assert_eq!(telephone.create(1).await, code);
    let reused = other.try_to_create(&request_id(1), false).await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    assert_eq!(telephone.list(0).await.unwrap().device_bound_codes, [code]);
}

async fn a_red_code_of_a_telephone_is_reported_also_later_and_a_copy_is_not(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Red, 1)]).await;
    let (telephone, thief) = (codes.telephone(1, 1), codes.telephone(1, 2));
    let code = telephone.create(1).await;
    let officer = codes.officer("370000");
    let checkpoint = officer.create_in(1, "台东步行街北口", "370202").await.unwrap();
    let (device, _) = officer.add(1, &checkpoint.name).await;
    let door = codes.device(&device);
    let copied = door.report(1, &thief.shows(&code)).await.unwrap_err();
    assert_eq!(copied.reason, "TOKEN_NOT_VALID");
    // Scanned without a connection, reported when there is one again.
    let (shown, scanned_at) = (telephone.shows(&code), codes.0.foundation.now());
    codes.0.clock.advance(Duration::from_secs(3 * 3_600));
    let late = door.report_at(2, &shown, Some(scanned_at), "").await.unwrap();
    let now = door.report(3, &telephone.shows(&code)).await.unwrap();
    assert_eq!(now.name, late.name, "one person at one door on one day");
    let reported = officer.door_report(&late.name).await.unwrap();
    assert_eq!((reported.colour(), reported.scan_count), (Colour::Red, 2));
}

async fn an_account_without_a_code_has_none_for_a_device(bed: Bed) {
    let codes = start(bed).await;
    let telephone = codes.telephone(1, 1);
    let refused = telephone.try_to_create(&request_id(1), false).await.unwrap_err();
    assert_eq!(refused.reason, "CODE_NOT_FOUND");
    // Nor an account without a person.
    let nobody = lutong_testing::citizen("wx-9", None);
    let request = codes.0.call_as(&nobody);
    let name = "device-bound-codes/00000000-0000-7000-b000-000000000001".to_owned();
    let key = telephone.key.verifying_key().raw().to_vec();
    let created = request.request(wire::CreateDeviceBoundCodeRequest {
        request_id: request_id(2),
        device_key: key,
        end_earlier: false,
    });
    let created = answer(client(&codes).create_device_bound_code(created).await);
    assert_eq!(created.unwrap_err().reason, "CODE_NOT_FOUND");
    let found = request.request(wire::GetDeviceBoundCodeRequest { name: name.clone() });
    let found = answer(client(&codes).get_device_bound_code(found).await);
    assert_eq!(found.unwrap_err().reason, "CODE_NOT_FOUND");
    let listed = request.request(wire::ListDeviceBoundCodesRequest::default());
    let listed = answer(client(&codes).list_device_bound_codes(listed).await);
    assert_eq!(listed.unwrap_err().reason, "CODE_NOT_FOUND");
    let ended = request.request(wire::EndDeviceBoundCodeRequest {
        request_id: request_id(3),
        name,
    });
    let ended = answer(client(&codes).end_device_bound_code(ended).await);
    assert_eq!(ended.unwrap_err().reason, "CODE_NOT_FOUND");
}

async fn a_device_bound_code_that_says_nothing_is_named(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let telephone = codes.telephone(1, 1);
    let wrong = |refused: Fault| {
        let one = &refused.violations[0];
        format!("{} {} {}", refused.reason, one.field, one.reason)
    };
    let key = telephone.key.verifying_key().raw().to_vec();
    let ed25519 = SigningKey::generate(Algorithm::Ed25519, &SeededRandom::new(1)).unwrap();
    let mut beside = key.clone();
    beside[64] ^= 1;
    for (bad, reason) in [
        (&[][..], "MISSING"),
        (&[key.clone(), vec![0]].concat(), "TOO_LONG"),
        (&key[1..], "DEVICE_KEY_SHAPE"),
        (&key[..33], "DEVICE_KEY_SHAPE"),
        (&beside, "DEVICE_KEY_SHAPE"),
        (&[0; 65], "DEVICE_KEY_SHAPE"),
        (ed25519.verifying_key().raw(), "DEVICE_KEY_SHAPE"),
    ] {
        let refused = telephone.try_to_create_with(&request_id(1), bad, false).await;
        let expected = format!("INVALID_FIELDS device_key {reason}");
        assert_eq!(wrong(refused.unwrap_err()), expected, "{bad:02x?}");
    }
    let created = telephone.try_to_create("", false).await;
    assert_eq!(wrong(created.unwrap_err()), "INVALID_FIELDS request_id MISSING");
    let found = telephone.get("codes/1").await;
    assert_eq!(wrong(found.unwrap_err()), "INVALID_FIELDS name NAME_SHAPE");
    let ended = telephone.end(&request_id(2), "").await;
    assert_eq!(wrong(ended.unwrap_err()), "INVALID_FIELDS name MISSING");
    let listed = telephone.request(wire::ListDeviceBoundCodesRequest {
        page_size: 1,
        page_token: "x".to_owned(),
    });
    let listed = answer(client(&codes).list_device_bound_codes(listed).await);
    assert_eq!(
        wrong(listed.unwrap_err()),
        "INVALID_FIELDS page_token PAGE_TOKEN_FOREIGN"
    );
    assert!(telephone.list(0).await.unwrap().device_bound_codes.is_empty());
}
