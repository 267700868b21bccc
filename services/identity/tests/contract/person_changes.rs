//! A person's own data: `GetPerson`, `UpdatePerson`, `ReplaceDocument`, `ListPersonChanges`.

mod documents;
mod proofs;

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::declaration::v1 as declaration;
use lutong_proto::identity::v1 as wire;
use lutong_proto::identity::v1::person_service_client::PersonServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1 as types;
use lutong_testing::{Bed, on_both_engines, rows, violations};
use wire::event::Payload;
use wire::person_item::Item;

use crate::people::DeclarationLog;
use crate::{Identity, ONE, TWO, items, reason, request_id, start};

on_both_engines!(
    a_person_sees_what_is_registered_and_through_which_accounts,
    home_and_nationality_change_and_what_they_were_is_kept,
    a_change_of_what_was_seen_before_is_refused,
    a_mask_names_what_may_change_and_nothing_else,
    wrong_values_of_an_update_are_named,
    whoever_is_not_the_person_sees_and_changes_nothing,
    an_update_sent_again_is_answered_alike,
    changes_side_by_side_are_kept_one_by_one,
    who_moves_is_published_at_once,
    an_edited_application_keeps_what_was,
    changes_are_listed_page_by_page,
);

pub fn home(division: &str, detail: &str) -> types::HomeAddress {
    types::HomeAddress {
        division: division.to_owned(),
        detail: detail.to_owned(),
    }
}

/// An update of these fields, with values for all of them.
pub fn update(n: u32, mask: &[&str]) -> wire::UpdatePersonRequest {
    let paths = mask.iter().map(|path| (*path).to_owned()).collect();
    wire::UpdatePersonRequest {
        request_id: request_id(n),
        name: "subjects/me/person".to_owned(),
        person: Some(wire::Person {
            mobile: "13900139000".to_owned(),
            nationality: "KOR".to_owned(),
            home_address: Some(home("370203", "山东路2号")),
            ..wire::Person::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths }),
        mobile_proof: None,
        etag: String::new(),
    }
}

/// The text of an item, its fields separated by blanks.
pub fn text(item: Option<&wire::PersonItem>) -> String {
    match item.and_then(|item| item.item.clone()).unwrap() {
        Item::FullName(text) | Item::Mobile(text) | Item::Nationality(text) => text,
        Item::Document(document) => {
            let kind = document.r#type().as_str_name();
            format!("{kind} {} {}", document.number, document.issuing_country)
                .trim_end()
                .to_owned()
        }
        Item::HomeAddress(home) => format!("{} {}", home.division, home.detail),
    }
}

impl Identity {
    fn persons(&self) -> PersonServiceClient<lutong_transport::client::MeshChannel> {
        PersonServiceClient::new(self.0.channel(ServiceName::Identity, Caller::Gateway))
    }

    pub async fn person(&self, account: &str) -> Result<wire::Person, Fault> {
        self.person_named(account, "").await
    }

    async fn person_named(&self, account: &str, name: &str) -> Result<wire::Person, Fault> {
        let call = self.0.call_as(&lutong_testing::citizen(account, None));
        let name = name.to_owned();
        let answer = self
            .persons()
            .get_person(call.request(wire::GetPersonRequest { name }))
            .await;
        answer
            .map(|answer| answer.into_inner().person.unwrap())
            .map_err(|status| reason(&status))
    }

    pub async fn update(
        &self,
        account: &str,
        update: wire::UpdatePersonRequest,
    ) -> Result<wire::Person, Fault> {
        let call = self.0.call_as(&lutong_testing::citizen(account, None));
        let answer = self.persons().update_person(call.request(update)).await;
        answer
            .map(|answer| answer.into_inner().person.unwrap())
            .map_err(|status| reason(&status))
    }

    pub async fn replace(
        &self,
        account: &str,
        request: wire::ReplaceDocumentRequest,
    ) -> Result<wire::Person, Fault> {
        let call = self.0.call_as(&lutong_testing::citizen(account, None));
        let answer = self.persons().replace_document(call.request(request)).await;
        answer
            .map(|answer| answer.into_inner().person.unwrap())
            .map_err(|status| reason(&status))
    }

    async fn page(
        &self,
        account: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<wire::ListPersonChangesResponse, Fault> {
        let call = self.0.call_as(&lutong_testing::citizen(account, None));
        let request = call.request(wire::ListPersonChangesRequest {
            name: "subjects/me/person".to_owned(),
            page_size,
            page_token: page_token.to_owned(),
        });
        let answer = self.persons().list_person_changes(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| reason(&status))
    }

    /// The changes of the account's person as `old -> new`, the newest first.
    pub async fn history(&self, account: &str) -> Vec<String> {
        let page = self.page(account, 0, "").await.unwrap();
        let told = page.changes.iter();
        told.map(|change| format!("{} -> {}", text(change.old.as_ref()), text(change.new.as_ref())))
            .collect()
    }
}

async fn a_person_sees_what_is_registered_and_through_which_accounts(bed: Bed) {
    let identity = start(bed).await;
    let subject = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let person = identity.person("wx-1").await.unwrap();
    assert_eq!(person.name, format!("subjects/{subject}/person"));
    assert_eq!(person.subject_id, subject);
    assert_eq!(
        (person.full_name.as_str(), person.mobile.as_str()),
        ("王小明", "+8613800138000")
    );
    let document = person.document.clone().unwrap();
    assert_eq!(
        (document.number.as_str(), document.r#type()),
        (ONE, types::DocumentType::ResidentId)
    );
    assert_eq!(person.nationality, "CHN");
    assert_eq!(person.home_address, Some(home("370202", "香港中路1号")));
    // An account of no channel, linked now.
    let now = identity.0.clock.clone();
    let linked_at = lutong_proto::time::to_micros(person.account_links[0].link_time.as_ref().unwrap());
    assert_eq!(linked_at, lutong_kernel::Clock::now(&now).micros());
    assert_eq!(
        (person.account_links.len(), person.account_links[0].channel()),
        (1, types::Channel::Unspecified)
    );
    let printed = format!("{person:?}");
    assert!(!printed.contains("wx-1"), "{printed}");
    // By the own subject as well.
    assert_eq!(identity.person_named("wx-1", &person.name).await.unwrap(), person);
}

async fn home_and_nationality_change_and_what_they_were_is_kept(bed: Bed) {
    let identity = start(bed).await;
    let subject = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let before = identity.person("wx-1").await.unwrap();
    let asked = wire::UpdatePersonRequest {
        etag: before.etag.clone(),
        ..update(2, &["home_address", "nationality"])
    };
    let after = identity.update("wx-1", asked).await.unwrap();
    assert_eq!(after.subject_id, subject);
    assert_eq!(after.home_address, Some(home("370203", "山东路2号")));
    // What the mask does not name stays, whatever the request holds.
    assert_eq!(
        (after.nationality.as_str(), after.mobile.as_str()),
        ("KOR", "+8613800138000")
    );
    assert_ne!(after.etag, before.etag);
    assert_eq!(identity.person("wx-1").await.unwrap(), after);
    assert_eq!(
        identity.history("wx-1").await,
        ["370202 香港中路1号 -> 370203 山东路2号", "CHN -> KOR"]
    );
    // What was is stored encrypted.
    let mut stored = lutong_testing::bytes(&identity.1, "person_changes", "old_value").await;
    stored.extend(lutong_testing::bytes(&identity.1, "person_changes", "new_value").await);
    for text in ["香港中路", "山东路", "CHN", "KOR"] {
        assert!(
            !stored.windows(text.len()).any(|window| window == text.as_bytes()),
            "{text}"
        );
    }
    // The same values again are no change.
    let same = identity
        .update("wx-1", update(3, &["home_address", "nationality"]))
        .await
        .unwrap();
    assert_eq!(same, after);
    assert_eq!(rows(&identity.1, "person_changes").await, 2);
}

async fn a_change_of_what_was_seen_before_is_refused(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let seen = identity.person("wx-1").await.unwrap();
    let after = identity
        .update("wx-1", update(2, &["nationality"]))
        .await
        .unwrap();
    let stale = wire::UpdatePersonRequest {
        etag: seen.etag,
        ..update(3, &["home_address"])
    };
    let refused = identity.update("wx-1", stale).await.unwrap_err();
    assert_eq!(refused.reason, "STALE");
    assert!(
        refused
            .metadata
            .iter()
            .any(|(key, value)| key == "etag" && *value == after.etag)
    );
    assert_eq!(identity.person("wx-1").await.unwrap(), after);
}

async fn a_mask_names_what_may_change_and_nothing_else(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    for (mask, named) in [
        (&["full_name"][..], &["update_mask.paths[0] MASK_PATH_FIXED"][..]),
        (
            &["nationality", "document.number", "etag"],
            &[
                "update_mask.paths[1] MASK_PATH_FIXED",
                "update_mask.paths[2] MASK_PATH_FIXED",
            ],
        ),
        (
            &["*", "state", "home_address.detail", ""],
            &[
                "update_mask.paths[0] MASK_PATH_UNKNOWN",
                "update_mask.paths[1] MASK_PATH_UNKNOWN",
                "update_mask.paths[2] MASK_PATH_UNKNOWN",
                "update_mask.paths[3] MASK_PATH_UNKNOWN",
            ],
        ),
        (&[], &["update_mask MISSING"]),
    ] {
        let refused = identity.update("wx-1", update(2, mask)).await.unwrap_err();
        assert_eq!(violations(&refused), named, "{mask:?}");
    }
    let document = identity
        .update("wx-1", update(2, &["document"]))
        .await
        .unwrap_err();
    assert!(
        document.violations[0].en.contains("ReplaceDocument"),
        "{document:?}"
    );
    let absent = wire::UpdatePersonRequest {
        update_mask: None,
        ..update(2, &[])
    };
    let refused = identity.update("wx-1", absent).await.unwrap_err();
    assert_eq!(violations(&refused), ["update_mask MISSING"]);
    assert_eq!(rows(&identity.1, "person_changes").await, 0);
}

async fn wrong_values_of_an_update_are_named(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let wrong = wire::UpdatePersonRequest {
        person: Some(wire::Person {
            mobile: "1".to_owned(),
            ..wire::Person::default()
        }),
        ..update(2, &["mobile", "nationality", "home_address"])
    };
    let refused = identity.update("wx-1", wrong).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        [
            "person.mobile MOBILE_SHAPE",
            "person.nationality NATIONALITY_UNKNOWN",
            "person.home_address MISSING"
        ]
    );
    let mut hidden = update(2, &["home_address"]);
    hidden.person.as_mut().unwrap().home_address = Some(home("370202", "山东路\u{202e}2号"));
    let refused = identity.update("wx-1", hidden).await.unwrap_err();
    assert_eq!(violations(&refused), ["person.home_address.detail TEXT_BIDI"]);
    let unproved = identity.update("wx-1", update(2, &["mobile"])).await.unwrap_err();
    assert_eq!(violations(&unproved), ["mobile_proof MISSING"]);
    for name in [
        "subjects/me",
        "people/me/person",
        "subjects/x/person",
        "subjects/me/document",
    ] {
        let refused = identity.person_named("wx-1", name).await.unwrap_err();
        assert_eq!(violations(&refused), ["name NAME_SHAPE"], "{name}");
    }
    assert_eq!(rows(&identity.1, "person_changes").await, 0);
}

async fn whoever_is_not_the_person_sees_and_changes_nothing(bed: Bed) {
    let identity = start(bed).await;
    let (one, two) = identity.two().await;
    let of_one = format!("subjects/{one}/person");
    let seen = identity.person_named("wx-2", &of_one).await.unwrap_err();
    assert_eq!(seen.reason, "PERSON_NOT_FOUND");
    let nobodys = "subjects/00000000-0000-7000-8000-000000000009/person";
    assert_eq!(identity.person_named("wx-2", nobodys).await.unwrap_err(), seen);
    let foreign = wire::UpdatePersonRequest {
        name: of_one,
        ..update(3, &["nationality"])
    };
    let refused = identity.update("wx-2", foreign).await.unwrap_err();
    assert_eq!(refused.reason, "PERSON_NOT_FOUND");
    // An account to which nobody is linked.
    assert_eq!(identity.person("wx-9").await.unwrap_err(), seen);
    let refused = identity
        .update("wx-9", update(4, &["nationality"]))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "PERSON_NOT_FOUND");
    let refused = identity.page("wx-9", 0, "").await.unwrap_err();
    assert_eq!(refused.reason, "PERSON_NOT_FOUND");
    assert_eq!(identity.person("wx-2").await.unwrap().subject_id, two);
    assert_eq!(rows(&identity.1, "person_changes").await, 0);
}

async fn an_update_sent_again_is_answered_alike(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let first = identity
        .update("wx-1", update(2, &["nationality"]))
        .await
        .unwrap();
    let again = identity
        .update("wx-1", update(2, &["nationality"]))
        .await
        .unwrap();
    assert_eq!(first, again);
    let reused = identity
        .update("wx-1", update(2, &["home_address"]))
        .await
        .unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    assert_eq!(rows(&identity.1, "person_changes").await, 1);
}

async fn changes_side_by_side_are_kept_one_by_one(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let moves = (0..6).map(|n| {
        let mut asked = update(10 + n, &["home_address"]);
        asked.person.as_mut().unwrap().home_address = Some(home("370203", &format!("山东路{n}号")));
        identity.update("wx-1", asked)
    });
    for moved in futures::future::join_all(moves).await {
        moved.unwrap();
    }
    let changes = identity.history("wx-1").await;
    assert_eq!(changes.len(), 6);
    // Each begins where the one before ended.
    for pair in changes.windows(2) {
        let (newer, older) = (pair[0].split(" -> ").next(), pair[1].split(" -> ").nth(1));
        assert_eq!(newer, older, "{changes:?}");
    }
}

async fn who_moves_is_published_at_once(bed: Bed) {
    let log = DeclarationLog::default();
    let server = declaration::event_log_service_server::EventLogServiceServer::new(log.clone());
    bed.bind_fake(ServiceName::Declaration, tonic::service::Routes::new(server));
    let identity = start(bed).await;
    let (one, two) = identity.two().await;
    // Nobody is published before a declaration followed.
    identity
        .update("wx-2", update(3, &["home_address"]))
        .await
        .unwrap();
    log.accept(&one);
    let placed = |division: &str| {
        Payload::SubjectPlaced(wire::SubjectPlaced {
            division: division.to_owned(),
        })
    };
    assert_eq!(
        identity.published_events(1).await,
        [(one.clone(), placed("370202"))]
    );
    identity
        .update("wx-1", update(4, &["home_address"]))
        .await
        .unwrap();
    // Within the same division nothing is published again.
    let mut near = update(5, &["home_address"]);
    near.person.as_mut().unwrap().home_address = Some(home("370203", "山东路3号"));
    identity.update("wx-1", near).await.unwrap();
    log.accept(&two);
    assert_eq!(
        identity.published_events(3).await[1..],
        [(one, placed("370203")), (two, placed("370203"))]
    );
}

async fn an_edited_application_keeps_what_was(bed: Bed) {
    let identity = start(bed).await;
    let subject = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let seen = identity.person("wx-1").await.unwrap();
    let mut edited = items("王晓明", ONE);
    edited.home_address = Some(home("370203", "山东路2号"));
    assert_eq!(
        identity.register("wx-1", 2, edited.clone()).await.unwrap(),
        subject
    );
    assert_eq!(
        identity.history("wx-1").await,
        ["370202 香港中路1号 -> 370203 山东路2号", "王小明 -> 王晓明"]
    );
    assert_ne!(identity.person("wx-1").await.unwrap().etag, seen.etag);
    // The same form again changes nothing.
    identity.register("wx-1", 3, edited).await.unwrap();
    assert_eq!(rows(&identity.1, "person_changes").await, 2);
    // Whoever registers somebody new has no history.
    identity.register("wx-2", 4, items("李四", TWO)).await.unwrap();
    assert_eq!(identity.history("wx-2").await, Vec::<String>::new());
}

async fn changes_are_listed_page_by_page(bed: Bed) {
    let identity = start(bed).await;
    identity.two().await;
    for n in 0..5 {
        let mut asked = update(10 + n, &["home_address"]);
        asked.person.as_mut().unwrap().home_address = Some(home("370203", &format!("山东路{n}号")));
        identity.update("wx-1", asked).await.unwrap();
    }
    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let page = identity.page("wx-1", 2, &token).await.unwrap();
        assert!(page.changes.len() <= 2);
        listed.extend(page.changes.iter().map(|change| text(change.new.as_ref())));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, [4, 3, 2, 1, 0].map(|n| format!("370203 山东路{n}号")));
    let foreign = identity.page("wx-1", 2, "x").await.unwrap_err();
    assert_eq!(foreign.reason, "INVALID_FIELDS");
}
