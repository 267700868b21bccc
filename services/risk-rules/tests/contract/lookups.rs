//! Whoever looks at decisions is written down first, and told to identity.

use lutong_proto::policy::{DataClass, Role};
use lutong_proto::risk_rules::v1 as wire;
use lutong_testing::Bed;
use lutong_testing::on_both_engines;

use crate::designations;
use crate::history::{auditor, purpose, replay_named, some};
use crate::mesh::{Mesh, answered, fault, subject};

on_both_engines!(
    what_an_auditor_reads_is_told_to_whom_it_is_about,
    a_decision_that_cannot_be_written_down_is_not_read,
    an_officer_who_reads_a_designation_is_told_to_whom_it_is_about,
);

fn name(n: u32, version: u32) -> String {
    format!("subjects/{}/decisions/{version}", subject(n))
}

async fn inspect(mesh: &Mesh, n: u32) -> Result<Vec<wire::Decision>, lutong_kernel::Fault> {
    let request = wire::InspectDecisionsRequest {
        subject_id: subject(n).to_string(),
        purpose: Some(purpose()),
        ..wire::InspectDecisionsRequest::default()
    };
    let answer = mesh
        .history()
        .inspect_decisions(mesh.asking(&auditor(), request))
        .await;
    answered(answer).map(|answer| answer.decisions)
}

async fn what_an_auditor_reads_is_told_to_whom_it_is_about(bed: Bed) {
    let mesh = some(bed).await;
    let ledger = mesh.lookups.clone();
    ledger.set_away(true);
    // Several decisions in one answer are one lookup.
    assert_eq!(inspect(&mesh, 1).await.unwrap().len(), 3);
    replay_named(&mesh, name(2, 1)).await.unwrap();
    assert!(inspect(&mesh, 3).await.unwrap().is_empty(), "nobody");
    replay_named(&mesh, name(3, 1)).await.unwrap_err();
    // The process ends before identity is back.
    let mesh = mesh.restarted().await;
    let ledger = mesh.lookups.clone();
    mesh.until("both lookups", async || ledger.told().len() == 2)
        .await;
    let expected = [(1, "InspectDecisions"), (2, "ReplayDecision")];
    let expected = expected.map(|(n, rpc)| (subject(n).to_string(), rpc.to_owned()));
    assert_eq!(ledger.told(), expected);
    let lookup = ledger.all().remove(0);
    let shown = lookup.lookup.unwrap();
    assert_eq!(
        (lookup.account.as_str(), shown.role()),
        ("audit-1", Role::Auditor)
    );
    assert_eq!(shown.purpose, Some(purpose()));
    assert_eq!(shown.classes().collect::<Vec<_>>(), [DataClass::Decisions]);
    assert_eq!(
        shown.name,
        format!("subjects/{}/lookups/{}", subject(1), shown.lookup_id)
    );
}

async fn a_decision_that_cannot_be_written_down_is_not_read(bed: Bed) {
    let mesh = some(bed).await;
    mesh.tamper("DROP TABLE lookups_to_deliver").await;
    assert_eq!(inspect(&mesh, 1).await.unwrap_err().reason, "INTERNAL");
    assert!(inspect(&mesh, 3).await.unwrap().is_empty());
    let request = wire::InspectDecisionRequest {
        name: name(1, 1),
        purpose: Some(purpose()),
    };
    let refused = mesh
        .history()
        .inspect_decision(mesh.asking(&auditor(), request))
        .await
        .unwrap_err();
    assert_eq!(fault(&refused).reason, "INTERNAL");
}

async fn an_officer_who_reads_a_designation_is_told_to_whom_it_is_about(bed: Bed) {
    let mesh = designations::resident(bed).await;
    let officer = designations::officer("officer-1", "370202");
    let proposal = designations::proposal(&mesh, 1, 14);
    let name = designations::propose(&mesh, &officer, proposal).await.unwrap();
    designations::get(&mesh, &officer, &name).await.unwrap();
    designations::list_all(&mesh, &officer).await.unwrap();
    let elsewhere = designations::officer("officer-2", "370203");
    designations::get(&mesh, &elsewhere, &name).await.unwrap_err();
    assert!(
        designations::list_all(&mesh, &elsewhere)
            .await
            .unwrap()
            .is_empty()
    );
    let ledger = mesh.lookups.clone();
    mesh.until("both lookups", async || ledger.told().len() == 2)
        .await;
    let expected = ["GetDesignation", "ListDesignations"];
    assert_eq!(
        ledger.told(),
        expected.map(|rpc| (subject(1).to_string(), rpc.to_owned()))
    );
    let shown = ledger.all().remove(0).lookup.unwrap();
    assert_eq!(shown.classes().collect::<Vec<_>>(), [DataClass::Designations]);
    assert_eq!(shown.division, "370202");
}
