//! `ExchangeService`: signed messages of partners, accepted once, within their quotas, and recorded.

use std::time::Duration;

use lutong_kernel::{Fault, FaultCode, ServiceName, Timestamp};
use lutong_proto::code_rendering::v1 as codes;
use lutong_proto::federation::v1 as wire;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1::Colour as WireColour;
use lutong_testing::{Bed, bytes, on_both_engines, rows, tamper, texts};
use lutong_token::{
    MessageExpectations, MessageHeader, SigningKey, TrustedKey, VerifyingKey, VerifyingKeys, body_digest,
};
use lutong_transport::client::MeshChannel;
use prost::Message as _;
use wire::PartnerState::{Pilot, Suspended};
use wire::RecognitionOutcome as Outcome;
use wire::exchange_service_client::ExchangeServiceClient;

use crate::codes::{Codes, TOKEN};
use crate::sharing::call;
use crate::{Federation, build, entry, fault, key, metadata};

on_both_engines!(
    a_partner_asks_about_a_code_and_gets_a_signed_answer,
    each_outcome_of_a_code_stays_distinct,
    each_way_in_which_a_message_is_bad_has_its_own_outcome_and_nothing_is_recorded,
    a_message_is_accepted_once,
    a_partner_that_is_not_served_gets_no_answer,
    a_quota_is_the_partners_own,
    messages_are_recorded_in_a_chain_and_nothing_personal,
    an_answer_of_nobody_is_no_answer,
    what_is_said_about_changes_is_refused_with_its_reason,
    what_is_said_about_people_is_refused_with_its_reason,
    what_is_not_agreed_or_does_not_count_is_said_and_nothing_is_done,
);

const METHOD: &str = "lutong.federation.v1.ExchangeService/VerifyHealthCode";
/// The methods about changes, by their paths.
pub const SHARED: [(&str, &str); 4] = [
    ("/v1/subscriptions:pull", "PullChanges"),
    ("/v1/subscriptions:compare", "CompareCodes"),
    ("/v1/subscriptions:acknowledge", "AcknowledgeChanges"),
    ("/v1/subscriptions:notify", "NotifyChanges"),
];

/// The methods about people, by their paths.
pub const ABOUT_PEOPLE: [(&str, &str); 6] = [
    ("/v1/exchanges:declare", "DeclareHealth"),
    ("/v1/exchanges:travel", "DeclareItinerary"),
    ("/v1/exchanges:query", "QueryHealthRecords"),
    ("/v1/exchanges:call", "CallHealthCode"),
    ("/v1/exchanges:make", "MakeHealthCode"),
    ("/v1/exchanges:correct", "CorrectDeclaration"),
];

pub struct Exchange {
    pub federation: Federation,
    pub codes: Codes,
}

/// An entry whose key signs messages, and which is answered.
pub fn served(code: &str, key: &SigningKey, per_minute: u32) -> String {
    let more = "purposes = [\"MESSAGES\"]";
    let fields = format!(
        "directions = [\"OUTBOUND\"]\nquota = {{ requests_per_minute = {per_minute}, requests_per_day = 1000 }}\nname = "
    );
    entry(code, "甲", key, more).replacen("name = ", &fields, 1)
}

pub async fn start(bed: Bed) -> Exchange {
    let codes = Codes::default();
    codes.bind(&bed);
    codes.answers(codes::VerificationOutcome::Valid, Some(WireColour::Green));
    let storage = bed
        .storage::<lutong_federation::Migrations>(ServiceName::Federation)
        .await;
    let federation = Federation {
        bed,
        storage,
        jiangsu: key(32),
        zhejiang: key(33),
        henan: key(41),
    };
    let list = format!(
        "version = \"x\"\n{}{}{}",
        served("32", &federation.jiangsu, 30),
        served("33", &federation.zhejiang, 30),
        // Its key signs codes only.
        entry("41", "河南", &federation.henan, "")
    );
    build(&federation.bed, &federation.storage, Some(&list), None)
        .await
        .unwrap();
    Exchange { federation, codes }
}

impl Federation {
    /// What messages about changes and people are refused with that nobody has looked at.
    pub async fn says_anything_shared(&self) -> Vec<Fault> {
        let mut refused = Vec::new();
        for (path, _) in SHARED.into_iter().chain(ABOUT_PEOPLE) {
            let message = wire::SignedMessage {
                header: b"x".to_vec(),
                body: Vec::new(),
            };
            refused.push(call(&self.bed, path, message).await.unwrap_err());
        }
        refused
    }

    /// What a message is refused with that nobody has looked at.
    pub async fn says_anything(&self) -> Fault {
        let channel = self.bed.channel(ServiceName::Federation, Caller::Gateway);
        let call = self.bed.call_as(&lutong_transport::access::Principal::public());
        let message = Some(wire::SignedMessage {
            header: b"x".to_vec(),
            body: question(),
        });
        let request = call.request(wire::VerifyHealthCodeRequest { message });
        let answer = ExchangeServiceClient::new(channel)
            .verify_health_code(request)
            .await;
        fault(&answer.unwrap_err())
    }
}

fn question() -> Vec<u8> {
    let body = wire::HealthCodeVerification {
        token: TOKEN.to_owned(),
    };
    body.encode_to_vec()
}

impl Exchange {
    fn now(&self) -> Timestamp {
        self.federation.now()
    }

    fn header(&self, nonce: u8) -> MessageHeader {
        MessageHeader {
            method: METHOD.to_owned(),
            sender: "32".to_owned(),
            audience: "37".to_owned(),
            sent_at: self.now(),
            nonce: [nonce; 16],
            body_digest: body_digest(&question()),
            in_reply_to: None,
        }
    }

    fn client(&self) -> ExchangeServiceClient<MeshChannel> {
        let bed = &self.federation.bed;
        ExchangeServiceClient::new(bed.channel(ServiceName::Federation, Caller::Gateway))
    }

    /// As anybody who has not signed in.
    async fn send(&self, header: Vec<u8>, body: Vec<u8>) -> Result<wire::SignedMessage, Fault> {
        let call = self
            .federation
            .bed
            .call_as(&lutong_transport::access::Principal::public());
        let message = Some(wire::SignedMessage { header, body });
        let request = call.request(wire::VerifyHealthCodeRequest { message });
        let answer = self.client().verify_health_code(request).await;
        answer
            .map(|answer| answer.into_inner().answer.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn ask_as(&self, key: &SigningKey, header: &MessageHeader) -> Result<wire::SignedMessage, Fault> {
        self.send(header.sign(key).unwrap(), question()).await
    }

    pub async fn ask(&self, nonce: u8) -> Result<wire::SignedMessage, Fault> {
        self.ask_as(&self.federation.jiangsu, &self.header(nonce)).await
    }

    /// Our key, as a partner gets it.
    pub async fn our_key(&self) -> VerifyingKeys {
        let call = self
            .federation
            .bed
            .call_as(&lutong_transport::access::Principal::public());
        let answer = self
            .client()
            .get_message_key(call.request(wire::GetMessageKeyRequest {}))
            .await;
        let answer = answer.unwrap().into_inner();
        let key = VerifyingKey::from_pem(&answer.public_key).unwrap();
        assert_eq!(key.kid().to_string(), answer.key_id);
        let mut keys = VerifyingKeys::new();
        let trusted = TrustedKey {
            key,
            issuers: Vec::new(),
            not_before: Timestamp::MIN,
            not_after: None,
            revoked_at: None,
        };
        keys.insert(trusted).unwrap();
        keys
    }

    /// What an answer says, verified as a partner would.
    async fn said(&self, nonce: u8, answer: &wire::SignedMessage) -> wire::HealthCodeVerificationResult {
        let (header, _) = MessageHeader::open(&answer.header, &self.our_key().await, self.now()).unwrap();
        let expected = MessageExpectations {
            method: METHOD,
            audience: "32",
            body: &answer.body,
            in_reply_to: Some([nonce; 16]),
            now: self.now(),
        };
        assert_eq!((header.check(&expected), &*header.sender), (Ok(()), "37"));
        wire::HealthCodeVerificationResult::decode(&*answer.body).unwrap()
    }

    async fn records(&self) -> i64 {
        rows(&self.federation.storage, "message_records").await
    }
}

async fn a_partner_asks_about_a_code_and_gets_a_signed_answer(bed: Bed) {
    let exchange = start(bed).await;
    let answer = exchange.ask(1).await.unwrap();
    let said = exchange.said(1, &answer).await;
    assert_eq!((said.outcome(), &*said.refusal), (Outcome::Green, ""));
    assert!(
        !String::from_utf8_lossy(&answer.body).contains('张'),
        "no name, not even its mask"
    );
    assert_eq!(exchange.records().await, 2);
}

async fn each_outcome_of_a_code_stays_distinct(bed: Bed) {
    use codes::VerificationOutcome as Verified;
    let exchange = start(bed).await;
    let colours = [
        (WireColour::Green, Outcome::Green),
        (WireColour::Yellow, Outcome::Yellow),
        (WireColour::Red, Outcome::Red),
    ];
    let mut nonce = 0;
    let mut cases: Vec<_> = colours
        .into_iter()
        .flat_map(|(colour, outcome)| {
            [Verified::Valid, Verified::Superseded].map(|verified| (verified, Some(colour), outcome, ""))
        })
        .collect();
    cases.extend([
        (Verified::Expired, None, Outcome::NotFound, "EXPIRED"),
        (Verified::Revoked, None, Outcome::NotFound, "REVOKED"),
        (Verified::BadSignature, None, Outcome::NotFound, "BAD_SIGNATURE"),
        // A colour beside a refusal, or none beside a yes, is no colour.
        (
            Verified::Expired,
            Some(WireColour::Green),
            Outcome::NotFound,
            "EXPIRED",
        ),
        (Verified::Valid, None, Outcome::NotFound, "VALID"),
    ]);
    for (verified, colour, outcome, refusal) in cases {
        nonce += 1;
        exchange.codes.answers(verified, colour);
        let answer = exchange.ask(nonce).await.unwrap();
        let said = exchange.said(nonce, &answer).await;
        assert_eq!(
            (said.outcome(), &*said.refusal),
            (outcome, refusal),
            "{verified:?}"
        );
    }
}

async fn each_way_in_which_a_message_is_bad_has_its_own_outcome_and_nothing_is_recorded(bed: Bed) {
    let exchange = start(bed).await;
    let jiangsu = &exchange.federation.jiangsu;
    let changed = |change: &dyn Fn(&mut MessageHeader)| {
        let mut header = exchange.header(1);
        change(&mut header);
        header.sign(jiangsu).unwrap()
    };
    let good = exchange.header(1).sign(jiangsu).unwrap();
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let henan = MessageHeader {
        sender: "41".to_owned(),
        ..exchange.header(1)
    };
    let cases = [
        (b"x".to_vec(), "UNREADABLE"),
        (exchange.header(1).sign(&key(99)).unwrap(), "WRONG_KEY"),
        // A key for codes signs no messages.
        (henan.sign(&exchange.federation.henan).unwrap(), "WRONG_KEY"),
        (damaged, "BAD_SIGNATURE"),
        // Jiangsu speaks as Zhejiang.
        (changed(&|one| "33".clone_into(&mut one.sender)), "WRONG_SENDER"),
        (changed(&|one| one.method.push('x')), "WRONG_METHOD"),
        // Addressed to another province, which passes it on to us.
        (
            changed(&|one| "33".clone_into(&mut one.audience)),
            "WRONG_AUDIENCE",
        ),
        (changed(&|one| one.body_digest[0] ^= 1), "WRONG_BODY"),
        (changed(&|one| one.in_reply_to = Some([1; 16])), "WRONG_REPLY"),
        (
            changed(&|one| one.sent_at = one.sent_at.plus_seconds(-90)),
            "STALE",
        ),
        (
            changed(&|one| one.sent_at = one.sent_at.plus_seconds(31)),
            "FROM_THE_FUTURE",
        ),
    ];
    for (header, outcome) in cases {
        let refused = exchange.send(header, question()).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::Unauthenticated, "MESSAGE_REFUSED")
        );
        assert_eq!(metadata(&refused, "outcome"), outcome);
    }
    // Another body than was signed: whom it asks about cannot be changed on the way.
    let other = wire::HealthCodeVerification {
        token: "LT1:ANOTHER".to_owned(),
    };
    let refused = exchange
        .send(good.clone(), other.encode_to_vec())
        .await
        .unwrap_err();
    assert_eq!(metadata(&refused, "outcome"), "WRONG_BODY");
    for (header, body, wrong) in [
        (vec![0; 513], question(), "message.header TOO_LONG"),
        (good.clone(), vec![0; 16_385], "message.body TOO_LONG"),
        (Vec::new(), question(), "message.header MISSING"),
    ] {
        let refused = exchange.send(header, body).await.unwrap_err();
        assert_eq!(lutong_testing::violations(&refused), [wrong]);
    }
    let oversized = exchange.send(good, vec![0; 100_000]).await.unwrap_err();
    assert_eq!(&*oversized.reason, "MESSAGE_TOO_LARGE");
    assert_eq!(exchange.records().await, 0);
    assert_eq!(rows(&exchange.federation.storage, "message_nonces").await, 0);
    assert_eq!(rows(&exchange.federation.storage, "partner_usage").await, 0);
}

async fn a_message_is_accepted_once(bed: Bed) {
    let exchange = start(bed).await;
    exchange.ask(1).await.unwrap();
    for _ in 0..2 {
        let refused = exchange.ask(1).await.unwrap_err();
        assert_eq!(metadata(&refused, "outcome"), "REPLAYED");
    }
    // Nor by another replica, while its time has not passed; then it is too old.
    let header = exchange.header(2);
    exchange
        .ask_as(&exchange.federation.jiangsu, &header)
        .await
        .unwrap();
    exchange.federation.bed.clock.advance(Duration::from_secs(89));
    let refused = exchange
        .ask_as(&exchange.federation.jiangsu, &header)
        .await
        .unwrap_err();
    assert_eq!(metadata(&refused, "outcome"), "REPLAYED");
    exchange.federation.bed.clock.advance(Duration::from_secs(1));
    let refused = exchange
        .ask_as(&exchange.federation.jiangsu, &header)
        .await
        .unwrap_err();
    assert_eq!(metadata(&refused, "outcome"), "STALE");
    // Two partners may draw the same nonce.
    let zhejiang = MessageHeader {
        sender: "33".to_owned(),
        ..exchange.header(1)
    };
    let zhejiang_key = &exchange.federation.zhejiang;
    exchange.ask_as(zhejiang_key, &zhejiang).await.unwrap();
}

async fn a_partner_that_is_not_served_gets_no_answer(bed: Bed) {
    let exchange = start(bed).await;
    exchange.federation.move_to("32", Suspended).await;
    let refused = exchange.ask(1).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::FailedPrecondition, "PARTNER_NOT_SERVED")
    );
    assert_eq!(metadata(&refused, "state"), "SUSPENDED");
    // Trusted, and not answered by agreement.
    let list = format!(
        "version = \"x\"\n{}",
        served("33", &exchange.federation.zhejiang, 30).replace("OUTBOUND", "INBOUND")
    );
    let bed = exchange.federation.bed.reopened();
    build(&bed, &exchange.federation.storage, Some(&list), None)
        .await
        .unwrap();
    let federation = Federation {
        bed,
        ..exchange.federation
    };
    let exchange = Exchange {
        federation,
        ..exchange
    };
    let header = MessageHeader {
        sender: "33".to_owned(),
        ..exchange.header(1)
    };
    let refused = exchange.ask_as(&exchange.federation.zhejiang, &header).await;
    assert_eq!(&*refused.unwrap_err().reason, "PARTNER_NOT_SERVED");
    assert_eq!(exchange.records().await, 0);
}

async fn a_quota_is_the_partners_own(bed: Bed) {
    let exchange = start(bed).await;
    exchange.federation.move_to("32", Pilot).await;
    for nonce in 0..3 {
        exchange.ask(nonce).await.unwrap();
    }
    let refused = exchange.ask(9).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::ResourceExhausted, "QUOTA_EXHAUSTED")
    );
    assert_eq!(refused.retry_after, Some(Duration::from_secs(60)));
    let zhejiang = MessageHeader {
        sender: "33".to_owned(),
        ..exchange.header(9)
    };
    exchange
        .ask_as(&exchange.federation.zhejiang, &zhejiang)
        .await
        .unwrap();
    // A message that was not counted may be sent again.
    exchange.federation.bed.clock.advance(Duration::from_secs(60));
    exchange.ask(9).await.unwrap();
}

async fn messages_are_recorded_in_a_chain_and_nothing_personal(bed: Bed) {
    let exchange = start(bed).await;
    exchange.ask(1).await.unwrap();
    exchange.ask(2).await.unwrap();
    let storage = &exchange.federation.storage;
    let outcome = texts(storage, "message_records", "outcome", "sequence").await;
    assert_eq!(outcome, ["", "GREEN", "", "GREEN"]);
    let kept = bytes(storage, "message_records", "header").await;
    assert!(!String::from_utf8_lossy(&kept).contains("OUR-CODE"), "no body");
    let entries = bytes(storage, "message_records", "entry").await;
    assert_eq!(entries.len(), 4 * 32);
    tamper(storage, "DELETE FROM message_records WHERE sequence = 4").await;
    exchange.ask(3).await.unwrap();
    assert_ne!(
        bytes(storage, "message_records", "entry").await[3 * 32..4 * 32],
        entries[3 * 32..]
    );
}

async fn an_answer_of_nobody_is_no_answer(bed: Bed) {
    let exchange = start(bed).await;
    exchange.codes.go_away();
    let refused = exchange.ask(1).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::Unavailable, "PART_UNAVAILABLE")
    );
    assert_eq!(exchange.records().await, 1, "the question was asked");
}

impl Exchange {
    /// A process with another list on the same store.
    async fn rebuilt(self, list: &str) -> Self {
        let bed = self.federation.bed.reopened();
        self.codes.bind(&bed);
        build(&bed, &self.federation.storage, Some(list), None)
            .await
            .unwrap();
        let federation = Federation {
            bed,
            ..self.federation
        };
        Self { federation, ..self }
    }

    /// Says something about changes or people; the body of the answer.
    async fn say(&self, (path, method): (&str, &str), nonce: u8, body: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let header = MessageHeader {
            method: if path.starts_with("/v1/exchanges") {
                format!("lutong.federation.v1.ExchangeService/{method}")
            } else {
                format!("lutong.federation.v1.SubscriptionService/{method}")
            },
            body_digest: body_digest(&body),
            ..self.header(nonce)
        };
        let header = header.sign(&self.federation.jiangsu).unwrap();
        let message = wire::SignedMessage { header, body };
        let answer = call(&self.federation.bed, path, message).await?;
        Ok(answer.body)
    }
}

async fn what_is_said_about_changes_is_refused_with_its_reason(bed: Bed) {
    let exchange = start(bed).await;
    let (mut nonce, bed) = (0, &exchange.federation.bed);
    for method in SHARED {
        let empty = call(bed, method.0, wire::SignedMessage::default()).await;
        assert_eq!(
            lutong_testing::violations(&empty.unwrap_err()),
            ["message.header MISSING"]
        );
        nonce += 1;
        let refused = exchange
            .say(method, nonce, b"\xff\xff".to_vec())
            .await
            .unwrap_err();
        assert_eq!(metadata(&refused, "outcome"), "UNREADABLE", "{method:?}");
    }
    // What is no tag; a comparison that is too long.
    for method in [SHARED[0], SHARED[2]] {
        nonce += 1;
        let refused = exchange
            .say(method, nonce, b"\x0a\x01x".to_vec())
            .await
            .unwrap_err();
        assert_eq!(metadata(&refused, "outcome"), "UNREADABLE", "{method:?}");
    }
    let many = wire::CodeComparison {
        code_references: vec!["r".to_owned(); 401],
    };
    let refused = exchange
        .say(SHARED[1], 100, many.encode_to_vec())
        .await
        .unwrap_err();
    assert_eq!(metadata(&refused, "outcome"), "UNREADABLE");
    // A code that is followed, of which nobody can say how it stands.
    exchange.ask(101).await.unwrap();
    let reference = texts(
        &exchange.federation.storage,
        "followed_codes",
        "reference",
        "reference",
    )
    .await;
    let followed = wire::CodeComparison {
        code_references: reference,
    };
    let refused = exchange
        .say(SHARED[1], 102, followed.encode_to_vec())
        .await
        .unwrap_err();
    assert_eq!(&*refused.reason, "PART_UNAVAILABLE");
    exchange.federation.move_to("32", Pilot).await;
    for method in SHARED {
        let refused = exchange.say(method, 103, Vec::new()).await.unwrap_err();
        assert_eq!(&*refused.reason, "QUOTA_EXHAUSTED", "{method:?}");
    }
    exchange.federation.move_to("32", Suspended).await;
    for method in SHARED {
        let refused = exchange.say(method, 104, Vec::new()).await.unwrap_err();
        assert_eq!(&*refused.reason, "PARTNER_NOT_SERVED", "{method:?}");
    }
}

/// A body of each method about people that is within the bounds, about somebody.
pub fn about_people() -> [Vec<u8>; 6] {
    let person = Some(crate::people::person());
    let at = Some(lutong_proto::time::instant(Timestamp::from_seconds(
        1_669_392_000,
    )));
    let stay = lutong_proto::types::v1::Stay {
        division: "320100".to_owned(),
        arrived_at: at,
        ..lutong_proto::types::v1::Stay::default()
    };
    let symptoms = lutong_proto::types::v1::Symptoms {
        observed_at: at,
        symptoms: vec![lutong_proto::types::v1::Symptom::Fever.into()],
        ..lutong_proto::types::v1::Symptoms::default()
    };
    let key = "d-1".to_owned();
    [
        wire::HealthDeclaration {
            person: person.clone(),
            declaration_key: key.clone(),
            symptoms: Some(symptoms.clone()),
        }
        .encode_to_vec(),
        wire::ItineraryDeclaration {
            person: person.clone(),
            declaration_key: "d-2".to_owned(),
            stays: vec![stay.clone(), stay],
        }
        .encode_to_vec(),
        wire::HealthRecordQuery {
            person: person.clone(),
        }
        .encode_to_vec(),
        wire::HealthCodeCall {
            code_reference: "bm9ib2R5".to_owned(),
        }
        .encode_to_vec(),
        wire::HealthCodeMaking {
            person: person.clone(),
        }
        .encode_to_vec(),
        wire::DeclarationCorrection {
            person,
            declaration_key: "d-3".to_owned(),
            corrected_key: key,
            corrected_stay: 0,
            statement: Some(wire::declaration_correction::Statement::Symptoms(symptoms)),
        }
        .encode_to_vec(),
    ]
}

/// The return code of an answer: the first field of each.
fn return_code(body: &[u8]) -> wire::ExchangeReturnCode {
    assert_eq!(body.first(), Some(&0x08), "{body:?}");
    wire::ExchangeReturnCode::try_from(i32::from(body[1])).unwrap()
}

/// The served partner with more in its entry.
async fn agreed(bed: Bed, directions: &str, modes: &str) -> Exchange {
    let exchange = start(bed).await;
    let list = served("32", &exchange.federation.jiangsu, 100).replace(
        "directions = [\"OUTBOUND\"]",
        &format!("directions = [{directions}]\nmodes = [{modes}]"),
    );
    let list = format!("version = \"x\"\n{list}");
    exchange.rebuilt(&list).await
}

async fn what_is_said_about_people_is_refused_with_its_reason(bed: Bed) {
    let both = "\"OUTBOUND\", \"INBOUND\"";
    let exchange = agreed(bed, both, "\"CONVERSION\", \"SHARED_DATA\"").await;
    let (mut nonce, bed) = (0, &exchange.federation.bed);
    for method in ABOUT_PEOPLE {
        let empty = call(bed, method.0, wire::SignedMessage::default()).await;
        assert_eq!(
            lutong_testing::violations(&empty.unwrap_err()),
            ["message.header MISSING"]
        );
        nonce += 1;
        let refused = exchange
            .say(method, nonce, b"\xff\xff".to_vec())
            .await
            .unwrap_err();
        assert_eq!(metadata(&refused, "outcome"), "UNREADABLE", "{method:?}");
        // What is wrong with a body is answered under our signature, with the fields.
        nonce += 1;
        let answered = exchange.say(method, nonce, Vec::new()).await.unwrap();
        assert_eq!(
            return_code(&answered),
            wire::ExchangeReturnCode::Invalid,
            "{method:?}"
        );
    }
    // Nobody there to say who has consented, or to take a declaration in.
    for (method, body) in ABOUT_PEOPLE.into_iter().zip(about_people()) {
        if method.1 == "CallHealthCode" {
            continue;
        }
        nonce += 1;
        let refused = exchange.say(method, nonce, body).await.unwrap_err();
        assert_eq!(&*refused.reason, "PART_UNAVAILABLE", "{method:?}");
    }
    // A code that was made, and that nobody can show now.
    let people = crate::people::People::default();
    people.bind(bed);
    people.consents(
        "0193b2a0-0000-7000-8000-000000000001",
        &[lutong_proto::identity::v1::PartnerConsentUse::Code],
    );
    let [_, _, _, _, making, _] = about_people();
    let made = exchange.say(ABOUT_PEOPLE[4], 100, making).await.unwrap();
    let made = wire::ShownHealthCode::decode(&*made).unwrap();
    assert_eq!(made.outcome(), Outcome::NoCode);
    exchange.codes.go_away();
    let called = wire::HealthCodeCall {
        code_reference: made.code_reference,
    };
    let refused = exchange
        .say(ABOUT_PEOPLE[3], 101, called.encode_to_vec())
        .await
        .unwrap_err();
    assert_eq!(&*refused.reason, "PART_UNAVAILABLE");
    for (state, reason) in [(Pilot, "QUOTA_EXHAUSTED"), (Suspended, "PARTNER_NOT_SERVED")] {
        exchange.federation.move_to("32", state).await;
        for method in ABOUT_PEOPLE {
            nonce += 1;
            let refused = exchange.say(method, nonce, Vec::new()).await.unwrap_err();
            assert_eq!(&*refused.reason, reason, "{method:?}");
        }
    }
}

async fn what_is_not_agreed_or_does_not_count_is_said_and_nothing_is_done(bed: Bed) {
    use wire::ExchangeReturnCode::{NotAgreed, NotCounted, ReferenceUnknown};
    let exchange = agreed(bed, "\"OUTBOUND\"", "\"NATIONAL_CODE\"").await;
    let mut nonce = 0;
    for (method, body) in ABOUT_PEOPLE.into_iter().zip(about_people()) {
        nonce += 1;
        let answered = exchange.say(method, nonce, body).await.unwrap();
        // A reference that is nobody's says no more than that.
        let said = if method.1 == "CallHealthCode" {
            ReferenceUnknown
        } else {
            NotAgreed
        };
        assert_eq!(return_code(&answered), said, "{method:?}");
    }
    let both = "\"OUTBOUND\", \"INBOUND\"";
    let list = served("32", &exchange.federation.jiangsu, 1000).replace(
        "directions = [\"OUTBOUND\"]",
        &format!("directions = [{both}]\nmodes = [\"CONVERSION\", \"SHARED_DATA\"]"),
    );
    let exchange = exchange.rebuilt(&format!("version = \"x\"\n{list}")).await;
    exchange.federation.move_to("32", Pilot).await;
    exchange.federation.move_to("32", wire::PartnerState::Test).await;
    for (method, body) in ABOUT_PEOPLE.into_iter().zip(about_people()) {
        nonce += 1;
        let answered = exchange.say(method, nonce, body).await.unwrap();
        let said = if method.1 == "CallHealthCode" {
            ReferenceUnknown
        } else {
            NotCounted
        };
        assert_eq!(return_code(&answered), said, "{method:?}");
    }
    let outcomes = texts(
        &exchange.federation.storage,
        "message_records",
        "outcome",
        "sequence",
    )
    .await;
    assert!(outcomes.contains(&"NOT_AGREED".to_owned()), "{outcomes:?}");
}
