//! Accounts: `GetAccount`, `ListAccountChanges`, `GetFeed`, and what operators change.

use std::time::Duration;

use lutong_identity::{Account, AccountAction, AccountId, Accounts};
use lutong_kernel::{Desk, DivisionCode, Fault, ServiceName};
use lutong_proto::identity::v1 as wire;
use lutong_proto::identity::v1::account_service_client::AccountServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use lutong_transport::access::{FeedGrant, Roles};
use lutong_transport::client::Call;

use crate::{Identity, ONE, items, reason, start};

on_both_engines!(
    changes_are_told_in_order_and_end_what_was_before,
    changes_made_side_by_side_are_told_without_a_gap_in_time,
    a_feeds_grant_is_what_its_accounts_may_report_together,
    of_many_accounts_all_are_added_or_none,
    whoever_acts_on_people_is_not_added_without_a_division,
    the_names_of_the_meshs_own_parts_sign_in_nobody,
    a_disabled_citizen_keeps_their_person,
    a_disabled_account_signs_in_no_more,
);

fn id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

fn staff(name: &str, role: Role, division: Option<&str>) -> Account {
    Account {
        roles: Roles::of(&[role]),
        division: division.map(|code| DivisionCode::parse(code).unwrap()),
        ..Account::citizen(id(name))
    }
}

fn feed(name: &str, source: &str, kinds: &[&str], divisions: &[&str]) -> Account {
    Account {
        feed: Some(FeedGrant {
            source: source.to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            divisions: divisions
                .iter()
                .map(|code| DivisionCode::parse(code).unwrap())
                .collect(),
        }),
        ..staff(name, Role::AuthorityFeed, None)
    }
}

impl Identity {
    pub async fn accounts(&self) -> Accounts {
        lutong_identity::open_accounts(&self.0.foundation, &self.1)
            .await
            .unwrap()
    }

    pub async fn changes(
        &self,
        cursor: &str,
        page_size: i32,
    ) -> Result<(Vec<wire::AccountChange>, String), Fault> {
        let request = Call::background(Duration::from_secs(5)).request(wire::ListAccountChangesRequest {
            cursor: cursor.to_owned(),
            page_size,
        });
        let channel = self.0.channel(ServiceName::Identity, Caller::Gateway);
        let answer = AccountServiceClient::new(channel)
            .list_account_changes(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map(|answer| (answer.changes, answer.next_cursor))
            .map_err(|status| reason(&status))
    }

    async fn feed(&self, source: &str) -> Result<wire::FeedGrant, Fault> {
        let request = Call::background(Duration::from_secs(5)).request(wire::GetFeedRequest {
            source: source.to_owned(),
        });
        let channel = self.0.channel(ServiceName::Identity, Caller::RiskRules);
        let answer = AccountServiceClient::new(channel).get_feed(request).await;
        answer
            .map(|answer| answer.into_inner().feed.unwrap())
            .map_err(|status| reason(&status))
    }
}

async fn changes_are_told_in_order_and_end_what_was_before(bed: Bed) {
    let identity = start(bed).await;
    let accounts = identity.accounts().await;
    assert_eq!(identity.account("officer-1").await.version, 0);
    let officer = staff("officer-1", Role::HealthOfficer, Some("370202"));
    accounts.add(officer.clone(), "uid 7").await.unwrap();
    assert_eq!(
        accounts.add(officer.clone(), "uid 7").await.unwrap_err().reason,
        "ACCOUNT_EXISTS"
    );
    let moved = Account {
        division: Some(DivisionCode::SHANDONG),
        desks: vec![Desk::Appeal, Desk::Place],
        ..officer
    };
    assert!(identity.account("officer-1").await.desks.is_empty());
    accounts.update(moved, "uid 7").await.unwrap();
    let seen = identity.account("officer-1").await;
    assert_eq!(
        (&*seen.division, &seen.desks[..]),
        ("370000", &["appeal".to_owned(), "place".to_owned()][..])
    );
    for disabled in [true, false] {
        assert!(
            accounts
                .set_disabled(id("officer-1"), disabled, "uid 8")
                .await
                .unwrap()
        );
        assert!(
            !accounts
                .set_disabled(id("officer-1"), disabled, "uid 8")
                .await
                .unwrap()
        );
        assert_eq!(identity.asked("officer-1").await.is_err(), disabled);
    }
    assert_eq!(identity.account("officer-1").await.version, 4);
    let (told, cursor) = identity.changes("", 0).await.unwrap();
    let versions: Vec<_> = told.iter().map(|one| one.version).collect();
    assert_eq!(versions, [1, 2, 3, 4]);
    assert!(told.iter().all(|one| one.account_id == "officer-1"));
    assert!(told.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    let (_, second) = identity.changes("", 2).await.unwrap();
    assert_eq!(identity.changes(&second, 1).await.unwrap().0, told[2..3]);
    assert!(identity.changes(&cursor, 0).await.unwrap().0.is_empty());
    let refused = identity.changes("4", 0).await.unwrap_err();
    assert_eq!(refused.violations[0].reason, "CURSOR_FOREIGN");
    let (shown, changes) = accounts.show(&id("officer-1")).await.unwrap();
    assert!(!shown.disabled);
    let recorded: Vec<_> = changes
        .iter()
        .map(|one| (one.action, one.by.as_str(), one.detail.as_str()))
        .collect();
    let province = "roles ROLE_HEALTH_OFFICER; province-wide; desks appeal place";
    assert_eq!(
        recorded,
        [
            (AccountAction::Enabled, "uid 8", province),
            (AccountAction::Disabled, "uid 8", province),
            (AccountAction::Changed, "uid 7", province),
            (
                AccountAction::Added,
                "uid 7",
                "roles ROLE_HEALTH_OFFICER; division 370202"
            ),
        ]
    );
    let nobody = accounts.set_disabled(id("officer-2"), true, "uid 7").await;
    assert_eq!(nobody.unwrap_err().reason, "ACCOUNT_NOT_FOUND");
}

/// A reader never misses a change with a smaller sequence that is committed later.
async fn changes_made_side_by_side_are_told_without_a_gap_in_time(bed: Bed) {
    let identity = start(bed).await;
    let accounts = identity.accounts().await;
    let added = (0..20).map(|n| {
        let account = staff(&format!("auditor-{n}"), Role::Auditor, None);
        let accounts = accounts.clone();
        tokio::spawn(async move { accounts.add(account, "uid 7").await })
    });
    let added: Vec<_> = added.collect();
    let (mut after, mut told) = (String::new(), 0);
    for _ in 0..400 {
        let (changes, next) = identity.changes(&after, 3).await.unwrap();
        told += changes.len();
        after = next;
        if told == 20 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for one in added {
        one.await.unwrap().unwrap();
    }
    assert_eq!(told, 20);
    // A restored backup has fewer changes than the reader has seen.
    lutong_testing::tamper(&identity.1, "DELETE FROM account_changes").await;
    let refused = identity.changes(&after, 0).await.unwrap_err();
    assert_eq!(refused.reason, "LOG_REPLACED");
}

async fn a_feeds_grant_is_what_its_accounts_may_report_together(bed: Bed) {
    let identity = start(bed).await;
    let accounts = identity.accounts().await;
    assert_eq!(identity.feed("cdc-1").await.unwrap_err().reason, "FEED_NOT_FOUND");
    assert_eq!(identity.feed(" ").await.unwrap_err().reason, "INVALID_FIELDS");
    let add = async |account| accounts.add(account, "uid 7").await.unwrap();
    add(feed("one", "cdc-1", &["case"], &["370202"])).await;
    add(feed("two", "cdc-1", &["test", "case"], &["370300"])).await;
    add(feed("three", "cdc-2", &["case"], &["370100"])).await;
    let together = identity.feed("cdc-1").await.unwrap();
    assert_eq!(together.kinds, ["case", "test"]);
    assert_eq!(together.divisions, ["370202", "370300"]);
    // Reports of a disabled feed can still be rolled back.
    accounts.set_disabled(id("one"), true, "uid 7").await.unwrap();
    assert_eq!(identity.feed("cdc-1").await.unwrap(), together);
    add(feed("four", "cdc-1", &["case"], &[])).await;
    assert!(identity.feed("cdc-1").await.unwrap().divisions.is_empty());
}

async fn of_many_accounts_all_are_added_or_none(bed: Bed) {
    let identity = start(bed).await;
    let accounts = identity.accounts().await;
    let officer = |name| staff(name, Role::HealthOfficer, Some("370202"));
    accounts.add(officer("officer-2"), "uid 7").await.unwrap();
    let wanted = vec![officer("officer-1"), officer("officer-2"), officer("officer-3")];
    let refused = accounts.add_all(wanted, "uid 7").await.unwrap_err();
    assert_eq!(refused.reason, "ACCOUNT_EXISTS");
    let nowhere = staff("officer-3", Role::HealthOfficer, None);
    let refused = accounts
        .add_all(vec![officer("officer-1"), nowhere], "uid 7")
        .await;
    assert_eq!(refused.unwrap_err().reason, "INVALID_FIELDS");
    assert_eq!(identity.account("officer-1").await.version, 0);
    accounts
        .add_all(vec![officer("officer-1"), officer("officer-3")], "uid 7")
        .await
        .unwrap();
    for name in ["officer-1", "officer-3"] {
        assert_eq!(identity.account(name).await.division, "370202");
    }
}

async fn whoever_acts_on_people_is_not_added_without_a_division(bed: Bed) {
    let identity = start(bed).await;
    let accounts = identity.accounts().await;
    let nowhere = staff("officer-1", Role::HealthOfficer, None);
    let refused = accounts.add(nowhere.clone(), "uid 7").await.unwrap_err();
    assert_eq!(refused.violations[0].reason, "DIVISION_MISSING");
    let officer = staff("officer-1", Role::HealthOfficer, Some("370202"));
    accounts.add(officer, "uid 7").await.unwrap();
    let refused = accounts.update(nowhere, "uid 7").await.unwrap_err();
    assert_eq!(refused.violations[0].field, "division");
    assert_eq!(identity.account("officer-1").await.division, "370202");
}

async fn the_names_of_the_meshs_own_parts_sign_in_nobody(bed: Bed) {
    let identity = start(bed).await;
    for name in [
        "service:CALLER_GATEWAY",
        "CALLER_OPERATOR",
        "public",
        "risk-rules",
    ] {
        let refused = identity.asked(name).await.unwrap_err();
        assert_eq!(refused.violations[0].reason, "ACCOUNT_ID_RESERVED", "{name}");
    }
    for (name, reason) in [
        ("", "MISSING"),
        ("a\u{0}b", "ACCOUNT_ID_SHAPE"),
        ("a\nb", "ACCOUNT_ID_SHAPE"),
    ] {
        let refused = identity.asked(name).await.unwrap_err();
        assert_eq!(refused.violations[0].reason, reason, "{name:?}");
    }
}

async fn a_disabled_citizen_keeps_their_person(bed: Bed) {
    let identity = start(bed).await;
    let subject = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let accounts = identity.accounts().await;
    accounts.set_disabled(id("wx-1"), true, "uid 7").await.unwrap();
    assert_eq!(
        identity.asked("wx-1").await.unwrap_err().reason,
        "ACCOUNT_DISABLED"
    );
    let listed = accounts.list("", false, 10).await.unwrap();
    assert_eq!(listed.len(), 1, "a disabled citizen is worth a line");
    accounts.set_disabled(id("wx-1"), false, "uid 7").await.unwrap();
    let account = identity.account("wx-1").await;
    assert_eq!((account.subject_id, account.version), (subject, 2));
    assert!(accounts.list("", false, 10).await.unwrap().is_empty());
    assert_eq!(accounts.list("", true, 10).await.unwrap().len(), 1);
}

async fn a_disabled_account_signs_in_no_more(bed: Bed) {
    let identity = start(bed).await;
    identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    identity.asked("wx-1").await.unwrap();
    lutong_testing::tamper(&identity.1, "UPDATE accounts SET disabled = TRUE").await;
    assert_eq!(
        identity.asked("wx-1").await.unwrap_err().reason,
        "ACCOUNT_DISABLED"
    );
    let refused = identity.asked("wx 1").await.unwrap_err();
    assert_eq!(refused.violations[0].reason, "ACCOUNT_ID_SHAPE");
}
