//! `RegisterBatch`: people whom an organisation states, held by nobody until they prove who they are.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1 as wire;
use lutong_proto::identity::v1::identity_service_client::IdentityServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1 as types;
use lutong_testing::{Bed, on_both_engines};
use lutong_transport::client::Call;

use crate::{Identity, ONE, TWO, document, items, reason, request_id, start};

on_both_engines!(
    people_of_an_organisation_are_registered_and_held_by_nobody,
    somebody_who_is_registered_stays_as_they_are_and_is_answered_alike,
    a_document_that_a_feed_has_named_gets_its_person,
    a_wrong_row_of_an_organisation_does_not_stop_the_others,
    a_batch_sent_again_registers_nobody_twice,
    two_organisations_may_state_the_same_people_at_once,
);

impl Identity {
    async fn register_batch(
        &self,
        n: u32,
        people: Vec<types::PersonItems>,
    ) -> Result<Vec<wire::BatchRegistration>, Fault> {
        let channel = self.0.channel(ServiceName::Identity, Caller::Declaration);
        let request = Call::background(Duration::from_secs(10)).request(wire::RegisterBatchRequest {
            request_id: request_id(n),
            organisation_account: "school-1".to_owned(),
            people,
        });
        let answer = IdentityServiceClient::new(channel).register_batch(request).await;
        answer
            .map(|answer| answer.into_inner().registrations)
            .map_err(|status| reason(&status))
    }

    /// The subject of each person, none of whom is refused.
    pub async fn batch_subjects(&self, n: u32, people: Vec<types::PersonItems>) -> Vec<String> {
        let registered = self.register_batch(n, people).await.unwrap();
        registered
            .into_iter()
            .map(|one| {
                assert!(one.errors.is_empty(), "{one:?}");
                one.subject_id
            })
            .collect()
    }

    /// Who stated each registered person.
    async fn stated_by(&self) -> Vec<String> {
        lutong_testing::texts(&self.1, "people", "registered_by", "subject_id").await
    }
}

async fn people_of_an_organisation_are_registered_and_held_by_nobody(bed: Bed) {
    let identity = start(bed).await;
    let people = vec![items("王小明", ONE), items("李四", TWO), items("王小明", ONE)];
    let subjects = identity.batch_subjects(1, people).await;
    assert_eq!(subjects[0], subjects[2], "one person, twice in the batch");
    assert_ne!(subjects[0], subjects[1]);
    assert_eq!(identity.stated_by().await, ["school-1", "school-1"]);
    assert_eq!(lutong_testing::rows(&identity.1, "accounts").await, 0);
    let masks = identity.masks(&[&subjects[0]]).await;
    assert_eq!(masks[0].mask, "*明");
    // Whoever states the same needs the known mobile: what they say is no proof.
    let claimed = identity
        .registered("wx-1", 2, items("王小明", ONE))
        .await
        .unwrap();
    assert_eq!(
        (claimed.subject_id.as_str(), claimed.waiting_for()),
        ("", types::MissingProof::KnownMobileOrCounter)
    );
    assert_eq!(identity.account("wx-1").await.subject_id, "");
}

async fn somebody_who_is_registered_stays_as_they_are_and_is_answered_alike(bed: Bed) {
    let identity = start(bed).await;
    let own = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let before = lutong_testing::bytes(&identity.1, "people", "full_name").await;
    let stated = identity
        .register_batch(2, vec![items("王大明", ONE)])
        .await
        .unwrap();
    assert_eq!(
        stated,
        [wire::BatchRegistration {
            subject_id: own.clone(),
            errors: Vec::new()
        }]
    );
    assert_eq!(
        lutong_testing::bytes(&identity.1, "people", "full_name").await,
        before
    );
    assert_eq!(identity.stated_by().await, [""]);
    assert_eq!(identity.account("wx-1").await.subject_id, own);
}

async fn a_document_that_a_feed_has_named_gets_its_person(bed: Bed) {
    let identity = start(bed).await;
    let [wire::resolution::Outcome::SubjectId(placeholder)] =
        &identity.resolve(vec![document(ONE)]).await[..]
    else {
        panic!("not resolved");
    };
    let subjects = identity.batch_subjects(1, vec![items("王小明", ONE)]).await;
    assert_eq!(&subjects[0], placeholder);
    assert_eq!(identity.stated_by().await, ["school-1"]);
    assert_eq!(identity.masks(&[placeholder]).await.len(), 1);
}

async fn a_wrong_row_of_an_organisation_does_not_stop_the_others(bed: Bed) {
    let identity = start(bed).await;
    let mut unmarked = items("<b>", "110105194912310021");
    unmarked.home_address = None;
    let registered = identity
        .register_batch(
            1,
            vec![
                items("王小明", "110105194912310021"),
                unmarked,
                items("<script>", TWO),
                items("王小明", ONE),
            ],
        )
        .await
        .unwrap();
    let errors: Vec<Vec<_>> = registered
        .iter()
        .map(|one| {
            let named = one.errors.iter();
            named
                .map(|error| format!("{} {}", error.field, error.reason))
                .collect()
        })
        .collect();
    assert_eq!(
        errors,
        [
            vec!["document.number RESIDENT_ID_CHECK_CHARACTER".to_owned()],
            vec!["home_address MISSING".to_owned()],
            vec!["full_name NAME_CHARACTERS".to_owned()],
            Vec::new(),
        ]
    );
    assert!(registered.iter().take(3).all(|one| one.subject_id.is_empty()));
    assert_eq!(lutong_testing::rows(&identity.1, "people").await, 1);
    let many = identity
        .register_batch(2, vec![items("王小明", ONE); 1_001])
        .await;
    assert_eq!(many.unwrap_err().reason, "INVALID_FIELDS");
}

async fn a_batch_sent_again_registers_nobody_twice(bed: Bed) {
    let identity = start(bed).await;
    let people = vec![items("王小明", ONE), items("李四", TWO)];
    let first = identity.batch_subjects(1, people.clone()).await;
    let again = identity.batch_subjects(1, people.clone()).await;
    let other_request = identity.batch_subjects(2, people).await;
    assert_eq!((&again, &other_request), (&first, &first));
    assert_eq!(lutong_testing::rows(&identity.1, "people").await, 2);
    let reused = identity.register_batch(1, vec![items("王小明", ONE)]).await;
    assert_eq!(reused.unwrap_err().reason, "REQUEST_ID_REUSED");
}

async fn two_organisations_may_state_the_same_people_at_once(bed: Bed) {
    let identity = start(bed).await;
    let people = vec![items("王小明", ONE), items("李四", TWO)];
    let (one, two) = tokio::join!(
        identity.register_batch(1, people.clone()),
        identity.register_batch(2, people.clone())
    );
    // Whichever came second may have to come again.
    let subjects = identity.batch_subjects(3, people).await;
    for answered in [one, two].into_iter().flatten() {
        let answered: Vec<_> = answered.into_iter().map(|one| one.subject_id).collect();
        assert_eq!(answered, subjects);
    }
    assert_eq!(lutong_testing::rows(&identity.1, "people").await, 2);
}
