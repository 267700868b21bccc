//! `ReplaceDocument`: what becomes of the old document, and whose the new one may be. Accounts are those of the development provider.

use lutong_proto::identity::v1 as wire;
use lutong_proto::types::v1 as types;
use lutong_testing::{Bed, on_both_engines, rows, violations};
use wire::event::Payload;
use wire::resolution::Outcome;

use crate::merges::by_id;
use crate::{Identity, ONE, TWO, document, items, request_id, start};

on_both_engines!(
    a_renewed_passport_keeps_the_subject_and_the_old_one_leads_to_it,
    a_renewed_document_is_the_persons_wherever_it_is_shown,
    what_was_reported_under_the_new_document_counts_for_the_person,
    a_document_of_somebody_else_is_refused,
    a_document_that_others_may_claim_needs_a_counter,
    a_document_of_another_kind_is_refused_and_a_resident_card_is_not,
    a_new_name_is_checked_like_the_first,
    a_replacement_sent_again_is_answered_alike,
    whoever_holds_nobody_replaces_nothing,
    two_people_who_claim_one_document_at_once_do_not_both_get_it,
);

const OLD: &str = "M11111111";
const NEW: &str = "M22222222";

pub fn passport(number: &str) -> types::Document {
    types::Document {
        r#type: types::DocumentType::PassportOrdinary.into(),
        number: number.to_owned(),
        issuing_country: "KOR".to_owned(),
    }
}

fn holder_of(number: &str) -> types::PersonItems {
    types::PersonItems {
        document: Some(passport(number)),
        nationality: "KOR".to_owned(),
        ..items("KIM MINSU", ONE)
    }
}

pub fn replacement(n: u32, full_name: &str, document: types::Document) -> wire::ReplaceDocumentRequest {
    wire::ReplaceDocumentRequest {
        request_id: request_id(n),
        name: "subjects/me/document".to_owned(),
        full_name: full_name.to_owned(),
        document: Some(document),
        mobile_proof: None,
    }
}

impl Identity {
    async fn subject_of(&self, document: types::Document) -> String {
        match self.resolve(vec![document]).await.remove(0) {
            Outcome::SubjectId(subject) => subject,
            Outcome::Error(error) => panic!("{error:?}"),
        }
    }
}

async fn a_renewed_passport_keeps_the_subject_and_the_old_one_leads_to_it(bed: Bed) {
    let identity = start(bed).await;
    let subject = identity.register("wx-1", 1, holder_of(OLD)).await.unwrap();
    let renewed = identity
        .replace("wx-1", replacement(2, "KIM MINSU", passport(NEW)))
        .await
        .unwrap();
    assert_eq!(renewed.subject_id, subject);
    assert_eq!(renewed.document, Some(passport(NEW)));
    for number in [OLD, NEW] {
        assert_eq!(identity.subject_of(passport(number)).await, subject, "{number}");
    }
    assert_eq!(
        identity.history("wx-1").await,
        [format!(
            "DOCUMENT_TYPE_PASSPORT_ORDINARY {OLD} KOR -> DOCUMENT_TYPE_PASSPORT_ORDINARY {NEW} KOR"
        )]
    );
    // Nothing was merged, because nobody had reported anything under the new one.
    assert_eq!(rows(&identity.1, "merges").await, 0);
    // And once more.
    let third = "M33333333";
    identity
        .replace("wx-1", replacement(3, "KIM MINSU", passport(third)))
        .await
        .unwrap();
    for number in [OLD, NEW, third] {
        assert_eq!(identity.subject_of(passport(number)).await, subject, "{number}");
    }
}

async fn a_renewed_document_is_the_persons_wherever_it_is_shown(bed: Bed) {
    let identity = start(bed).await;
    let subject = identity.register("wx-1", 1, holder_of(OLD)).await.unwrap();
    identity
        .replace("wx-1", replacement(2, "KIM MINSU", passport(NEW)))
        .await
        .unwrap();
    // The own account applies with the new passport, and another one is not believed.
    assert_eq!(
        identity.register("wx-1", 3, holder_of(NEW)).await.unwrap(),
        subject
    );
    let other = identity.registered("wx-2", 4, holder_of(NEW)).await.unwrap();
    assert_eq!(
        (other.subject_id.as_str(), other.waiting_for()),
        ("", types::MissingProof::KnownMobileOrCounter)
    );
    assert_eq!(identity.masks(&[&subject]).await.len(), 1);
}

async fn what_was_reported_under_the_new_document_counts_for_the_person(bed: Bed) {
    let identity = start(bed).await;
    let subject = identity.register("wx-1", 1, holder_of(OLD)).await.unwrap();
    let placeholder = identity.subject_of(passport(NEW)).await;
    assert_ne!(placeholder, subject);
    identity
        .replace("wx-1", replacement(2, "KIM MINSU", passport(NEW)))
        .await
        .unwrap();
    let merged = Payload::SubjectMerged(wire::SubjectMerged {
        into_subject_id: subject.clone(),
        version: 1,
    });
    assert_eq!(identity.published_events(1).await, [(placeholder, merged)]);
    // From now on reports go to the person.
    assert_eq!(identity.subject_of(passport(NEW)).await, subject);
}

async fn a_document_of_somebody_else_is_refused(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, holder_of(OLD)).await.unwrap();
    let other = identity.register("wx-2", 2, holder_of(NEW)).await.unwrap();
    let before = identity.person("wx-1").await.unwrap();
    let refused = identity
        .replace("wx-1", replacement(3, "KIM MINSU", passport(NEW)))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "DOCUMENT_NEEDS_COUNTER");
    // Nor one that somebody else has renewed.
    identity
        .replace("wx-2", replacement(4, "KIM MINSU", passport("M44444444")))
        .await
        .unwrap();
    for number in [NEW, "M44444444"] {
        let refused = identity
            .replace("wx-1", replacement(5, "KIM MINSU", passport(number)))
            .await
            .unwrap_err();
        assert_eq!(refused.reason, "DOCUMENT_NEEDS_COUNTER");
        assert_eq!(identity.subject_of(passport(number)).await, other);
    }
    assert_eq!(identity.person("wx-1").await.unwrap(), before);
    assert_eq!(rows(&identity.1, "person_changes").await, 1);
}

async fn a_document_that_others_may_claim_needs_a_counter(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, holder_of(OLD)).await.unwrap();
    let other = identity.register("wx-2", 2, items("李四", TWO)).await.unwrap();
    let placeholder = identity.subject_of(passport(NEW)).await;
    // An officer has found that the placeholder is the other person.
    identity
        .merge(3, by_id(&placeholder), by_id(&other))
        .await
        .unwrap();
    let refused = identity
        .replace("wx-1", replacement(4, "KIM MINSU", passport(NEW)))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "DOCUMENT_NEEDS_COUNTER");
    assert_eq!(identity.subject_of(passport(NEW)).await, placeholder);
    assert_eq!(rows(&identity.1, "person_changes").await, 0);
}

async fn a_document_of_another_kind_is_refused_and_a_resident_card_is_not(bed: Bed) {
    let identity = start(bed).await;
    let subject = identity.register("wx-1", 1, holder_of(OLD)).await.unwrap();
    let permit = types::Document {
        r#type: types::DocumentType::HkmoHomeReturn.into(),
        number: "H12345678".to_owned(),
        issuing_country: String::new(),
    };
    let refused = identity
        .replace("wx-1", replacement(2, "KIM MINSU", permit.clone()))
        .await
        .unwrap_err();
    assert_eq!(violations(&refused), ["document.type DOCUMENT_KIND_DIFFERS"]);
    assert_eq!(rows(&identity.1, "person_changes").await, 0);
    // Another type of the same kind, then a resident card.
    let diplomatic = types::Document {
        r#type: types::DocumentType::PassportDiplomatic.into(),
        ..passport(NEW)
    };
    identity
        .replace("wx-1", replacement(3, "KIM MINSU", diplomatic))
        .await
        .unwrap();
    let settled = identity
        .replace("wx-1", replacement(4, "金民秀", document(TWO)))
        .await
        .unwrap();
    assert_eq!(
        (settled.subject_id, settled.full_name.as_str()),
        (subject.clone(), "金民秀")
    );
    for document in [passport(OLD), passport(NEW), document(TWO)] {
        assert_eq!(identity.subject_of(document).await, subject);
    }
    // A resident card is replaced by no passport.
    let refused = identity
        .replace("wx-1", replacement(5, "KIM MINSU", passport(OLD)))
        .await
        .unwrap_err();
    assert_eq!(violations(&refused), ["document.type DOCUMENT_KIND_DIFFERS"]);
}

async fn a_new_name_is_checked_like_the_first(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    for (name, violation) in [
        ("王\u{202e}明", "full_name NAME_CHARACTERS"),
        ("王\u{200b}明", "full_name NAME_CHARACTERS"),
        ("<script>", "full_name NAME_CHARACTERS"),
    ] {
        let refused = identity
            .replace("wx-1", replacement(2, name, document(ONE)))
            .await
            .unwrap_err();
        assert_eq!(violations(&refused), [violation], "{name:?}");
    }
    let refused = identity
        .replace("wx-1", replacement(2, "", document("110105194912310021")))
        .await
        .unwrap_err();
    assert_eq!(violations(&refused)[0], "full_name MISSING");
    let named = identity
        .replace("wx-1", replacement(2, "王大明", document(ONE)))
        .await
        .unwrap();
    assert_eq!(named.full_name, "王大明");
    assert_eq!(identity.history("wx-1").await, ["王小明 -> 王大明"]);
    let masks = identity.masks(&[&named.subject_id]).await;
    assert_eq!(masks[0].mask, "*明");
}

async fn a_replacement_sent_again_is_answered_alike(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, holder_of(OLD)).await.unwrap();
    let asked = replacement(2, "KIM MINSU", passport(NEW));
    let first = identity.replace("wx-1", asked.clone()).await.unwrap();
    assert_eq!(identity.replace("wx-1", asked).await.unwrap(), first);
    let reused = identity
        .replace("wx-1", replacement(2, "KIM MINSU", passport(OLD)))
        .await
        .unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    assert_eq!(rows(&identity.1, "person_changes").await, 1);
}

async fn whoever_holds_nobody_replaces_nothing(bed: Bed) {
    let identity = start(bed).await;
    let subject = identity.register("wx-1", 1, holder_of(OLD)).await.unwrap();
    let refused = identity
        .replace("wx-9", replacement(2, "KIM MINSU", passport(NEW)))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "PERSON_NOT_FOUND");
    let foreign = wire::ReplaceDocumentRequest {
        name: format!("subjects/{subject}/document"),
        ..replacement(3, "KIM MINSU", passport(NEW))
    };
    identity.register("wx-2", 4, items("李四", TWO)).await.unwrap();
    let refused = identity.replace("wx-2", foreign).await.unwrap_err();
    assert_eq!(refused.reason, "PERSON_NOT_FOUND");
    assert_eq!(rows(&identity.1, "people").await, 2);
}

async fn two_people_who_claim_one_document_at_once_do_not_both_get_it(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, holder_of(OLD)).await.unwrap();
    identity
        .register("wx-2", 2, holder_of("M55555555"))
        .await
        .unwrap();
    let (one, two, registered) = tokio::join!(
        identity.replace("wx-1", replacement(3, "KIM MINSU", passport(NEW))),
        identity.replace("wx-2", replacement(4, "KIM MINSU", passport(NEW))),
        identity.registered("wx-3", 5, holder_of(NEW)),
    );
    let is_new = registered.is_ok_and(|registered| !registered.subject_id.is_empty());
    let winners = [one.is_ok(), two.is_ok(), is_new];
    assert_eq!(winners.iter().filter(|won| **won).count(), 1, "{winners:?}");
}
