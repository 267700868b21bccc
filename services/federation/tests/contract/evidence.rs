//! `MessageRecordService`: what crossed the border, and evidence that stands without this database.

use base64::Engine as _;
use lutong_federation::Migrations;
use lutong_federation::evidence::{Anchors, Bundle, Check, Part, Place, Row, verify};
use lutong_federation::trust_list::{Roots, sign};
use lutong_kernel::{Fault, FaultCode, ServiceName, Timestamp};
use lutong_proto::code_rendering::v1 as codes;
use lutong_proto::federation::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::time::timestamp;
use lutong_proto::types::v1::Colour as WireColour;
use lutong_testing::{Bed, on_both_engines, tamper};
use lutong_token::VerifyingKey;
use lutong_transport::access::Principal;
use prost::Message as _;
use wire::message_record_service_client::MessageRecordServiceClient;

use crate::codes::Codes;
use crate::exchanges::{Exchange, served};
use crate::{Federation, build, fault, key, next_request_id, operator, staff};

on_both_engines!(
    an_exchange_is_proven_by_a_file_alone,
    the_other_message_of_the_exchange_is_found,
    a_record_that_was_changed_here_is_named_by_the_verifier,
    a_list_that_nobody_signed_proves_nothing_to_others,
    a_message_is_read_by_its_number,
    messages_are_read_in_pages,
    only_operators_and_auditors_read_the_record,
);

fn root() -> lutong_token::SigningKey {
    key(1_000)
}

/// With a signed list that stands, and Jiangsu in its pilot.
async fn start(bed: Bed) -> Exchange {
    let fake = Codes::default();
    fake.bind(&bed);
    fake.answers(codes::VerificationOutcome::Valid, Some(WireColour::Green));
    let storage = bed.storage::<Migrations>(ServiceName::Federation).await;
    let federation = Federation {
        bed,
        storage,
        jiangsu: key(32),
        zhejiang: key(33),
        henan: key(41),
    };
    let roots = root().verifying_key().to_pem().unwrap();
    build(&federation.bed, &federation.storage, None, Some(&roots))
        .await
        .unwrap();
    let (from, until) = (federation.now(), federation.now().plus_seconds(30 * 86_400));
    let list = format!(
        "version = \"x\"\nsequence = 1\nissued_at = \"{from}\"\nexpires_at = \"{until}\"\n{}{}",
        served("32", &federation.jiangsu, 1_000),
        served("33", &federation.zhejiang, 1_000),
    );
    let exchange = Exchange {
        federation,
        codes: fake,
    };
    exchange.stand(sign(&root(), &list, from).unwrap()).await;
    exchange
}

impl Exchange {
    async fn stand(&self, document: Vec<u8>) {
        let bed = &self.federation.bed;
        let mut lists = wire::trust_list_service_client::TrustListServiceClient::new(
            bed.channel(ServiceName::Federation, Caller::Gateway),
        );
        let call = bed.call_as(&operator("operator-1"));
        let staged = call.request(wire::CreateTrustListRequest {
            request_id: next_request_id(),
            document,
        });
        let staged = lists.create_trust_list(staged).await.unwrap().into_inner();
        let activate = call.request(wire::ActivateTrustListRequest {
            request_id: next_request_id(),
            name: staged.trust_list.unwrap().name,
            ..Default::default()
        });
        lists.activate_trust_list(activate).await.unwrap();
    }

    fn records_client(&self) -> MessageRecordServiceClient<lutong_transport::client::MeshChannel> {
        let bed = &self.federation.bed;
        MessageRecordServiceClient::new(bed.channel(ServiceName::Federation, Caller::Gateway))
    }

    async fn evidence_as(&self, who: &Principal, name: &str) -> Result<wire::Evidence, Fault> {
        let request = self
            .federation
            .bed
            .call_as(who)
            .request(wire::GetEvidenceRequest {
                name: name.to_owned(),
            });
        let answer = self.records_client().get_evidence(request).await;
        let answer = answer.map_err(|status| fault(&status))?;
        Ok(answer.into_inner().evidence.unwrap())
    }

    async fn evidence(&self, sequence: i64) -> Result<wire::Evidence, Fault> {
        let name = format!("message-records/{sequence}/evidence");
        self.evidence_as(&staff("auditor-1", Role::Auditor), &name).await
    }

    async fn file(&self, sequence: i64) -> Vec<u8> {
        bundle(&self.evidence(sequence).await.unwrap()).to_bytes()
    }

    async fn own_key(&self) -> VerifyingKey {
        let keys = self.our_key().await;
        keys.iter().next().unwrap().key.clone()
    }

    async fn anchors(&self) -> Anchors {
        Anchors {
            roots: Roots::parse(&root().verifying_key().to_pem().unwrap()).unwrap(),
            own_key: self.own_key().await,
            own: lutong_token::Issuer::SHANDONG,
        }
    }

    async fn list_records(
        &self,
        request: wire::ListMessageRecordsRequest,
    ) -> Result<(Vec<String>, String), Fault> {
        let bed = &self.federation.bed;
        let request = bed.call_as(&staff("auditor-1", Role::Auditor)).request(request);
        let page = self.records_client().list_message_records(request).await;
        let page = page.map_err(|status| fault(&status))?.into_inner();
        let ids = page.message_records.into_iter().map(|one| one.message_record_id);
        Ok((ids.collect(), page.next_page_token))
    }
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The file that `lutong federation evidence` writes.
fn bundle(evidence: &wire::Evidence) -> Bundle {
    let part = |part: &wire::EvidencePart| Part {
        previous_entry: part.previous_entry.clone(),
        records: part.records.iter().map(row).collect(),
        head: base64(&part.head),
    };
    let request = part(evidence.request.as_ref().unwrap());
    let answer = evidence.answer.as_ref().map(part);
    Bundle::new(
        &evidence.clause,
        &evidence.own_key,
        evidence.trust_list_document.as_deref(),
        request,
        answer,
    )
}

fn row(record: &wire::MessageRecord) -> Row {
    Row {
        sequence: record.message_record_id.parse().unwrap(),
        recorded_at: timestamp(record.record_time.as_ref().unwrap()).micros(),
        partner: record.partner.trim_start_matches("partners/").to_owned(),
        is_answer: record.answer,
        header: base64(&record.header),
        outcome: record.outcome.clone(),
        entry: record.entry.clone(),
    }
}

async fn an_exchange_is_proven_by_a_file_alone(bed: Bed) {
    let exchange = start(bed).await;
    for nonce in 1..=40 {
        exchange.ask(nonce).await.unwrap();
    }
    let anchors = exchange.anchors().await;
    // The last record gets a head where no later one has any.
    for (sequence, head) in [(1, 32), (31, 32), (33, 64), (79, 80)] {
        let file = exchange.file(sequence).await;
        let proof = verify(&file, &anchors).unwrap();
        let answer = proof.answer.unwrap();
        assert_eq!(
            (proof.request.sequence, answer.sequence),
            (sequence, sequence + 1)
        );
        assert_eq!((answer.head.sequence, proof.request.head.sequence), (head, head));
        assert_eq!((proof.partner.as_str(), proof.outcome.as_str()), ("32", "GREEN"));
        assert_eq!(proof.clause, "GB/T 38963-2020, 6: code verification");
        assert_eq!(proof.request.key, exchange.federation.jiangsu.kid());
        assert_eq!(proof.trust_list, Some((1, root().kid())));
        // The body itself is not in it, and whoever holds it can show that it is the one.
        assert!(!String::from_utf8_lossy(&file).contains("OUR-CODE"));
        let body = wire::HealthCodeVerification {
            token: "LT1:OUR-CODE".to_owned(),
        };
        let digest = lutong_token::body_digest(&body.encode_to_vec());
        assert_eq!(proof.request.header.body_digest, digest);
    }
    // Another installation's key, or another root, proves nothing.
    let file = exchange.file(1).await;
    let other = Anchors {
        own_key: VerifyingKey::clone(key(5).verifying_key()),
        ..anchors.clone()
    };
    assert_eq!(verify(&file, &other).unwrap_err().check, Check::WrongKey);
    let other = Anchors {
        roots: Roots::parse(&key(5).verifying_key().to_pem().unwrap()).unwrap(),
        ..anchors
    };
    assert_eq!(verify(&file, &other).unwrap_err().check, Check::TrustList);
}

async fn the_other_message_of_the_exchange_is_found(bed: Bed) {
    let exchange = start(bed).await;
    exchange.ask(1).await.unwrap();
    // Asked and never answered: code-rendering is away.
    exchange.codes.go_away();
    exchange.ask(2).await.unwrap_err();
    let anchors = exchange.anchors().await;
    let of_request = verify(&exchange.file(1).await, &anchors).unwrap();
    assert_eq!(verify(&exchange.file(2).await, &anchors).unwrap(), of_request);
    let alone = verify(&exchange.file(3).await, &anchors).unwrap();
    assert_eq!((alone.request.sequence, alone.answer), (3, None));
    for name in [
        "message-records/4/evidence",
        "message-records/1",
        "message-records/01/evidence",
        "x",
    ] {
        let refused = exchange
            .evidence_as(&operator("operator-1"), name)
            .await
            .unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::NotFound, "MESSAGE_RECORD_NOT_FOUND")
        );
    }
    let refused = exchange
        .evidence_as(&operator("operator-1"), "")
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "INVALID_FIELDS");
}

async fn a_record_that_was_changed_here_is_named_by_the_verifier(bed: Bed) {
    let exchange = start(bed).await;
    for nonce in 1..=3 {
        exchange.ask(nonce).await.unwrap();
    }
    let anchors = exchange.anchors().await;
    verify(&exchange.file(3).await, &anchors).unwrap();
    let storage = &exchange.federation.storage;
    tamper(
        storage,
        "UPDATE message_records SET outcome = 'RED' WHERE sequence = 4",
    )
    .await;
    let broken = verify(&exchange.file(3).await, &anchors).unwrap_err();
    assert_eq!((broken.check, broken.place), (Check::Modified, Place::Request(4)));
    tamper(
        storage,
        "UPDATE message_records SET outcome = 'GREEN' WHERE sequence = 4",
    )
    .await;
    tamper(storage, "DELETE FROM message_records WHERE sequence = 5").await;
    let broken = verify(&exchange.file(3).await, &anchors).unwrap_err();
    assert_eq!(
        (broken.check, broken.place),
        (Check::Truncated, Place::Request(6))
    );
}

async fn a_list_that_nobody_signed_proves_nothing_to_others(bed: Bed) {
    let exchange = crate::exchanges::start(bed).await;
    exchange.ask(1).await.unwrap();
    let refused = exchange.evidence(1).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::FailedPrecondition, "EVIDENCE_WITHOUT_LIST")
    );
}

async fn a_message_is_read_by_its_number(bed: Bed) {
    let exchange = start(bed).await;
    exchange.ask(1).await.unwrap();
    exchange
        .codes
        .answers(codes::VerificationOutcome::Expired, Some(WireColour::Green));
    exchange.ask(2).await.unwrap();
    let request = exchange.federation.bed.call_as(&operator("operator-1"));
    let request = request.request(wire::GetMessageRecordRequest {
        name: "message-records/4".to_owned(),
    });
    let found = exchange
        .records_client()
        .get_message_record(request)
        .await
        .unwrap()
        .into_inner();
    let found = found.message_record.unwrap();
    assert_eq!((found.message_record_id.as_str(), found.answer), ("4", true));
    assert_eq!((found.sender.as_str(), found.audience.as_str()), ("37", "32"));
    assert_eq!(
        (found.partner.as_str(), found.outcome.as_str()),
        ("partners/32", "NOT_FOUND")
    );
    assert_eq!(found.key_id, exchange.own_key().await.kid().to_string());
    assert_eq!(found.nonce.len(), 32);
    let missing = exchange.federation.bed.call_as(&operator("operator-1"));
    let missing = missing.request(wire::GetMessageRecordRequest {
        name: "message-records/9".to_owned(),
    });
    let refused = fault(
        &exchange
            .records_client()
            .get_message_record(missing)
            .await
            .unwrap_err(),
    );
    assert_eq!(refused.reason, "MESSAGE_RECORD_NOT_FOUND");
    let wrong = exchange.federation.bed.call_as(&operator("operator-1"));
    let wrong = wrong.request(wire::GetMessageRecordRequest::default());
    let refused = fault(
        &exchange
            .records_client()
            .get_message_record(wrong)
            .await
            .unwrap_err(),
    );
    assert_eq!(refused.reason, "INVALID_FIELDS");
}

async fn messages_are_read_in_pages(bed: Bed) {
    let exchange = start(bed).await;
    exchange.ask(1).await.unwrap();
    let between: Timestamp = exchange.federation.now().plus_seconds(1);
    exchange
        .federation
        .bed
        .clock
        .advance(std::time::Duration::from_secs(2));
    exchange.ask(2).await.unwrap();
    let all = wire::ListMessageRecordsRequest::default;
    let (first, token) = exchange
        .list_records(wire::ListMessageRecordsRequest {
            page_size: 3,
            ..all()
        })
        .await
        .unwrap();
    assert_eq!(first, ["4", "3", "2"]);
    let next = wire::ListMessageRecordsRequest {
        page_size: 3,
        page_token: token,
        ..all()
    };
    assert_eq!(
        exchange.list_records(next).await.unwrap(),
        (vec!["1".to_owned()], String::new())
    );
    let instant = Some(lutong_proto::time::instant(between));
    for (request, expected) in [
        (
            wire::ListMessageRecordsRequest {
                start_time: instant,
                ..all()
            },
            &["4", "3"][..],
        ),
        (
            wire::ListMessageRecordsRequest {
                end_time: instant,
                ..all()
            },
            &["2", "1"],
        ),
        (
            wire::ListMessageRecordsRequest {
                partner: "partners/33".to_owned(),
                ..all()
            },
            &[],
        ),
        (
            wire::ListMessageRecordsRequest {
                partner: "partners/32".to_owned(),
                end_time: instant,
                ..all()
            },
            &["2", "1"],
        ),
    ] {
        assert_eq!(exchange.list_records(request).await.unwrap().0, expected);
    }
    for partner in ["partners/x", "partners/999", "32"] {
        let wrong = wire::ListMessageRecordsRequest {
            partner: partner.to_owned(),
            ..all()
        };
        assert_eq!(
            exchange.list_records(wrong).await.unwrap_err().reason,
            "INVALID_FIELDS"
        );
    }
}

async fn only_operators_and_auditors_read_the_record(bed: Bed) {
    let exchange = start(bed).await;
    exchange.ask(1).await.unwrap();
    for role in [Role::HealthOfficer, Role::Supervisor, Role::Checkpoint] {
        let who = staff("officer-1", role);
        let refused = exchange
            .evidence_as(&who, "message-records/1/evidence")
            .await
            .unwrap_err();
        assert_eq!(refused.code, FaultCode::PermissionDenied);
    }
}
