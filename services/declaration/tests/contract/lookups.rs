//! Whoever looks at arrivals is written down first, and told to identity.

use std::time::Duration;

use futures::StreamExt as _;
use lutong_proto::policy::{DataClass, Role};
use lutong_testing::Bed;
use lutong_testing::lookups::RecordedLookups;
use lutong_testing::on_both_engines;

use crate::journeys::{arrive, inspect, listed, officer_of, to, watch};
use crate::start;

on_both_engines!(
    whoever_lists_or_watches_arrivals_is_told_to_those_who_arrive,
    what_cannot_be_written_down_is_not_read,
);

async fn told(ledger: &RecordedLookups, count: usize) -> Vec<(String, String)> {
    let waiting = async {
        while ledger.told().len() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap();
    ledger.told()
}

async fn whoever_lists_or_watches_arrivals_is_told_to_those_who_arrive(bed: Bed) {
    let declaration = start(bed).await;
    let ledger = declaration.lookups.clone();
    let officer = officer_of(Some("370202"));
    // Identity is away: what was read is told later.
    ledger.set_away(true);
    let (none, _) = inspect(&declaration, &officer, "370202", "").await.unwrap();
    assert!(none.is_empty());
    let mut stream = watch(&declaration, &officer, "370202", "").await.unwrap();
    assert!(stream.next().await.unwrap().unwrap().arrival.is_none());
    arrive(&declaration, 1, to("370202")).await.unwrap();
    assert!(stream.next().await.unwrap().unwrap().arrival.is_some());
    let (one, _) = inspect(&declaration, &officer, "370202", "").await.unwrap();
    assert_eq!(one.len(), 1);
    ledger.set_away(false);
    let subject = declaration.identity.subject(crate::NUMBER);
    let expected = ["InspectArrivals", "WatchArrivals"].map(|rpc| (subject.clone(), rpc.to_owned()));
    assert_eq!(
        told(&ledger, 2).await,
        expected,
        "who is nobody's is told to nobody"
    );
    let lookup = ledger.all().remove(0);
    let shown = lookup.lookup.unwrap();
    assert_eq!(
        (lookup.account.as_str(), shown.role()),
        ("officer-1", Role::HealthOfficer)
    );
    assert_eq!(shown.division, "370202");
    assert_eq!(shown.classes().collect::<Vec<_>>(), [DataClass::Arrivals]);
    assert!(shown.purpose.is_some() && shown.look_time.is_some());
    // Every read is one of its own; what was delivered is not delivered again.
    listed(&declaration, "370202", 1).await;
    assert_eq!(told(&ledger, 3).await.len(), 3);
    assert_eq!(
        lutong_testing::rows(&declaration.storage, "audit_records").await,
        4,
        "each call is in the audit record too"
    );
}

async fn what_cannot_be_written_down_is_not_read(bed: Bed) {
    let declaration = start(bed).await;
    let ledger = declaration.lookups.clone();
    arrive(&declaration, 1, to("370202")).await.unwrap();
    listed(&declaration, "370202", 1).await;
    told(&ledger, 1).await;
    lutong_testing::tamper(&declaration.storage, "DROP TABLE lookups_to_deliver").await;
    let officer = officer_of(Some("370202"));
    let refused = inspect(&declaration, &officer, "370202", "").await.unwrap_err();
    assert_eq!(refused.reason, "INTERNAL");
    let (elsewhere, _) = inspect(&declaration, &officer_of(Some("370203")), "370203", "")
        .await
        .unwrap();
    assert!(elsewhere.is_empty(), "nobody is in it");
}
