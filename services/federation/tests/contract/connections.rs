//! Who a partner is, two things say: the signature of its message, and the certificate of the connection over which it comes.

use lutong_federation::{FederationConfig, Migrations, PartnerTlsConfig};
use lutong_kernel::{Fault, FaultCode, ServiceName};
use lutong_proto::federation::v1 as wire;
use lutong_testing::{Bed, on_both_engines, rows};
use lutong_token::{MessageHeader, SigningKey, body_digest};

use crate::exchanges::{ABOUT_PEOPLE, SHARED, served};
use crate::sharing::call_over;
use crate::{Federation, build, build_with, key, metadata};

on_both_engines!(
    a_partner_with_names_comes_over_a_connection_of_its_own,
    a_replayed_message_takes_nothing_from_its_sender,
    a_certificate_is_rotated_while_both_are_on_the_list,
    a_partner_without_names_has_no_certificate_of_its_own,
    a_public_connection_is_accepted_where_that_is_configured,
    files_that_cannot_be_used_are_named_at_the_start,
);

/// The hosts of Jiangsu and of Zhejiang.
const JIANGSU: &str = "federation.js.example";
const ZHEJIANG: &str = "federation.zj.example";
const NOTIFY: (&str, &str) = ("/v1/subscriptions:notify", "NotifyChanges");

fn with_names(entry: &str, names: &str) -> String {
    entry.replacen("name = ", &format!("tls_names = [{names}]\nname = "), 1)
}

fn list(jiangsu: &str) -> String {
    format!(
        "version = \"x\"\n{}{}{}",
        with_names(&served("32", &key(32), 100), jiangsu),
        with_names(&served("33", &key(33), 100), &format!("\"{ZHEJIANG}\"")),
        served("41", &key(41), 100),
    )
}

async fn start(bed: Bed) -> Federation {
    let storage = bed.storage::<Migrations>(ServiceName::Federation).await;
    let list = list(&format!("\"{JIANGSU}\""));
    build(&bed, &storage, Some(&list), None).await.unwrap();
    Federation {
        bed,
        storage,
        jiangsu: key(32),
        zhejiang: key(33),
        henan: key(41),
    }
}

impl Federation {
    /// A message of a method that a partner signs.
    fn signed(
        &self,
        method: (&str, &str),
        (sender, key): (&str, &SigningKey),
        nonce: u8,
    ) -> wire::SignedMessage {
        let service = if method.0.starts_with("/v1/exchanges") {
            "ExchangeService"
        } else {
            "SubscriptionService"
        };
        let header = MessageHeader {
            method: format!("lutong.federation.v1.{service}/{}", method.1),
            sender: sender.to_owned(),
            audience: "37".to_owned(),
            sent_at: self.now(),
            nonce: [nonce; 16],
            body_digest: body_digest(b""),
            in_reply_to: None,
        };
        wire::SignedMessage {
            header: header.sign(key).unwrap(),
            body: Vec::new(),
        }
    }

    /// A notice that a partner sends over a connection whose certificate names these hosts.
    async fn notify(
        &self,
        by: (&str, &SigningKey),
        nonce: u8,
        certificate: Option<&str>,
    ) -> Result<wire::SignedMessage, Fault> {
        let message = self.signed(NOTIFY, by, nonce);
        call_over(&self.bed, NOTIFY.0, message, certificate).await
    }

    async fn refused(&self, partner: &str) -> i64 {
        self.numbers(partner).await.refused_messages
    }
}

fn assert_refused(answer: Result<wire::SignedMessage, Fault>, outcome: &str) {
    let refused = answer.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason, metadata(&refused, "outcome")),
        (FaultCode::Unauthenticated, "PARTNER_CERTIFICATE_REFUSED", outcome)
    );
}

async fn a_partner_with_names_comes_over_a_connection_of_its_own(bed: Bed) {
    let federation = start(bed).await;
    let jiangsu = ("32", &federation.jiangsu);
    let verify = ("/v1/exchanges:verify", "VerifyHealthCode");
    for method in SHARED.into_iter().chain(ABOUT_PEOPLE).chain([verify]) {
        let message = federation.signed(method, jiangsu, 1);
        for (certificate, outcome) in [
            (Some(ZHEJIANG), "WRONG_CERTIFICATE"),
            // Of the right authority, and of nobody on the list; names that only resemble.
            (Some("federation.ah.example"), "WRONG_CERTIFICATE"),
            (Some("x.federation.js.example"), "WRONG_CERTIFICATE"),
            (Some("js.example"), "WRONG_CERTIFICATE"),
            (Some("*.js.example"), "WRONG_CERTIFICATE"),
            // What the gateway could not say.
            (Some(""), "WRONG_CERTIFICATE"),
            (None, "NO_CERTIFICATE"),
        ] {
            let answer = call_over(&federation.bed, method.0, message.clone(), certificate).await;
            assert_refused(answer, outcome);
        }
    }
    assert_eq!(rows(&federation.storage, "message_records").await, 0);
    federation.notify(jiangsu, 2, Some(JIANGSU)).await.unwrap();
    // A certificate of several hosts is that of each.
    let both = format!("other.js.example,{JIANGSU}");
    federation.notify(jiangsu, 3, Some(&both)).await.unwrap();
    assert_eq!(rows(&federation.storage, "message_records").await, 4);
    // The right certificate does not make up for the wrong key, nor for one that nobody knows.
    for key in [&federation.zhejiang, &key(99)] {
        let answer = federation.notify(("32", key), 4, Some(JIANGSU)).await;
        assert_eq!(&*answer.unwrap_err().reason, "MESSAGE_REFUSED");
    }
}

async fn a_replayed_message_takes_nothing_from_its_sender(bed: Bed) {
    let federation = start(bed).await;
    let message = federation.signed(NOTIFY, ("32", &federation.jiangsu), 1);
    let replay = async |certificate| {
        let message = message.clone();
        call_over(&federation.bed, NOTIFY.0, message, certificate).await
    };
    for _ in 0..3 {
        assert_refused(replay(Some(ZHEJIANG)).await, "WRONG_CERTIFICATE");
    }
    assert_refused(replay(Some("nobody.example")).await, "WRONG_CERTIFICATE");
    assert_refused(replay(None).await, "NO_CERTIFICATE");
    // Whose certificate it was is proven; that Jiangsu sent it is not.
    assert_eq!(
        (federation.refused("32").await, federation.refused("33").await),
        (0, 3)
    );
    replay(Some(JIANGSU)).await.unwrap();
    let again = replay(Some(JIANGSU)).await.unwrap_err();
    assert_eq!(metadata(&again, "outcome"), "REPLAYED");
}

async fn a_certificate_is_rotated_while_both_are_on_the_list(bed: Bed) {
    let federation = start(bed).await;
    let storage = &federation.storage;
    let next = "federation-2.js.example";
    let steps = [
        (format!("\"{JIANGSU}\", \"{next}\""), vec![JIANGSU, next], vec![]),
        (format!("\"{next}\""), vec![next], vec![JIANGSU]),
    ];
    let mut nonce = 0;
    for (names, good, bad) in steps {
        let bed = federation.bed.reopened();
        build(&bed, storage, Some(&list(&names)), None).await.unwrap();
        for (certificate, is_good) in good
            .iter()
            .map(|name| (name, true))
            .chain(bad.iter().map(|name| (name, false)))
        {
            nonce += 1;
            let message = federation.signed(NOTIFY, ("32", &federation.jiangsu), nonce);
            let answer = call_over(&bed, NOTIFY.0, message, Some(certificate)).await;
            assert_eq!(answer.is_ok(), is_good, "{names} {certificate}");
        }
    }
}

async fn a_partner_without_names_has_no_certificate_of_its_own(bed: Bed) {
    let federation = start(bed).await;
    let henan = ("41", &federation.henan);
    for certificate in [JIANGSU, "federation.ha.example"] {
        let answer = federation.notify(henan, 1, Some(certificate)).await;
        assert_refused(answer, "WRONG_CERTIFICATE");
    }
    federation.notify(henan, 1, None).await.unwrap();
}

async fn a_public_connection_is_accepted_where_that_is_configured(bed: Bed) {
    let federation = start(bed).await;
    let bed = federation.bed.reopened();
    let config = FederationConfig {
        trust_list: Some(bed.foundation.keys.path.with_file_name("trust-list.toml")),
        accept_without_certificate: true,
        ..FederationConfig::default()
    };
    build_with(&bed, &federation.storage, &config).await.unwrap();
    let send = async |nonce, certificate| {
        let message = federation.signed(NOTIFY, ("32", &federation.jiangsu), nonce);
        call_over(&bed, NOTIFY.0, message, certificate).await
    };
    send(1, None).await.unwrap();
    // A certificate that is shown is the sender's all the same.
    assert_refused(send(2, Some(ZHEJIANG)).await, "WRONG_CERTIFICATE");
}

async fn files_that_cannot_be_used_are_named_at_the_start(bed: Bed) {
    let storage = bed.storage::<Migrations>(ServiceName::Federation).await;
    let config = FederationConfig {
        partner_tls: PartnerTlsConfig {
            ca: bed.folder().join("nowhere.pem"),
            ..PartnerTlsConfig::default()
        },
        ..FederationConfig::default()
    };
    let refused = build_with(&bed, &storage, &config).await.unwrap_err();
    assert!(
        refused.contains("federation.partner_tls") && refused.contains("nowhere.pem"),
        "{refused}"
    );
}
