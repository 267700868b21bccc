//! `PartnerCodeService`: codes of other provinces.

use lutong_federation::Migrations;
use lutong_kernel::{Colour, Fault, FaultCode, ServiceName, Timestamp};
use lutong_proto::federation::v1 as wire;
use lutong_proto::federation::v1::partner_code_service_client::PartnerCodeServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::time;
use lutong_proto::types::v1::Colour as WireColour;
use lutong_testing::{Bed, on_both_engines};
use lutong_token::Claims;
use lutong_transport::client::Call;

use crate::{Federation, build, entry, key, province, shown, start};

on_both_engines!(
    a_partners_code_is_verified_and_its_provenance_told,
    a_paper_code_says_how_long_its_colour_holds,
    each_way_in_which_a_code_is_bad_has_its_own_outcome,
    a_code_is_verified_as_of_the_instant_of_its_declaration,
    every_verification_is_recorded_and_no_token,
    without_a_trust_list_nobody_is_trusted,
    a_broken_trust_list_does_not_start,
    a_token_has_a_length,
);

pub async fn verify(bed: &Bed, token: &str) -> Result<wire::VerifyPartnerCodeResponse, Fault> {
    let call = bed.call_as(&lutong_testing::citizen("wx-1", None));
    verify_as_of(bed, &call, token, None).await
}

async fn verify_as_of(
    bed: &Bed,
    call: &Call,
    token: &str,
    as_of: Option<Timestamp>,
) -> Result<wire::VerifyPartnerCodeResponse, Fault> {
    let channel = bed.channel(ServiceName::Federation, Caller::Declaration);
    let request = call.request(wire::VerifyPartnerCodeRequest {
        token: token.to_owned(),
        as_of: as_of.map(|at| time::from_micros(at.micros())),
    });
    let answer = PartnerCodeServiceClient::new(channel)
        .verify_partner_code(request)
        .await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| lutong_transport::status::to_fault(&status, "federation"))
}

impl Federation {
    /// The outcome with which a token is refused.
    pub async fn outcome(&self, token: &str) -> String {
        let refused = verify(&self.bed, token).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::FailedPrecondition, "PARTNER_CODE_REFUSED")
        );
        let [(name, outcome)] = &refused.metadata[..] else {
            panic!("one outcome: {refused:?}")
        };
        assert_eq!(name, "outcome");
        assert!(!format!("{refused:?}").contains(token), "a token is not repeated");
        outcome.clone()
    }
}

async fn a_partners_code_is_verified_and_its_provenance_told(bed: Bed) {
    let federation = start(bed).await;
    for (colour, told) in [
        (Colour::Green, WireColour::Green),
        (Colour::Yellow, WireColour::Yellow),
        (Colour::Red, WireColour::Red),
    ] {
        let token = shown(&federation.jiangsu, "32", federation.now(), colour);
        let verified = verify(&federation.bed, &token).await.unwrap();
        let now = Some(time::from_micros(federation.now().micros()));
        assert!(verified.conversion.starts_with("conversions/"), "{verified:?}");
        assert_eq!(
            verified,
            wire::VerifyPartnerCodeResponse {
                province: "32".to_owned(),
                colour: told.into(),
                issue_time: now,
                expire_time: None,
                key_id: federation.jiangsu.kid().to_string(),
                trust_list_version: "2022-11".to_owned(),
                verify_time: now,
                conversion: verified.conversion.clone(),
            }
        );
    }
}

async fn a_paper_code_says_how_long_its_colour_holds(bed: Bed) {
    let federation = start(bed).await;
    let from = federation.now().plus_seconds(-86_400);
    let until = from.plus_seconds(14 * 86_400);
    let claims = Claims::paper(province("32"), (from, until), [7; 16], Colour::Green, None).unwrap();
    let token = federation.jiangsu.sign(&claims).unwrap();
    let verified = verify(&federation.bed, &token).await.unwrap();
    assert_eq!(verified.issue_time, Some(time::from_micros(from.micros())));
    assert_eq!(verified.expire_time, Some(time::from_micros(until.micros())));
    federation.bed.clock.set(until.plus_seconds(30));
    assert_eq!(federation.outcome(&token).await, "EXPIRED");
}

async fn each_way_in_which_a_code_is_bad_has_its_own_outcome(bed: Bed) {
    let federation = start(bed).await;
    let now = federation.now();
    let at = |seconds: i64| {
        shown(
            &federation.jiangsu,
            "32",
            now.plus_seconds(seconds),
            Colour::Green,
        )
    };
    assert_eq!(federation.outcome(&at(-90)).await, "EXPIRED");
    verify(&federation.bed, &at(-89)).await.unwrap();
    assert_eq!(federation.outcome(&at(31)).await, "NOT_YET_VALID");
    verify(&federation.bed, &at(30)).await.unwrap();
    // Forged: a listed key with a changed signature, to which the second to last character belongs.
    let mut forged = at(0).into_bytes();
    let place = forged.len() - 3;
    forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
    let forged = String::from_utf8(forged).unwrap();
    assert_eq!(federation.outcome(&forged).await, "BAD_SIGNATURE");
    // An unlisted key that claims a listed province.
    let stranger = shown(&key(99), "32", now, Colour::Green);
    assert_eq!(federation.outcome(&stranger).await, "WRONG_KEY");
    // A listed key that claims another listed province, an unlisted one, and Shandong itself.
    for other in ["33", "44", "37"] {
        let token = shown(&federation.jiangsu, other, now, Colour::Green);
        assert_eq!(federation.outcome(&token).await, "WRONG_ISSUER", "{other}");
    }
    let revoked = shown(&federation.zhejiang, "33", now, Colour::Green);
    assert_eq!(federation.outcome(&revoked).await, "REVOKED");
    let over = shown(&federation.henan, "41", now, Colour::Green);
    assert_eq!(federation.outcome(&over).await, "WRONG_KEY");
    let card = Claims::card(
        province("32"),
        (now, now.plus_seconds(60)),
        [7; 16],
        Colour::Green,
        None,
    );
    let card = federation.jiangsu.sign(&card.unwrap()).unwrap();
    assert_eq!(federation.outcome(&card).await, "WRONG_KIND");
    for unreadable in ["LT1:", "https://example.org/code?id=1", "绿码"] {
        assert_eq!(federation.outcome(unreadable).await, "UNREADABLE");
    }
}

async fn a_code_is_verified_as_of_the_instant_of_its_declaration(bed: Bed) {
    let federation = start(bed).await;
    let declared_at = federation.now();
    let token = shown(&federation.jiangsu, "32", declared_at, Colour::Red);
    federation
        .bed
        .clock
        .advance(std::time::Duration::from_secs(86_400));
    // Declaration asks again by itself.
    let call = Call::background(std::time::Duration::from_secs(5));
    let ask = async |token: String, as_of| verify_as_of(&federation.bed, &call, &token, as_of).await;
    let verified = ask(token.clone(), Some(declared_at)).await.unwrap();
    assert_eq!(verified.colour(), WireColour::Red);
    let now = Some(time::from_micros(federation.now().micros()));
    assert_eq!(verified.verify_time, now, "when it was verified, not as of when");
    let outcome = |refused: Fault| refused.metadata[0].1.clone();
    let expired = ask(token.clone(), None).await.unwrap_err();
    assert_eq!(outcome(expired), "EXPIRED");
    let before = declared_at.plus_seconds(-31);
    let early = ask(token, Some(before)).await.unwrap_err();
    assert_eq!(outcome(early), "NOT_YET_VALID");
    // A future instant is now.
    let next = federation.now().plus_seconds(3_600);
    let fresh = shown(&federation.jiangsu, "32", next, Colour::Green);
    assert_eq!(
        outcome(ask(fresh, Some(next)).await.unwrap_err()),
        "NOT_YET_VALID"
    );
    // A key that was revoked after the declaration can have been stolen before.
    let then = Timestamp::parse("2022-10-31T12:00:00+08:00").unwrap();
    let revoked = shown(&federation.zhejiang, "33", then, Colour::Green);
    assert_eq!(outcome(ask(revoked, Some(then)).await.unwrap_err()), "REVOKED");
}

async fn every_verification_is_recorded_and_no_token(bed: Bed) {
    let federation = start(bed).await;
    let good = shown(&federation.jiangsu, "32", federation.now(), Colour::Green);
    verify(&federation.bed, &good).await.unwrap();
    let stranger = key(99);
    federation
        .outcome(&shown(&stranger, "32", federation.now(), Colour::Green))
        .await;
    federation.outcome("绿码").await;
    let text =
        |column: &'static str| lutong_testing::texts(&federation.storage, "verifications", column, "id");
    assert_eq!(text("outcome").await, ["VALID", "WRONG_KEY", "UNREADABLE"]);
    assert_eq!(
        text("province").await,
        ["32", "", ""],
        "a province that nobody vouched for is none"
    );
    assert_eq!(
        text("key_id").await,
        [
            federation.jiangsu.kid().to_string(),
            stranger.kid().to_string(),
            String::new()
        ]
    );
    assert_eq!(text("trust_list_version").await, ["2022-11"; 3]);
    // A token of invalid length is not recorded as a verification.
    verify(&federation.bed, "").await.unwrap_err();
    assert_eq!(
        lutong_testing::rows(&federation.storage, "verifications").await,
        3
    );
}

async fn without_a_trust_list_nobody_is_trusted(bed: Bed) {
    let storage = bed.storage::<Migrations>(ServiceName::Federation).await;
    build(&bed, &storage, None, None).await.unwrap();
    let token = shown(&key(32), "32", bed.foundation.now(), Colour::Green);
    let refused = verify(&bed, &token).await.unwrap_err();
    assert_eq!(refused.metadata, [("outcome".into(), "WRONG_KEY".to_owned())]);
}

async fn a_broken_trust_list_does_not_start(bed: Bed) {
    let storage = bed.storage::<Migrations>(ServiceName::Federation).await;
    let own = entry("37", "山东", &key(37), "");
    let twice = format!(
        "{}{}",
        entry("32", "江苏", &key(1), ""),
        entry("32", "江苏", &key(2), "")
    );
    let shared = format!(
        "{}{}",
        entry("32", "江苏", &key(1), ""),
        entry("33", "浙江", &key(1), "")
    );
    for (list, said) in [
        (own, "partner[0] (37): nobody is a partner of its own"),
        (twice, "partner[1] (32): the province is there twice"),
        (shared, "partner[1] (33).key[0]: the key"),
        ("[[partner]]".to_owned(), "the file"),
    ] {
        let list = format!("version = \"1\"\n{list}");
        let error = build(&bed, &storage, Some(&list), None).await.unwrap_err();
        assert!(
            error.contains("trust-list.toml") && error.contains(said),
            "{error}"
        );
    }
}

async fn a_token_has_a_length(bed: Bed) {
    let federation = start(bed).await;
    for (token, reason) in [(String::new(), "MISSING"), ("x".repeat(1_025), "TOO_LONG")] {
        let refused = verify(&federation.bed, &token).await.unwrap_err();
        assert_eq!(&*refused.reason, "INVALID_FIELDS");
        let wrong = &refused.violations[0];
        assert_eq!((wrong.field.as_str(), &*wrong.reason), ("token", reason));
    }
    assert_eq!(federation.outcome(&"x".repeat(1_024)).await, "UNREADABLE");
    let refused = verify(&federation.bed, &"x".repeat(100_000)).await.unwrap_err();
    assert_eq!(&*refused.reason, "MESSAGE_TOO_LARGE", "by the transport, unread");
    assert_eq!(
        lutong_testing::rows(&federation.storage, "verifications").await,
        1
    );
}
