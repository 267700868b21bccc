//! What identity promises over its contract, on both engines.

#![allow(clippy::unwrap_used)]

mod accounts;
mod merging;

use std::time::Duration;

use lutong_identity::Migrations;
use lutong_kernel::document::check_character;
use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1 as wire;
use lutong_proto::identity::v1::account_service_client::AccountServiceClient;
use lutong_proto::identity::v1::identity_service_client::IdentityServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1 as types;
use lutong_storage::StorageConfig;
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
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
    a_wrong_check_character_is_named_and_stores_nothing,
    a_birth_date_in_the_future_is_refused_and_today_is_not,
    an_unknown_nationality_is_refused,
    a_name_of_a_megabyte_is_refused_and_not_repeated,
    a_number_of_15_digits_is_converted_and_said_to_be,
    full_width_digits_are_normalised_and_said_to_be,
    what_is_no_resident_number_is_refused_in_any_width,
    a_batch_has_at_most_a_thousand,
    a_disabled_account_signs_in_no_more,
    the_audit_log_is_an_auditors_and_wrong_questions_are_named,
);

struct Identity(Bed, StorageConfig);

async fn start(bed: Bed) -> Identity {
    let storage = bed.storage::<Migrations>(ServiceName::Identity).await;
    let declaration = bed.channel(ServiceName::Declaration, Caller::Identity);
    let component = lutong_identity::build(&bed.foundation, &storage, declaration)
        .await
        .unwrap();
    bed.bind(component);
    Identity(bed, storage)
}

fn items(name: &str, number: &str) -> types::PersonItems {
    types::PersonItems {
        full_name: name.to_owned(),
        document: Some(document(number)),
        mobile: "13800138000".to_owned(),
        nationality: "CHN".to_owned(),
        home_address: Some(types::HomeAddress {
            division: "370202".to_owned(),
            detail: "香港中路1号".to_owned(),
        }),
    }
}

fn document(number: &str) -> types::Document {
    types::Document {
        r#type: types::DocumentType::ResidentId.into(),
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
    lutong_transport::status::to_fault(status, "identity")
}

impl Identity {
    async fn register(&self, account: &str, n: u32, person: types::PersonItems) -> Result<String, Fault> {
        let registered = self.registered(account, n, person).await;
        registered.map(|registered| registered.subject_id)
    }

    /// That a form is refused for these fields and reasons, that nothing of it is repeated, and that it leaves nothing.
    async fn refuses(&self, person: types::PersonItems, named: &[&str]) {
        let written = [
            person.full_name.clone(),
            person.document.clone().unwrap().number,
            person.nationality.clone(),
        ];
        let refused = self.register("wx-1", 1, person).await.unwrap_err();
        assert_eq!(refused.reason, "INVALID_FIELDS");
        let violations = refused.violations.iter();
        let told: Vec<_> = violations
            .map(|one| format!("{} {}", one.field, one.reason))
            .collect();
        assert_eq!(told, named);
        let told = format!("{refused:?}");
        assert!(
            written
                .iter()
                .all(|text| text == "CHN" || !told.contains(text.as_str())),
            "{told}"
        );
        for table in ["people", "accounts", "idempotency"] {
            assert_eq!(lutong_testing::rows(&self.1, table).await, 0, "{table}");
        }
    }

    async fn registered(
        &self,
        account: &str,
        n: u32,
        person: types::PersonItems,
    ) -> Result<wire::RegisterPersonResponse, Fault> {
        let channel = self.0.channel(ServiceName::Identity, Caller::Declaration);
        let request =
            self.0
                .call_as(&lutong_testing::citizen(account, None))
                .request(wire::RegisterPersonRequest {
                    request_id: request_id(n),
                    person: Some(person),
                });
        let answer = IdentityServiceClient::new(channel).register_person(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| reason(&status))
    }

    async fn resolve(&self, documents: Vec<types::Document>) -> Vec<wire::resolution::Outcome> {
        let channel = self.0.channel(ServiceName::Identity, Caller::Declaration);
        let request = self
            .0
            .call_as(&lutong_testing::feed("cdc-370200", &["case"]))
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
        let call = lutong_transport::client::Call::background(Duration::from_secs(5));
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
        self.asked(id).await.unwrap()
    }

    async fn asked(&self, id: &str) -> Result<wire::Account, Fault> {
        let channel = self.0.channel(ServiceName::Identity, Caller::Gateway);
        let call = lutong_transport::client::Call::background(Duration::from_secs(5));
        let request = call.request(wire::GetAccountRequest {
            account_id: id.to_owned(),
        });
        let answer = AccountServiceClient::new(channel).get_account(request).await;
        answer
            .map(|answer| answer.into_inner().account.unwrap())
            .map_err(|status| reason(&status))
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
    book.r#type = types::DocumentType::HouseholdBook.into();
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
    let fields = async |wrong: types::PersonItems| {
        let refused = identity.register("wx-1", 1, wrong).await.unwrap_err();
        let named = refused.violations.into_iter().map(|wrong| wrong.field);
        named.collect::<Vec<_>>()
    };
    // What is missing, too long or in no shape, all at once; and then what was written, all at once.
    let mut wrong = items(&"名".repeat(101), ONE);
    "XYZ".clone_into(&mut wrong.nationality);
    wrong.mobile.clear();
    assert_eq!(
        fields(wrong).await,
        ["person.full_name", "person.mobile", "person.nationality"]
    );
    let mut wrong = items("王@明", "110105194912310021");
    "12345".clone_into(&mut wrong.mobile);
    assert_eq!(
        fields(wrong).await,
        ["person.full_name", "person.document.number", "person.mobile"]
    );
    assert_eq!(identity.account("wx-1").await.subject_id, "");
    // The request_id is free for the corrected form.
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
}

async fn a_wrong_check_character_is_named_and_stores_nothing(bed: Bed) {
    let identity = start(bed).await;
    let person = items("王小明", "110105194912310021");
    identity
        .refuses(person, &["person.document.number RESIDENT_ID_CHECK_CHARACTER"])
        .await;
}

/// A resident number of somebody born on a day.
fn born(day: &str) -> String {
    let digits = format!("370202{day}001");
    format!("{digits}{}", check_character(digits.as_bytes()).unwrap())
}

async fn a_birth_date_in_the_future_is_refused_and_today_is_not(bed: Bed) {
    let identity = start(bed).await;
    // The bed's today is 2022-11-26, until midnight in Shandong.
    identity
        .refuses(
            items("王小明", &born("20221127")),
            &["person.document.number RESIDENT_ID_FUTURE_BIRTH_DATE"],
        )
        .await;
    identity
        .refuses(
            items("王小明", &born("20220229")),
            &["person.document.number RESIDENT_ID_BIRTH_DATE"],
        )
        .await;
    identity
        .register("wx-1", 1, items("王小明", &born("20221126")))
        .await
        .unwrap();
}

async fn an_unknown_nationality_is_refused(bed: Bed) {
    let identity = start(bed).await;
    for unknown in ["XYZ", "chn", "CN", "中国", "156"] {
        let mut person = items("王小明", ONE);
        unknown.clone_into(&mut person.nationality);
        identity
            .refuses(person, &["person.nationality COUNTRY_UNKNOWN"])
            .await;
    }
}

async fn a_name_of_a_megabyte_is_refused_and_not_repeated(bed: Bed) {
    let identity = start(bed).await;
    // As long as a message may be, and longer.
    let person = items(&"名".repeat(349_000), ONE);
    identity.refuses(person, &["person.full_name TOO_LONG"]).await;
    let person = items(&"名".repeat(350_000), ONE);
    let refused = identity.register("wx-1", 1, person).await.unwrap_err();
    assert_eq!(refused.reason, "MESSAGE_TOO_LARGE", "unread");
    assert_eq!(lutong_testing::rows(&identity.1, "people").await, 0);
}

async fn a_number_of_15_digits_is_converted_and_said_to_be(bed: Bed) {
    let identity = start(bed).await;
    let old = identity
        .registered("wx-1", 1, items("王小明", "110105491231002"))
        .await
        .unwrap();
    assert_eq!(
        old.normalisations().collect::<Vec<_>>(),
        [types::Normalisation::FifteenToEighteen]
    );
    let new = identity
        .registered("wx-1", 2, items("王小明", ONE))
        .await
        .unwrap();
    assert_eq!((new.subject_id, new.normalisations), (old.subject_id, Vec::new()));
}

async fn full_width_digits_are_normalised_and_said_to_be(bed: Bed) {
    let identity = start(bed).await;
    let wide = identity
        .registered(
            "wx-1",
            1,
            items("王小明", "１１０１０５　１９４９１２３１　００２ｘ"),
        )
        .await
        .unwrap();
    assert_eq!(
        wide.normalisations().collect::<Vec<_>>(),
        [
            types::Normalisation::HalfWidth,
            types::Normalisation::SeparatorsRemoved,
            types::Normalisation::UpperCase
        ]
    );
    let narrow = identity.register("wx-1", 2, items("王小明", ONE)).await.unwrap();
    assert_eq!(narrow, wide.subject_id);
}

async fn what_is_no_resident_number_is_refused_in_any_width(bed: Bed) {
    let identity = start(bed).await;
    for (number, reason) in [
        ("", "MISSING"),
        ("1101051949123100", "RESIDENT_ID_SHAPE"),
        (
            "１１０１０５１９４９１２３１００２１",
            "RESIDENT_ID_CHECK_CHARACTER",
        ),
        ("110105490229002", "RESIDENT_ID_BIRTH_DATE"),
        ("11010519491231002Ⅹ", "DOCUMENT_NUMBER_CHARACTERS"),
        ("1234567890123456789012345678901234567", "TOO_LONG"),
    ] {
        let mut person = items("王小明", ONE);
        number.clone_into(&mut person.document.as_mut().unwrap().number);
        let named = format!("person.document.number {reason}");
        // An empty number is in every text.
        if number.is_empty() {
            let refused = identity.register("wx-1", 1, person).await.unwrap_err();
            assert_eq!(refused.violations[0].reason, reason);
            continue;
        }
        identity.refuses(person, &[&named]).await;
    }
}

async fn a_batch_has_at_most_a_thousand(bed: Bed) {
    let identity = start(bed).await;
    let channel = |caller| identity.0.channel(ServiceName::Identity, caller);
    let feed = identity.0.call_as(&lutong_testing::feed("cdc-370200", &["case"]));
    let request = feed.request(wire::ResolveDocumentsRequest {
        documents: vec![document(ONE); 1_001],
    });
    let refused = IdentityServiceClient::new(channel(Caller::Declaration))
        .resolve_documents(request)
        .await;
    let refused = reason(&refused.unwrap_err());
    assert_eq!(refused.violations[0].reason, "TOO_MANY");
    assert_eq!(lutong_testing::rows(&identity.1, "people").await, 0);
    for (subjects, named) in [
        (vec![request_id(1); 1_001], "subject_ids TOO_MANY"),
        (vec![request_id(1), "1".to_owned()], "subject_ids[1] UUID_SHAPE"),
    ] {
        let call = lutong_transport::client::Call::background(Duration::from_secs(5));
        let request = call.request(wire::GetNameMasksRequest {
            subject_ids: subjects,
        });
        let refused = IdentityServiceClient::new(channel(Caller::CodeRendering))
            .get_name_masks(request)
            .await;
        let refused = reason(&refused.unwrap_err());
        let wrong = &refused.violations[0];
        assert_eq!(format!("{} {}", wrong.field, wrong.reason), named);
    }
    // A thousand are none too many, and one document has one subject.
    let resolved = identity.resolve(vec![document(ONE); 1_000]).await;
    assert!(resolved.iter().all(|one| *one == resolved[0]));
    assert_eq!(lutong_testing::rows(&identity.1, "people").await, 1);
}

async fn a_disabled_account_signs_in_no_more(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    identity.asked("wx-1").await.unwrap();
    lutong_testing::meddle(&identity.1, "UPDATE accounts SET disabled = TRUE").await;
    assert_eq!(
        identity.asked("wx-1").await.unwrap_err().reason,
        "ACCOUNT_DISABLED"
    );
    let refused = identity.asked("wx 1").await.unwrap_err();
    assert_eq!(refused.violations[0].reason, "ACCOUNT_ID_SHAPE");
}

async fn the_audit_log_is_an_auditors_and_wrong_questions_are_named(bed: Bed) {
    let identity = start(bed).await;
    lutong_testing::audit_contract!(lutong_proto::identity::v1, Identity, &identity.0);
}
