//! A partner that is dead, slow, lying, oversized, replaying or has a wrong clock harms only itself, and the numbers say so.

use lutong_federation::Migrations;
use lutong_kernel::{Colour, Fault, ServiceName};
use lutong_proto::federation::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1::Colour as WireColour;
use lutong_testing::{Bed, on_both_engines, rows};
use lutong_token::{MessageHeader, body_digest};
use lutong_transport::client::MeshChannel;
use wire::RecognitionOutcome as Outcome;
use wire::partner_quality_service_client::PartnerQualityServiceClient;

use crate::asking::{Origin, Play, listen};
use crate::partner_codes::verify;
use crate::sharing::call;
use crate::{Federation, build, entry, fault, key, shown, staff};

on_both_engines!(
    a_partner_that_serves_badly_harms_only_itself,
    a_partner_that_calls_badly_harms_only_itself,
    what_is_counted_is_noted_and_outlives_the_process,
    numbers_are_read_by_partner_and_in_pages,
    how_long_changes_took_is_among_the_numbers,
);

/// What a partner changes in a header before it signs it.
type Change<'a> = &'a dyn Fn(&mut MessageHeader);

struct Two {
    federation: Federation,
    bad: Origin,
    good: Origin,
    list: String,
}

async fn start(bed: Bed) -> Two {
    let (bad, bad_address) = listen(32, bed.foundation.now()).await;
    let (good, good_address) = listen(33, bed.foundation.now()).await;
    let storage = bed.storage::<Migrations>(ServiceName::Federation).await;
    let federation = Federation {
        bed,
        storage,
        jiangsu: key(32),
        zhejiang: key(33),
        henan: key(41),
    };
    let agreed = |code: &str, address: &str| {
        let fields = format!(
            "address = \"{address}\"\ndirections = [\"INBOUND\", \"OUTBOUND\"]\n\
             quota = {{ requests_per_minute = 10, requests_per_day = 1000 }}\nname = "
        );
        let key = key(code.parse().unwrap());
        entry(code, "甲", &key, "purposes = [\"CODES\", \"MESSAGES\"]").replacen("name = ", &fields, 1)
    };
    let list = format!(
        "version = \"x\"\n{}{}",
        agreed("32", &bad_address),
        agreed("33", &good_address)
    );
    build(&federation.bed, &federation.storage, Some(&list), None)
        .await
        .unwrap();
    Two {
        federation,
        bad,
        good,
        list,
    }
}

impl Federation {
    fn qualities(&self) -> PartnerQualityServiceClient<MeshChannel> {
        PartnerQualityServiceClient::new(self.bed.channel(ServiceName::Federation, Caller::Gateway))
    }

    async fn quality(&self, name: &str) -> Result<wire::PartnerQuality, Fault> {
        let call = self.bed.call_as(&staff("auditor-1", Role::Auditor));
        let request = call.request(wire::GetPartnerQualityRequest {
            name: name.to_owned(),
            hours: 0,
        });
        let answer = self.qualities().get_partner_quality(request).await;
        answer
            .map(|answer| answer.into_inner().partner_quality.unwrap())
            .map_err(|status| fault(&status))
    }

    pub async fn numbers(&self, partner: &str) -> wire::PartnerQuality {
        self.quality(&format!("partner-qualities/{partner}"))
            .await
            .unwrap()
    }
}

impl Two {
    /// Codes of both partners are shown here at the same time; how those of the good one come out.
    async fn both_at_once(&self, count: usize) -> Vec<Result<WireColour, Fault>> {
        let federation = &self.federation;
        let now = federation.now();
        let verified = |key: &lutong_token::SigningKey, code: &str| {
            let token = shown(key, code, now, Colour::Red);
            async move { verify(&federation.bed, &token).await.map(|one| one.colour()) }
        };
        let bad = (0..count).map(|_| verified(&federation.jiangsu, "32"));
        let good = (0..count).map(|_| verified(&federation.zhejiang, "33"));
        let (bad, good) = futures::join!(futures::future::join_all(bad), futures::future::join_all(good));
        // What it signed before counts: red stays red.
        assert!(bad.iter().all(|one| *one == Ok(WireColour::Red)), "{bad:?}");
        good
    }
}

async fn a_partner_that_serves_badly_harms_only_itself(bed: Bed) {
    let two = start(bed).await;
    let plays = [
        // Dead, slow, lying, oversized, replaying, with a wrong clock.
        Play::Status(503),
        Play::Slow,
        Play::OtherKey,
        Play::Huge,
        Play::OtherNonce,
        Play::Stale,
    ];
    for (turn, play) in (1_i64..).zip(plays) {
        *two.bad.play.lock().unwrap() = play;
        let good = two.both_at_once(8).await;
        let green: Vec<_> = good
            .into_iter()
            .filter(|one| *one == Ok(WireColour::Green))
            .collect();
        assert_eq!(green.len(), 8, "each was answered by its origin, {play:?}");
        let numbers = two.federation.numbers("33").await;
        assert_eq!(
            (numbers.calls, numbers.answered),
            (8 * turn, 8 * turn),
            "{play:?}"
        );
        assert_eq!((numbers.outages, numbers.outage_start_time), (0, None));
    }
    assert_eq!(*two.good.asked.lock().unwrap(), 48);
    let numbers = two.federation.numbers("32").await;
    assert_eq!(
        (numbers.calls, numbers.answered, numbers.outages),
        (48, 0, 1),
        "{numbers:?}"
    );
    assert!(numbers.unbelieved > 0 && numbers.unreachable > 0, "{numbers:?}");
    assert_eq!(
        numbers.calls,
        numbers.unbelieved + numbers.unreachable + numbers.throttled
    );
    assert!(numbers.outage_start_time.is_some());
}

async fn a_partner_that_calls_badly_harms_only_itself(bed: Bed) {
    let two = start(bed).await;
    let federation = &two.federation;
    let said = |partner: u64, nonce: u8, change: &dyn Fn(&mut MessageHeader)| {
        let mut header = MessageHeader {
            method: "lutong.federation.v1.SubscriptionService/NotifyChanges".to_owned(),
            sender: partner.to_string(),
            audience: "37".to_owned(),
            sent_at: federation.now(),
            nonce: [nonce; 16],
            body_digest: body_digest(b""),
            in_reply_to: None,
        };
        change(&mut header);
        wire::SignedMessage {
            header: header.sign(&key(partner)).unwrap(),
            body: Vec::new(),
        }
    };
    let send = async |message| call(&federation.bed, "/v1/subscriptions:notify", message).await;
    let same = |_: &mut MessageHeader| {};
    let refused: [(&str, Change<'_>); 5] = [
        ("REPLAYED", &same),
        ("STALE", &|one| one.sent_at = one.sent_at.plus_seconds(-3_600)),
        ("FROM_THE_FUTURE", &|one| {
            one.sent_at = one.sent_at.plus_seconds(3_600);
        }),
        ("WRONG_AUDIENCE", &|one| "41".clone_into(&mut one.audience)),
        // It speaks as another partner, which is not counted as the other's.
        ("WRONG_SENDER", &|one| "33".clone_into(&mut one.sender)),
    ];
    send(said(32, 1, &same)).await.unwrap();
    for (outcome, change) in refused {
        let refused = send(said(32, 1, change)).await.unwrap_err();
        assert_eq!(crate::metadata(&refused, "outcome"), outcome);
    }
    let mut oversized = said(32, 2, &same);
    oversized.body = vec![0; 100_000];
    assert_eq!(&*send(oversized).await.unwrap_err().reason, "MESSAGE_TOO_LARGE");
    // It uses its own quota up, and no other's.
    for nonce in 10..19 {
        send(said(32, nonce, &same)).await.unwrap();
    }
    assert_eq!(
        &*send(said(32, 20, &same)).await.unwrap_err().reason,
        "QUOTA_EXHAUSTED"
    );
    for nonce in 10..20 {
        send(said(33, nonce, &same)).await.unwrap();
    }
    // What somebody else signed in its name, nobody counts as its own.
    let mut forged = said(33, 30, &same);
    *forged.header.last_mut().unwrap() ^= 1;
    send(forged).await.unwrap_err();
    let (bad, good) = (federation.numbers("32").await, federation.numbers("33").await);
    assert_eq!((bad.accepted_messages, bad.refused_messages), (10, 6));
    assert_eq!((good.accepted_messages, good.refused_messages), (10, 0));
    // Codes that are refused are the partner's whose key signed them.
    let late = shown(
        &federation.jiangsu,
        "32",
        federation.now().plus_seconds(-600),
        Colour::Green,
    );
    verify(&federation.bed, &late).await.unwrap_err();
    let forged = shown(&key(99), "33", federation.now(), Colour::Green);
    verify(&federation.bed, &forged).await.unwrap_err();
    let (bad, good) = (federation.numbers("32").await, federation.numbers("33").await);
    assert_eq!((bad.refused_codes, good.refused_codes), (1, 0));
}

async fn what_is_counted_is_noted_and_outlives_the_process(bed: Bed) {
    let two = start(bed).await;
    *two.bad.play.lock().unwrap() = Play::Status(503);
    two.both_at_once(2).await;
    let before = two.federation.numbers("33").await;
    assert_eq!(before.calls, 2);
    assert_eq!(rows(&two.federation.storage, "partner_qualities").await, 2);
    let bed = two.federation.bed.reopened();
    build(&bed, &two.federation.storage, Some(&two.list), None)
        .await
        .unwrap();
    let federation = Federation {
        bed,
        ..two.federation
    };
    let two = Two { federation, ..two };
    two.both_at_once(3).await;
    assert_eq!(two.federation.numbers("33").await.calls, 5);
    // A day later it is of another day.
    two.federation
        .bed
        .clock
        .advance(std::time::Duration::from_secs(25 * 3_600));
    assert_eq!(two.federation.numbers("33").await.calls, 0);
}

async fn numbers_are_read_by_partner_and_in_pages(bed: Bed) {
    let two = start(bed).await;
    let federation = &two.federation;
    for (name, reason) in [
        ("partner-qualities/44", "PARTNER_NOT_FOUND"),
        ("partner-qualities/x", "PARTNER_NOT_FOUND"),
        ("", "INVALID_FIELDS"),
    ] {
        assert_eq!(
            &*federation.quality(name).await.unwrap_err().reason,
            reason,
            "{name}"
        );
    }
    let list = async |page_size, page_token: &str, hours| {
        let call = federation.bed.call_as(&staff("operator-1", Role::Operator));
        let request = call.request(wire::ListPartnerQualitiesRequest {
            hours,
            page_size,
            page_token: page_token.to_owned(),
        });
        let answer = federation.qualities().list_partner_qualities(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    };
    let ids = |page: &wire::ListPartnerQualitiesResponse| -> Vec<String> {
        page.partner_qualities
            .iter()
            .map(|one| one.partner_quality_id.clone())
            .collect()
    };
    let first = list(1, "", 1).await.unwrap();
    let second = list(1, &first.next_page_token, 1).await.unwrap();
    assert_eq!(
        (ids(&first), ids(&second)),
        (vec!["32".to_owned()], vec!["33".to_owned()])
    );
    assert_eq!(second.next_page_token, "");
    let refused = list(0, "", 721).await.unwrap_err();
    assert_eq!(lutong_testing::violations(&refused), ["hours OUT_OF_RANGE"]);
}

async fn how_long_changes_took_is_among_the_numbers(bed: Bed) {
    let provinces = crate::sharing::start(bed).await;
    provinces.set(0, Some(WireColour::Green));
    let arrived = provinces.arrive(0, Colour::Green).await;
    provinces.wait(60);
    provinces.set(0, Some(WireColour::Red));
    provinces.until(&arrived.conversion, Outcome::Red).await;
    // Told seven seconds ago, and in force now.
    provinces.wait(7);
    provinces.confirm().await;
    let channel = provinces
        .here
        .bed
        .channel(ServiceName::Federation, Caller::Gateway);
    let call = provinces.here.bed.call_as(&staff("auditor-1", Role::Auditor));
    let request = call.request(wire::GetPartnerQualityRequest {
        name: "partner-qualities/32".to_owned(),
        hours: 1,
    });
    let found = PartnerQualityServiceClient::new(channel)
        .get_partner_quality(request)
        .await;
    let found = found.unwrap().into_inner().partner_quality.unwrap();
    assert_eq!((found.changes, found.unconfirmed_changes), (1, 0));
    let delays = [
        found.median_delay_seconds,
        found.p99_delay_seconds,
        found.longest_delay_seconds,
    ];
    assert!(delays.iter().all(|one| (*one - 7.0).abs() < 0.001), "{delays:?}");
}
