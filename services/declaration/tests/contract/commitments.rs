//! The texts that applicants accept.

use lutong_kernel::{Fault, FaultCode, ServiceName};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::policy::Caller;
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use wire::commitment_service_client::CommitmentServiceClient;

use crate::{Declaration, form, start};

on_both_engines!(
    the_published_texts_are_everybodys_to_read,
    an_application_keeps_the_text_that_was_accepted,
    a_commitment_that_is_not_published_is_accepted_by_nobody,
);

fn client(declaration: &Declaration) -> CommitmentServiceClient<lutong_transport::client::MeshChannel> {
    CommitmentServiceClient::new(declaration.bed.channel(ServiceName::Declaration, Caller::Gateway))
}

async fn get(declaration: &Declaration, name: &str) -> Result<wire::CommitmentText, Fault> {
    let request = wire::GetCommitmentRequest {
        name: name.to_owned(),
    };
    let call = declaration.bed.call_as(&lutong_testing::citizen("wx-1", None));
    let answer = client(declaration).get_commitment(call.request(request)).await;
    answer
        .map(|answer| answer.into_inner().commitment.unwrap())
        .map_err(|status| crate::fault(&status))
}

async fn list(declaration: &Declaration, page_token: &str) -> Result<Vec<wire::CommitmentText>, Fault> {
    let request = wire::ListCommitmentsRequest {
        page_size: 0,
        page_token: page_token.to_owned(),
    };
    let call = declaration.bed.call_as(&lutong_testing::citizen("wx-1", None));
    let answer = client(declaration).list_commitments(call.request(request)).await;
    answer
        .map(|answer| answer.into_inner().commitments)
        .map_err(|status| crate::fault(&status))
}

async fn the_published_texts_are_everybodys_to_read(bed: Bed) {
    let declaration = start(bed).await;
    let text = get(&declaration, "commitments/2020-02").await.unwrap();
    assert_eq!(text.commitment_id, "2020-02");
    assert!(text.text.as_ref().unwrap().zh.contains("法律责任"));
    assert!(text.publish_time.is_some() && text.withdraw_time.is_none());
    assert_eq!(get(&declaration, "commitments/latest").await.unwrap(), text);
    assert_eq!(list(&declaration, "").await.unwrap(), [text]);
    let refused = list(&declaration, "x").await.unwrap_err();
    assert_eq!(violations(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
    let refused = get(&declaration, "texts/2020-02").await.unwrap_err();
    assert_eq!(violations(&refused), ["name NAME_SHAPE"]);
    let refused = get(&declaration, "commitments/1999-01").await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::NotFound, "COMMITMENT_NOT_FOUND")
    );
    // Nothing was published before its day.
    let before = lutong_kernel::Timestamp::parse("2020-02-14T12:00:00+08:00").unwrap();
    declaration.bed.clock.set(before);
    assert!(list(&declaration, "").await.unwrap().is_empty());
    assert!(get(&declaration, "commitments/latest").await.is_err());
}

async fn an_application_keeps_the_text_that_was_accepted(bed: Bed) {
    let declaration = start(bed).await;
    let application = declaration.apply(1, form()).await.unwrap();
    let text = get(&declaration, "commitments/latest").await.unwrap();
    assert_eq!(application.commitment_version, text.commitment_id);
    assert_eq!(application.commitment_digest, text.digest);
    let person = declaration.person("wx-1");
    let asked = declaration.application(&person, &application.name).await.unwrap();
    assert_eq!(asked, application);
}

async fn a_commitment_that_is_not_published_is_accepted_by_nobody(bed: Bed) {
    let declaration = start(bed).await;
    for version in ["2020-03", "latest", "2020-02 "] {
        let mut bad = form();
        bad.commitment = Some(wire::Commitment {
            accepted: true,
            text_version: version.to_owned(),
        });
        let refused = declaration.apply(1, bad).await.unwrap_err();
        assert_eq!(
            violations(&refused),
            ["form.commitment.text_version COMMITMENT_UNKNOWN"],
            "{version}"
        );
    }
    assert_eq!(declaration.stored().await, [0, 0, 0]);
}
