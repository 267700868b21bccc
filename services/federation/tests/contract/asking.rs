//! A partner is asked about its codes: what it signs counts, and one that is slow, away or lying harms nobody but itself.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use lutong_federation::Migrations;
use lutong_kernel::{Colour, ServiceName, Timestamp};
use lutong_proto::federation::v1 as wire;
use lutong_proto::types::v1::Colour as WireColour;
use lutong_testing::{Bed, on_both_engines, rows};
use lutong_token::{MessageHeader, SigningKey, body_digest};
use prost::Message as _;
use serde_json::{Value, json};
use wire::RecognitionOutcome as Outcome;

use crate::partner_codes::verify;
use crate::{Federation, build, entry, key, metadata, shown};

on_both_engines!(
    the_colour_that_the_origin_signs_now_counts,
    a_code_that_its_origin_does_not_stand_by_is_refused,
    an_answer_that_is_not_the_partners_own_for_this_question_is_none,
    a_partner_that_is_slow_away_or_babbling_leaves_its_signature_standing,
    a_partner_that_is_away_costs_the_others_nothing,
);

/// What the partner does with a question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Play {
    Says(Outcome, &'static str),
    /// Signs with a key that is on no list.
    OtherKey,
    /// Signs as another partner.
    OtherPartner,
    /// Repeats an answer to another question.
    OtherNonce,
    OtherAudience,
    Stale,
    /// The body is not the one that was signed.
    OtherBody,
    Unspecified,
    Status(u16),
    Garbage,
    Huge,
    Redirect,
    Slow,
}

#[derive(Clone)]
pub struct Origin {
    /// Of the partner, which its key is made of, too.
    own: u64,
    pub play: Arc<Mutex<Play>>,
    pub asked: Arc<Mutex<u32>>,
    now: Timestamp,
}

/// The partner's own keys: of Jiangsu, of Zhejiang, of nobody.
fn jiangsu() -> SigningKey {
    key(32)
}

async fn answer(State(origin): State<Origin>, body: String) -> axum::response::Response {
    *origin.asked.lock().unwrap() += 1;
    let play = *origin.play.lock().unwrap();
    let asked: Value = serde_json::from_str(&body).unwrap();
    let header = STANDARD
        .decode(asked["message"]["header"].as_str().unwrap())
        .unwrap();
    let nonce: [u8; 16] = nonce_of(&header);
    let outcome = match play {
        Play::Says(outcome, refusal) => (outcome, refusal),
        Play::Unspecified => (Outcome::Unspecified, ""),
        _ => (Outcome::Green, ""),
    };
    let said = wire::HealthCodeVerificationResult {
        outcome: outcome.0.into(),
        refusal: outcome.1.to_owned(),
        verify_time: None,
        code_reference: String::new(),
    };
    let said = said.encode_to_vec();
    let mut header = MessageHeader {
        method: "lutong.federation.v1.ExchangeService/VerifyHealthCode".to_owned(),
        sender: origin.own.to_string(),
        audience: "37".to_owned(),
        sent_at: origin.now,
        nonce: [9; 16],
        body_digest: body_digest(&said),
        in_reply_to: Some(nonce),
    };
    let mut signer = key(origin.own);
    match play {
        Play::Slow => tokio::time::sleep(Duration::from_secs(5)).await,
        Play::Status(status) => return StatusCode::from_u16(status).unwrap().into_response(),
        Play::Garbage => return "{\"answer\": \"{}\"}".into_response(),
        Play::Huge => return "x".repeat(200_000).into_response(),
        Play::Redirect => return (StatusCode::FOUND, [("location", "http://127.0.0.1:1/")]).into_response(),
        Play::OtherKey => signer = key(99),
        Play::OtherPartner => signer = key(33),
        Play::OtherNonce => header.in_reply_to = Some([1; 16]),
        Play::OtherAudience => "41".clone_into(&mut header.audience),
        Play::Stale => header.sent_at = origin.now.plus_seconds(-90),
        Play::OtherBody => header.body_digest[0] ^= 1,
        Play::Says(..) | Play::Unspecified => {}
    }
    let header = header.sign(&signer).unwrap();
    let message = json!({"header": STANDARD.encode(header), "body": STANDARD.encode(said)});
    axum::Json(json!({"answer": message})).into_response()
}

/// The nonce of a signed header: the first byte string of sixteen bytes in its payload.
fn nonce_of(header: &[u8]) -> [u8; 16] {
    let place = header
        .windows(19)
        .position(|found| found[0] == 0x50 && found[17] == 0x58 && found[18] == 0x20);
    let place = place.unwrap() + 1;
    header[place..place + 16].try_into().unwrap()
}

struct Asking {
    federation: Federation,
    origin: Origin,
}

/// A partner that says green, and where it is asked.
pub async fn listen(own: u64, now: Timestamp) -> (Origin, String) {
    let origin = Origin {
        own,
        play: Arc::new(Mutex::new(Play::Says(Outcome::Green, ""))),
        asked: Arc::default(),
        now,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new()
        .route("/v1/exchanges:verify", axum::routing::post(answer))
        .with_state(origin.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (origin, address)
}

async fn start(bed: Bed) -> Asking {
    let (origin, address) = listen(32, bed.foundation.now()).await;
    let federation = with_address(bed, &address).await;
    Asking { federation, origin }
}

async fn with_address(bed: Bed, address: &str) -> Federation {
    let storage = bed.storage::<Migrations>(ServiceName::Federation).await;
    let federation = Federation {
        bed,
        storage,
        jiangsu: jiangsu(),
        zhejiang: key(33),
        henan: key(41),
    };
    let both = "purposes = [\"CODES\", \"MESSAGES\"]";
    let asked = entry("32", "江苏", &federation.jiangsu, both)
        .replace("name = ", &format!("address = \"{address}\"\nname = "));
    let list = format!(
        "version = \"x\"\n{asked}{}",
        entry("33", "浙江", &federation.zhejiang, both)
    );
    build(&federation.bed, &federation.storage, Some(&list), None)
        .await
        .unwrap();
    federation
}

impl Asking {
    fn plays(&self, play: Play) {
        *self.origin.play.lock().unwrap() = play;
    }

    /// The colour or the outcome of a code of Jiangsu that says this colour.
    async fn comes_out(&self, signed: Colour) -> Result<WireColour, String> {
        let token = shown(&self.federation.jiangsu, "32", self.federation.now(), signed);
        let verified = verify(&self.federation.bed, &token).await;
        verified
            .map(|code| code.colour())
            .map_err(|refused| metadata(&refused, "outcome").to_owned())
    }
}

async fn the_colour_that_the_origin_signs_now_counts(bed: Bed) {
    let asking = start(bed).await;
    for (said, colour) in [
        (Outcome::Green, WireColour::Green),
        (Outcome::Yellow, WireColour::Yellow),
        (Outcome::Red, WireColour::Red),
    ] {
        asking.plays(Play::Says(said, ""));
        for signed in [Colour::Green, Colour::Red] {
            assert_eq!(asking.comes_out(signed).await, Ok(colour), "{said:?}");
        }
    }
    assert_eq!(*asking.origin.asked.lock().unwrap(), 6);
    let kept = rows(&asking.federation.storage, "message_records").await;
    assert_eq!(kept, 12, "question and answer");
    // What fails here is not asked about.
    let forged = shown(&key(99), "32", asking.federation.now(), Colour::Green);
    verify(&asking.federation.bed, &forged).await.unwrap_err();
    assert_eq!(*asking.origin.asked.lock().unwrap(), 6);
}

async fn a_code_that_its_origin_does_not_stand_by_is_refused(bed: Bed) {
    let asking = start(bed).await;
    for (outcome, refusal, refused) in [
        (Outcome::NotFound, "REVOKED", "REVOKED"),
        (Outcome::NotFound, "EXPIRED", "NOT_FOUND"),
        (Outcome::NoCode, "", "NO_CODE"),
        (Outcome::NameMismatch, "", "NAME_MISMATCH"),
        (Outcome::UnderReview, "CODE_REFRESHING", "UNDER_REVIEW"),
    ] {
        asking.plays(Play::Says(outcome, refusal));
        assert_eq!(asking.comes_out(Colour::Green).await, Err(refused.to_owned()));
    }
}

async fn an_answer_that_is_not_the_partners_own_for_this_question_is_none(bed: Bed) {
    let asking = start(bed).await;
    for play in [
        Play::OtherKey,
        Play::OtherPartner,
        Play::OtherNonce,
        Play::OtherAudience,
        Play::Stale,
        Play::OtherBody,
        Play::Unspecified,
    ] {
        asking.plays(play);
        // Each of these answers says green: nobody believes it, and red stays red.
        assert_eq!(
            asking.comes_out(Colour::Red).await,
            Ok(WireColour::Red),
            "{play:?}"
        );
    }
}

async fn a_partner_that_is_slow_away_or_babbling_leaves_its_signature_standing(bed: Bed) {
    let asking = start(bed).await;
    for play in [
        Play::Status(429),
        Play::Status(500),
        Play::Status(503),
        Play::Garbage,
        Play::Huge,
        Play::Redirect,
        Play::Slow,
        Play::Says(Outcome::Throttled, ""),
        Play::Says(Outcome::UnknownValue, ""),
    ] {
        asking.plays(play);
        let began = Instant::now();
        assert_eq!(
            asking.comes_out(Colour::Red).await,
            Ok(WireColour::Red),
            "{play:?}"
        );
        assert!(began.elapsed() < Duration::from_secs(4), "{play:?}");
    }
}

async fn a_partner_that_is_away_costs_the_others_nothing(bed: Bed) {
    // Nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let federation = with_address(bed, &address).await;
    for _ in 0..60 {
        let token = shown(&federation.jiangsu, "32", federation.now(), Colour::Yellow);
        let verified = verify(&federation.bed, &token).await.unwrap();
        assert_eq!(verified.colour(), WireColour::Yellow);
    }
    // It is not asked any more, but for a probe a second; and what is not sent is not recorded.
    let kept = rows(&federation.storage, "message_records").await;
    assert!((20..40).contains(&kept), "{kept} questions");
    let token = shown(&federation.zhejiang, "33", federation.now(), Colour::Green);
    let verified = verify(&federation.bed, &token).await.unwrap();
    assert_eq!(verified.colour(), WireColour::Green);
}
