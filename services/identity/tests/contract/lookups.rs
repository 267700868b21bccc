//! Who looked at whose data: `RecordLookups`, `ListLookups`, `InspectLookups`.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1 as wire;
use lutong_proto::policy::{Caller, DataClass, Role};
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_testing::{Bed, citizen, on_both_engines, violations};
use lutong_transport::access::{Principal, Roles};
use lutong_transport::client::{Call, MeshChannel};
use wire::lookup_service_client::LookupServiceClient;

use crate::merges::by_id;
use crate::{Identity, ONE, TWO, items, reason, start};

on_both_engines!(
    a_person_reads_who_looked_and_no_name_of_staff,
    a_lookup_told_again_is_there_once,
    lookups_of_whoever_is_the_same_person_are_read_together,
    an_auditor_who_reads_the_ledger_stands_in_it,
    a_supervisor_who_reads_a_merge_stands_in_the_ledgers_of_both,
    a_lookup_of_nobody_is_named_and_nothing_is_stored,
);

fn lookup(n: u32, subject: &str) -> wire::InspectedLookup {
    let id = format!("00000000-{n:04}-7000-8000-000000000001");
    wire::InspectedLookup {
        lookup: Some(wire::Lookup {
            name: format!("subjects/{subject}/lookups/{id}"),
            lookup_id: id,
            look_time: Some(time::from_micros(i64::from(n))),
            role: Role::HealthOfficer.into(),
            division: "370202".to_owned(),
            purpose: Some(types::Purpose {
                code: types::PurposeCode::Management.into(),
                reference: "青疾控〔2022〕7号".to_owned(),
            }),
            classes: vec![DataClass::Decisions.into()],
        }),
        subject_id: subject.to_owned(),
        account: "officer-wang".to_owned(),
        rpc: "lutong.risk_rules.v1.HistoryService/InspectDecisions".to_owned(),
    }
}

fn auditor() -> Principal {
    Principal {
        account: "audit-1".to_owned(),
        roles: Roles::of(&[Role::Auditor]),
        subject: None,
        division: None,
        feed: None,
        desks: Vec::new(),
    }
}

impl Identity {
    fn lookups(&self, caller: Caller) -> LookupServiceClient<MeshChannel> {
        LookupServiceClient::new(self.0.channel(ServiceName::Identity, caller))
    }

    /// What a person's ledger has, once there are so many.
    pub async fn ledger_of(&self, person: &Principal, count: usize) -> Vec<wire::Lookup> {
        let mut seen = Vec::new();
        for _ in 0..400 {
            let request = self
                .0
                .call_as(person)
                .request(wire::ListLookupsRequest::default());
            let answer = self.lookups(Caller::Gateway).list_lookups(request).await;
            seen = answer.unwrap().into_inner().lookups;
            if seen.len() == count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        seen
    }

    async fn record(&self, lookups: Vec<wire::InspectedLookup>) -> Result<(), Fault> {
        let request =
            Call::background(Duration::from_secs(5)).request(wire::RecordLookupsRequest { lookups });
        let answer = self.lookups(Caller::RiskRules).record_lookups(request).await;
        answer.map(|_| ()).map_err(|status| reason(&status))
    }

    /// A page of two for an account that holds `subject`.
    async fn looks(
        &self,
        subject: Option<&str>,
        page_token: &str,
    ) -> Result<(Vec<wire::Lookup>, String), Fault> {
        let person = citizen("wx-1", subject.map(|subject| subject.parse().unwrap()));
        let request = self.0.call_as(&person).request(wire::ListLookupsRequest {
            page_size: 2,
            page_token: page_token.to_owned(),
        });
        let answer = self.lookups(Caller::Gateway).list_lookups(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map(|answer| (answer.lookups, answer.next_page_token))
            .map_err(|status| reason(&status))
    }

    /// The lookups of a person, once there are so many.
    async fn looks_until(&self, subject: &str, count: usize) -> Vec<wire::Lookup> {
        let waiting = async {
            loop {
                let (shown, _) = self.looks(Some(subject), "").await.unwrap();
                if shown.len() == count {
                    return shown;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waiting)
            .await
            .unwrap()
    }

    async fn inspect(&self, subject: &str) -> Result<Vec<wire::InspectedLookup>, Fault> {
        let request = self.0.call_as(&auditor()).request(wire::InspectLookupsRequest {
            subject_id: subject.to_owned(),
            purpose: Some(types::Purpose {
                code: types::PurposeCode::Audit.into(),
                reference: String::new(),
            }),
            ..wire::InspectLookupsRequest::default()
        });
        let answer = self.lookups(Caller::Gateway).inspect_lookups(request).await;
        answer
            .map(|answer| answer.into_inner().lookups)
            .map_err(|status| reason(&status))
    }
}

async fn a_person_reads_who_looked_and_no_name_of_staff(bed: Bed) {
    let identity = start(bed).await;
    let one = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let two = identity.register("wx-2", 2, items("李小红", TWO)).await.unwrap();
    let told = [(1, &one), (2, &two), (3, &one), (4, &one)].map(|(n, subject)| lookup(n, subject));
    identity.record(told.to_vec()).await.unwrap();
    let (first, next) = identity.looks(Some(&one), "").await.unwrap();
    let (last, end) = identity.looks(Some(&one), &next).await.unwrap();
    assert_eq!(end, "");
    let shown: Vec<_> = first.into_iter().chain(last).collect();
    let own = [4, 3, 1].map(|n| lookup(n, &one).lookup.unwrap());
    assert_eq!(shown, own, "the newest first");
    assert!(!format!("{shown:?}").contains("officer-wang"));
    assert_eq!(
        identity.looks(None, "").await.unwrap_err().reason,
        "CODE_NOT_FOUND"
    );
    let foreign = identity.looks(Some(&one), "of another list").await.unwrap_err();
    assert_eq!(violations(&foreign), ["page_token PAGE_TOKEN_FOREIGN"]);
    // What names the account, the purpose or the office is encrypted.
    let stored = lutong_testing::bytes(&identity.1, "lookups", "content").await;
    for text in ["officer-wang", "青疾控", "370202"] {
        assert!(!stored.windows(text.len()).any(|part| part == text.as_bytes()));
    }
}

async fn a_lookup_told_again_is_there_once(bed: Bed) {
    let identity = start(bed).await;
    let one = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    identity.record(vec![lookup(1, &one)]).await.unwrap();
    // The answer was lost, and another one has joined the batch.
    identity
        .record(vec![lookup(1, &one), lookup(2, &one)])
        .await
        .unwrap();
    let (shown, _) = identity.looks(Some(&one), "").await.unwrap();
    assert_eq!(shown.len(), 2);
    assert_eq!(lutong_testing::rows(&identity.1, "lookups").await, 2);
}

async fn lookups_of_whoever_is_the_same_person_are_read_together(bed: Bed) {
    let identity = start(bed).await;
    let one = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let two = identity.register("wx-2", 2, items("李小红", TWO)).await.unwrap();
    identity
        .record(vec![lookup(1, &one), lookup(2, &two)])
        .await
        .unwrap();
    let merge = identity.merge(3, by_id(&two), by_id(&one)).await.unwrap();
    assert_eq!(identity.looks(Some(&one), "").await.unwrap().0.len(), 2);
    identity.undo(4, &merge.name).await.unwrap();
    assert_eq!(identity.looks(Some(&one), "").await.unwrap().0.len(), 1);
}

async fn an_auditor_who_reads_the_ledger_stands_in_it(bed: Bed) {
    let identity = start(bed).await;
    let one = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    identity.record(vec![lookup(1, &one)]).await.unwrap();
    let seen = identity.inspect(&one).await.unwrap();
    assert_eq!(seen, [lookup(1, &one)], "with the account");
    let shown = identity.looks_until(&one, 2).await;
    assert_eq!(shown[0].role(), Role::Auditor);
    assert_eq!(shown[0].classes().collect::<Vec<_>>(), [DataClass::Lookups]);
    assert_eq!(shown[0].division, "");
    let wrong = identity.inspect("nobody").await.unwrap_err();
    assert_eq!(violations(&wrong), ["subject_id UUID_SHAPE"]);
}

async fn a_supervisor_who_reads_a_merge_stands_in_the_ledgers_of_both(bed: Bed) {
    let identity = start(bed).await;
    let one = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let two = identity.register("wx-2", 2, items("王小明", TWO)).await.unwrap();
    let merge = identity.merge(10, by_id(&one), by_id(&two)).await.unwrap();
    // Both read the same ledger from now on; a list without anybody in it is nobody's lookup.
    identity.read_merge(&merge.name).await.unwrap();
    for subject in [&one, &two] {
        let shown = identity.looks_until(subject, 2).await;
        assert!(
            shown.iter().all(|look| look.role() == Role::Supervisor),
            "{shown:?}"
        );
        assert_eq!(shown[0].classes().collect::<Vec<_>>(), [DataClass::Merges]);
    }
}

async fn a_lookup_of_nobody_is_named_and_nothing_is_stored(bed: Bed) {
    let identity = start(bed).await;
    let one = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let nobody = wire::InspectedLookup {
        subject_id: "nobody".to_owned(),
        ..lookup(2, &one)
    };
    let wrong = identity.record(vec![lookup(1, &one), nobody]).await.unwrap_err();
    assert_eq!(violations(&wrong), ["lookups[1].subject_id UUID_SHAPE"]);
    let mut nameless = lookup(1, &one);
    nameless.lookup = None;
    let wrong = identity.record(vec![nameless]).await.unwrap_err();
    assert_eq!(violations(&wrong), ["lookups[0].lookup.lookup_id UUID_SHAPE"]);
    assert_eq!(lutong_testing::rows(&identity.1, "lookups").await, 0);
}
