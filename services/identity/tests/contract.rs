//! What identity promises over its contract, on both engines.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use lutong_chassis::on_both_engines;
use lutong_chassis::testing::{self, Bed};
use lutong_identity::Migrations;
use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1 as wire;
use lutong_proto::identity::v1::account_service_client::AccountServiceClient;
use lutong_proto::identity::v1::identity_service_client::IdentityServiceClient;
use lutong_proto::policy::Caller;
use tonic::Status;

on_both_engines!(
    the_same_person_is_found_again_and_their_account_is_bound,
    a_document_registered_with_another_name_is_refused,
    an_account_of_somebody_else_is_refused,
    a_request_id_with_another_body_is_a_conflict,
    a_document_seen_by_a_feed_first_is_the_person_who_registers_later,
    documents_are_resolved_row_by_row_and_alike_in_both_spellings,
    only_registered_people_have_a_mask,
    wrong_items_are_named_and_store_nothing,
);

struct Identity(Bed);

async fn start(bed: Bed) -> Identity {
    let storage = bed.storage::<Migrations>(ServiceName::Identity).await;
    let declaration = bed.channel(ServiceName::Declaration, Caller::Identity);
    let component = lutong_identity::build(&bed.foundation, &storage, declaration)
        .await
        .unwrap();
    bed.bind(component);
    Identity(bed)
}

fn items(name: &str, number: &str) -> wire::PersonItems {
    wire::PersonItems {
        full_name: name.to_owned(),
        document: Some(document(number)),
        mobile: "13800138000".to_owned(),
        nationality: "CHN".to_owned(),
        home_address: Some(wire::HomeAddress {
            division: "370202".to_owned(),
            detail: "香港中路1号".to_owned(),
        }),
    }
}

fn document(number: &str) -> wire::Document {
    wire::Document {
        r#type: wire::DocumentType::ResidentId.into(),
        number: number.to_owned(),
        issuing_country: String::new(),
    }
}

/// GB 11643's own example numbers.
const ONE: &str = "11010519491231002X";
const TWO: &str = "440524188001010014";

fn request_id(n: u32) -> String {
    format!("00000000-0000-7000-8000-{n:012}")
}

fn reason(status: &Status) -> Fault {
    lutong_chassis::status::to_fault(status, "identity")
}

impl Identity {
    async fn register(&self, account: &str, n: u32, person: wire::PersonItems) -> Result<String, Fault> {
        let channel = self.0.channel(ServiceName::Identity, Caller::Declaration);
        let request = self
            .0
            .call_as(&testing::citizen(account, None))
            .request(wire::RegisterPersonRequest {
                request_id: request_id(n),
                person: Some(person),
            });
        let answer = IdentityServiceClient::new(channel).register_person(request).await;
        answer
            .map(|answer| answer.into_inner().subject_id)
            .map_err(|status| reason(&status))
    }

    async fn resolve(&self, documents: Vec<wire::Document>) -> Vec<wire::resolution::Outcome> {
        let channel = self.0.channel(ServiceName::Identity, Caller::Declaration);
        let request = self
            .0
            .call_as(&testing::feed("cdc-370200", &["case"]))
            .request(wire::ResolveDocumentsRequest { documents });
        let answer = IdentityServiceClient::new(channel)
            .resolve_documents(request)
            .await
            .unwrap();
        let resolutions = answer.into_inner().resolutions.into_iter();
        resolutions
            .map(|resolution| resolution.outcome.unwrap())
            .collect()
    }

    async fn masks(&self, subjects: &[&str]) -> Vec<wire::NameMask> {
        let channel = self.0.channel(ServiceName::Identity, Caller::CodeRendering);
        let call = lutong_chassis::Call::background(Duration::from_secs(5));
        let request = call.request(wire::GetNameMasksRequest {
            subject_ids: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
        });
        let answer = IdentityServiceClient::new(channel)
            .get_name_masks(request)
            .await
            .unwrap();
        answer.into_inner().masks
    }

    async fn account(&self, id: &str) -> wire::Account {
        let channel = self.0.channel(ServiceName::Identity, Caller::Gateway);
        let call = lutong_chassis::Call::background(Duration::from_secs(5));
        let request = call.request(wire::GetAccountRequest {
            account_id: id.to_owned(),
        });
        let answer = AccountServiceClient::new(channel)
            .get_account(request)
            .await
            .unwrap();
        answer.into_inner().account.unwrap()
    }
}

async fn the_same_person_is_found_again_and_their_account_is_bound(bed: Bed) {
    let identity = start(bed).await;
    assert_eq!(identity.account("wx-1").await.subject_id, "");
    let first = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let again = identity
        .register("wx-1", 2, items("王小明", "11010519491231002x"))
        .await
        .unwrap();
    let replay = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    assert_eq!((&again, &replay), (&first, &first));
    assert_eq!(identity.account("wx-1").await.subject_id, first);
    let other = identity.register("wx-2", 3, items("李四", TWO)).await.unwrap();
    assert_ne!(other, first);
}

async fn a_document_registered_with_another_name_is_refused(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let refused = identity
        .register("wx-2", 2, items("王大明", ONE))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "DOCUMENT_REGISTERED_DIFFERENTLY");
    assert_eq!(
        identity.account("wx-2").await.subject_id,
        "",
        "a refusal binds nothing"
    );
}

async fn an_account_of_somebody_else_is_refused(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let refused = identity
        .register("wx-1", 2, items("李四", TWO))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "ACCOUNT_BOUND_DIFFERENTLY");
    // What was refused left nothing behind: the same document is registered with another name afterwards.
    identity.register("wx-2", 3, items("赵六", TWO)).await.unwrap();
}

async fn a_request_id_with_another_body_is_a_conflict(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let mut moved = items("王小明", ONE);
    "13900139000".clone_into(&mut moved.mobile);
    let refused = identity.register("wx-1", 1, moved).await.unwrap_err();
    assert_eq!(refused.reason, "REQUEST_ID_REUSED");
}

async fn a_document_seen_by_a_feed_first_is_the_person_who_registers_later(bed: Bed) {
    let identity = start(bed).await;
    let [wire::resolution::Outcome::SubjectId(placeholder)] =
        &identity.resolve(vec![document(ONE)]).await[..]
    else {
        panic!("not resolved");
    };
    assert!(identity.masks(&[placeholder]).await.is_empty());
    let registered = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    assert_eq!(&registered, placeholder);
}

async fn documents_are_resolved_row_by_row_and_alike_in_both_spellings(bed: Bed) {
    use wire::resolution::Outcome::{Error, SubjectId};
    let identity = start(bed).await;
    let mut book = document("110105491231002");
    book.r#type = wire::DocumentType::HouseholdBook.into();
    let rows = vec![document(ONE), document("110105194912310021"), book, document(TWO)];
    let [SubjectId(one), Error(wrong), SubjectId(converted), SubjectId(two)] =
        &identity.resolve(rows).await[..]
    else {
        panic!("not resolved");
    };
    assert_eq!(one, converted, "an old household book's number is the card's");
    assert_ne!(one, two);
    assert_eq!(
        (wrong.field.as_str(), wrong.reason.as_str()),
        ("document.number", "RESIDENT_ID_CHECK_CHARACTER")
    );
}

async fn only_registered_people_have_a_mask(bed: Bed) {
    let identity = start(bed).await;
    let subject = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let masks = identity.masks(&[&subject, &request_id(9)]).await;
    assert_eq!(masks.len(), 1);
    assert_eq!(
        (masks[0].subject_id.as_str(), masks[0].mask.as_str()),
        (subject.as_str(), "*明")
    );
}

async fn wrong_items_are_named_and_store_nothing(bed: Bed) {
    let identity = start(bed).await;
    let mut wrong = items(&"名".repeat(101), "110105194912310021");
    "XYZ".clone_into(&mut wrong.nationality);
    let refused = identity.register("wx-1", 1, wrong).await.unwrap_err();
    let fields: Vec<_> = refused
        .violations
        .iter()
        .map(|wrong| wrong.field.as_str())
        .collect();
    assert_eq!(
        fields,
        ["person.full_name", "person.document.number", "person.nationality"]
    );
    assert_eq!(identity.account("wx-1").await.subject_id, "");
    // The request_id is free for the corrected form.
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
}
