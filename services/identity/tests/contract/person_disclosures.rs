//! `PersonDisclosureService`: name and document for which the national platform is asked.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1 as wire;
use lutong_proto::policy::{Caller, DataClass};
use lutong_proto::types::v1::{Purpose, PurposeCode};
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::client::Call;
use wire::person_disclosure_service_client::PersonDisclosureServiceClient;

use crate::{Identity, ONE, items, reason, start};

on_both_engines!(a_document_is_disclosed_to_declaration_alone_and_the_person_sees_it);

/// Nobody's subject.
const NOBODY: &str = "0193a3c0-0000-7000-8000-00000000dead";

impl Identity {
    async fn disclose(
        &self,
        caller: Caller,
        call: Call,
        subject: &str,
    ) -> Result<wire::DiscloseDocumentResponse, Fault> {
        let request = call.request(wire::DiscloseDocumentRequest {
            subject_id: subject.to_owned(),
            purpose: Some(Purpose {
                code: PurposeCode::Recognition.into(),
                reference: "partners/00".to_owned(),
            }),
        });
        let channel = self.0.channel(ServiceName::Identity, caller);
        let answer = PersonDisclosureServiceClient::new(channel)
            .disclose_document(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| reason(&status))
    }
}

async fn a_document_is_disclosed_to_declaration_alone_and_the_person_sees_it(bed: Bed) {
    let identity = start(bed).await;
    let subject = identity.register("wx-1", 1, items("王小明", ONE)).await.unwrap();
    let background = || Call::background(Duration::from_secs(5));
    let disclosed = identity
        .disclose(Caller::Declaration, background(), &subject)
        .await
        .unwrap();
    assert_eq!(
        (
            disclosed.full_name.as_str(),
            disclosed.document.unwrap().number.as_str()
        ),
        ("王小明", ONE)
    );
    assert_eq!(disclosed.subject_id, subject);
    for (wrong, named) in [("", "subject_id MISSING"), ("wx-1", "subject_id UUID_SHAPE")] {
        let refused = identity
            .disclose(Caller::Declaration, background(), wrong)
            .await
            .unwrap_err();
        assert_eq!(violations(&refused), [named]);
    }
    let unknown = identity
        .disclose(Caller::Declaration, background(), NOBODY)
        .await
        .unwrap_err();
    assert_eq!(&*unknown.reason, "SUBJECT_NOT_FOUND");
    // Neither another service nor the person's own account.
    let person = lutong_testing::citizen("wx-1", Some(subject.parse().unwrap()));
    let own = identity
        .disclose(Caller::Declaration, identity.0.call_as(&person), &subject)
        .await;
    let other = identity
        .disclose(Caller::Federation, background(), &subject)
        .await;
    for refused in [own, other] {
        assert_eq!(
            refused.unwrap_err().code,
            lutong_kernel::FaultCode::PermissionDenied
        );
    }
    let seen = identity.ledger_of(&person, 1).await;
    assert_eq!(seen.len(), 1, "what was refused was not looked at");
    assert_eq!(seen[0].classes, [i32::from(DataClass::Identity)]);
    let purpose = seen[0].purpose.clone().unwrap();
    assert_eq!(
        (purpose.code(), purpose.reference.as_str()),
        (PurposeCode::Recognition, "partners/00")
    );
}
