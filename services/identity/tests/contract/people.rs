//! People: `RegisterPerson`, `ResolveDocuments`, `GetNameMasks`, and the division that is published.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lutong_kernel::ServiceName;
use lutong_kernel::document::check_character;
use lutong_proto::declaration::v1 as declaration;
use lutong_proto::identity::v1 as wire;
use lutong_proto::identity::v1::identity_service_client::IdentityServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1 as types;
use lutong_testing::{Bed, on_both_engines};
use tonic::{Request, Response, Status};
use wire::event::Payload;

use crate::{ONE, TWO, document, items, reason, request_id, start};

on_both_engines!(
    the_same_person_is_found_again_and_their_account_is_bound,
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
    where_somebody_lives_is_told_once_a_declaration_followed_and_again_when_they_move,
    a_daily_report_confirms_no_registration_and_an_arrival_that_waits_does,
);

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

async fn an_account_of_somebody_else_is_refused(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let refused = identity
        .register("wx-1", 2, items("李四", TWO))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "ACCOUNT_BOUND_DIFFERENTLY");
    // The refusal stored nothing: the same document can be registered with another name afterwards.
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
    // First everything missing, too long or malformed at once; then everything invalid at once.
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
    // The request_id can be reused for the corrected form.
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
}

async fn a_wrong_check_character_is_named_and_stores_nothing(bed: Bed) {
    let identity = start(bed).await;
    let person = items("王小明", "110105194912310021");
    identity
        .refuses(person, &["person.document.number RESIDENT_ID_CHECK_CHARACTER"])
        .await;
}

/// A resident number with this birth date.
fn born(day: &str) -> String {
    let digits = format!("370202{day}001");
    format!("{digits}{}", check_character(digits.as_bytes()).unwrap())
}

async fn a_birth_date_in_the_future_is_refused_and_today_is_not(bed: Bed) {
    let identity = start(bed).await;
    // The test bed's date is 2022-11-26 until midnight, local time.
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
    // As long as a message may be at most, and longer.
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
        // Every text contains the empty number.
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
    // A thousand are accepted, and the same document gets the same subject.
    let resolved = identity.resolve(vec![document(ONE); 1_000]).await;
    assert!(resolved.iter().all(|one| *one == resolved[0]));
    assert_eq!(lutong_testing::rows(&identity.1, "people").await, 1);
}

/// A fake of declaration's log, to which a test appends.
#[derive(Clone, Default)]
pub struct DeclarationLog(Arc<Mutex<Vec<declaration::Event>>>);

#[tonic::async_trait]
impl declaration::event_log_service_server::EventLogService for DeclarationLog {
    async fn list_events(
        &self,
        request: Request<declaration::ListEventsRequest>,
    ) -> Result<Response<declaration::ListEventsResponse>, Status> {
        let after = lutong_testing::plain_cursor(&request.get_ref().cursor);
        let told = self.0.lock().unwrap();
        let events = told.iter().filter(|event| event.sequence > after).cloned();
        Ok(Response::new(declaration::ListEventsResponse {
            events: events.collect(),
            next_cursor: told.len().to_string(),
            head_sequence: i64::try_from(told.len()).unwrap(),
        }))
    }
}

impl DeclarationLog {
    pub fn accept(&self, subject: &str) {
        self.accept_named(subject, "applications/00000000-0000-7000-8000-000000000001");
    }

    fn accept_named(&self, subject: &str, declaration: &str) {
        self.append(
            subject,
            declaration::event::Payload::DeclarationAccepted(declaration::DeclarationAccepted {
                declaration: declaration.to_owned(),
                ..declaration::DeclarationAccepted::default()
            }),
        );
    }

    fn postpone(&self, subject: &str) {
        self.append(
            subject,
            declaration::event::Payload::ArrivalPostponed(declaration::ArrivalPostponed {
                declaration: "arrivals/00000000-0000-7000-8000-000000000001".to_owned(),
            }),
        );
    }

    fn append(&self, subject: &str, payload: declaration::event::Payload) {
        let mut events = self.0.lock().unwrap();
        let sequence = i64::try_from(events.len()).unwrap() + 1;
        events.push(declaration::Event {
            sequence,
            subject_id: subject.to_owned(),
            create_time: None,
            payload: Some(payload),
        });
    }
}

async fn where_somebody_lives_is_told_once_a_declaration_followed_and_again_when_they_move(bed: Bed) {
    let log = DeclarationLog::default();
    let server = declaration::event_log_service_server::EventLogServiceServer::new(log.clone());
    bed.bind_fake(ServiceName::Declaration, tonic::service::Routes::new(server));
    let identity = start(bed).await;
    let (one, _) = identity.two().await;
    let placed = |division: &str| {
        Payload::SubjectPlaced(wire::SubjectPlaced {
            division: division.to_owned(),
        })
    };
    log.accept(&one);
    assert_eq!(
        identity.published_events(1).await,
        [(one.clone(), placed("370202"))]
    );
    // The same home again publishes nothing; a street is published as its county.
    log.accept(&one);
    let mut moved = items("王小明", ONE);
    let home = moved.home_address.as_mut().unwrap();
    "370203001".clone_into(&mut home.division);
    identity.register("wx-1", 3, moved).await.unwrap();
    log.accept(&one);
    let told = identity.published_events(2).await;
    assert_eq!(told, [(one.clone(), placed("370202")), (one, placed("370203"))]);
}

async fn a_daily_report_confirms_no_registration_and_an_arrival_that_waits_does(bed: Bed) {
    let log = DeclarationLog::default();
    let server = declaration::event_log_service_server::EventLogServiceServer::new(log.clone());
    bed.bind_fake(ServiceName::Declaration, tonic::service::Routes::new(server));
    let identity = start(bed).await;
    let (one, two) = identity.two().await;
    log.accept_named(&one, "daily-reports/00000000-0000-7000-8000-000000000002");
    log.postpone(&two);
    let placed = Payload::SubjectPlaced(wire::SubjectPlaced {
        division: "370202".to_owned(),
    });
    // The home of a confirmed person is published: that of the second, whose event came later, and not that of the first.
    assert_eq!(identity.published_events(1).await, [(two, placed)]);
    let confirmed = "CASE WHEN confirmed_at IS NULL THEN 'no' ELSE 'yes' END";
    let mut confirmed = lutong_testing::texts(&identity.1, "people", confirmed, "subject_id").await;
    confirmed.sort();
    assert_eq!(confirmed, ["no", "yes"]);
}
