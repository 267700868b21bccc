//! Applications that a binder makes for a ward: the ward gets a code, the binder sees how far it has come, and nobody else does.

use std::time::Duration;

use lutong_kernel::{Fault, FaultCode, ServiceName};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::declaration::v1::ward_application_service_client::WardApplicationServiceClient;
use lutong_proto::policy::Caller;
use lutong_testing::{Bed, citizen, on_both_engines, violations};
use lutong_transport::access::Principal;
use lutong_transport::client::MeshChannel;
use wire::DeclarationState;

use crate::{Declaration, alone, form, request_id, start, stay};

on_both_engines!(
    a_ward_gets_a_code_by_the_application_of_the_binder,
    what_is_wrong_with_an_application_for_a_ward_stores_nothing,
    an_application_for_a_ward_sent_again_is_answered_alike,
    without_identity_nobody_applies_for_a_ward,
    binders_see_what_they_applied_for_and_nobody_else_does,
);

type CallResult<T> = Result<T, Fault>;

const BINDING: &str = "bindings/00000000-0000-7000-8000-00000000b001";
const OTHER_BINDING: &str = "bindings/00000000-0000-7000-8000-00000000b002";

impl Declaration {
    fn wards(&self) -> WardApplicationServiceClient<MeshChannel> {
        WardApplicationServiceClient::new(self.bed.channel(ServiceName::Declaration, Caller::Gateway))
    }

    /// The binder, who is a registered person.
    fn binder(&self) -> Principal {
        citizen("wx-1", Some(self.identity.subject("binder").parse().unwrap()))
    }

    async fn apply_for_ward(
        &self,
        who: &Principal,
        n: u32,
        binding: &str,
        contact_history: Vec<wire::ContactEntry>,
    ) -> CallResult<wire::WardApplication> {
        let request = wire::CreateWardApplicationRequest {
            request_id: request_id(n),
            binding: binding.to_owned(),
            contact_history,
            commitment: form().commitment,
        };
        self.send_for_ward(who, request).await
    }

    async fn send_for_ward(
        &self,
        who: &Principal,
        request: wire::CreateWardApplicationRequest,
    ) -> CallResult<wire::WardApplication> {
        let request = self.bed.call_as(who).request(request);
        let answer = self.wards().create_ward_application(request).await;
        answer
            .map(|answer| answer.into_inner().ward_application.unwrap())
            .map_err(|status| crate::fault(&status))
    }

    async fn ward_application(&self, who: &Principal, name: &str) -> CallResult<wire::WardApplication> {
        let name = name.to_owned();
        let request = self
            .bed
            .call_as(who)
            .request(wire::GetWardApplicationRequest { name });
        let answer = self.wards().get_ward_application(request).await;
        answer
            .map(|answer| answer.into_inner().ward_application.unwrap())
            .map_err(|status| crate::fault(&status))
    }

    async fn list_for_wards(
        &self,
        who: &Principal,
        page_size: i32,
        page_token: &str,
    ) -> CallResult<(Vec<wire::WardApplication>, String)> {
        let request = self.bed.call_as(who).request(wire::ListWardApplicationsRequest {
            page_size,
            page_token: page_token.to_owned(),
        });
        let answer = self.wards().list_ward_applications(request).await;
        let answer = answer.map_err(|status| crate::fault(&status))?.into_inner();
        Ok((answer.ward_applications, answer.next_page_token))
    }
}

async fn a_ward_gets_a_code_by_the_application_of_the_binder(bed: Bed) {
    let declaration = start(bed).await;
    let binder = declaration.binder();
    let created = declaration
        .apply_for_ward(&binder, 1, BINDING, vec![stay("2022-11-20")])
        .await
        .unwrap();
    let ward = declaration.identity.subject(BINDING);
    assert_eq!(created.state(), DeclarationState::InForce);
    assert_eq!(created.subject_id, ward);
    assert_eq!(
        created.name,
        format!("ward-applications/{}", created.ward_application_id)
    );
    assert!(created.create_time.is_some());
    assert_eq!(created.commitment_version, "2020-02");
    assert!(!created.commitment_digest.is_empty());
    // The ward is enrolled, with what was stated, and nobody is registered by it.
    assert_eq!(declaration.risk_rules.enrolled(), std::slice::from_ref(&ward));
    assert_eq!(declaration.risk_rules.stored().len(), 1);
    assert_eq!(declaration.identity.registered(), 0);
    let events = declaration.published_events(1).await;
    assert_eq!(events[0].declaration, created.name);
}

async fn what_is_wrong_with_an_application_for_a_ward_stores_nothing(bed: Bed) {
    let declaration = start(bed).await;
    let binder = declaration.binder();
    let refused = declaration
        .apply_for_ward(&binder, 1, BINDING, vec![stay("2022-10-01")])
        .await
        .unwrap_err();
    let named = violations(&refused);
    assert!(
        named[0].starts_with("contact_history[0].contact_date"),
        "{named:?}"
    );
    let unsigned = wire::CreateWardApplicationRequest {
        request_id: request_id(2),
        binding: BINDING.to_owned(),
        contact_history: Vec::new(),
        commitment: Some(wire::Commitment {
            accepted: true,
            text_version: "1999-01".to_owned(),
        }),
    };
    let refused = declaration.send_for_ward(&binder, unsigned).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        ["commitment.text_version COMMITMENT_UNKNOWN"]
    );
    let refused = declaration
        .apply_for_ward(&binder, 3, "nonsense", Vec::new())
        .await;
    assert_eq!(violations(&refused.unwrap_err()), ["binding NAME_SHAPE"]);
    for reason in ["BINDING_NOT_FOUND", "WRONG_STATE", "WARD_HAS_ACCOUNT"] {
        let code = if reason == "BINDING_NOT_FOUND" {
            FaultCode::NotFound
        } else {
            FaultCode::FailedPrecondition
        };
        declaration
            .identity
            .refuses(Fault::new(code, reason, "不可代办", "not for this ward"));
        let refused = declaration.apply_for_ward(&binder, 4, BINDING, Vec::new()).await;
        assert_eq!(refused.unwrap_err().reason, reason);
    }
    assert_eq!(declaration.stored().await, [0, 0, 0]);
}

async fn an_application_for_a_ward_sent_again_is_answered_alike(bed: Bed) {
    let declaration = start(bed).await;
    let binder = declaration.binder();
    // Twice at once, as after a lost answer.
    let (one, two) = tokio::join!(
        declaration.apply_for_ward(&binder, 1, BINDING, Vec::new()),
        declaration.apply_for_ward(&binder, 1, BINDING, Vec::new()),
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.name, two.name);
    let reused = declaration
        .apply_for_ward(&binder, 1, OTHER_BINDING, Vec::new())
        .await;
    assert_eq!(reused.unwrap_err().reason, "REQUEST_ID_REUSED");
    // Also when the binding is over by now.
    declaration.identity.refuses(Fault::new(
        FaultCode::FailedPrecondition,
        "WRONG_STATE",
        "已解除",
        "it is over",
    ));
    let again = declaration.apply_for_ward(&binder, 1, BINDING, Vec::new()).await;
    assert_eq!(again.unwrap().name, one.name);
    assert_eq!(declaration.stored().await, [1, 1, 1]);
}

async fn without_identity_nobody_applies_for_a_ward(bed: Bed) {
    let declaration = alone(bed).await;
    let binder = citizen("wx-1", Some(request_id(7).parse().unwrap()));
    let refused = declaration.apply_for_ward(&binder, 1, BINDING, Vec::new()).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.reason, "PART_UNAVAILABLE");
    assert!(refused.retry_after.is_some());
    assert_eq!(declaration.stored().await, [0, 0, 0]);
}

async fn binders_see_what_they_applied_for_and_nobody_else_does(bed: Bed) {
    let declaration = start(bed).await;
    let binder = declaration.binder();
    let first = declaration.apply_for_ward(&binder, 1, BINDING, Vec::new()).await;
    let first = first.unwrap();
    declaration.bed.clock.advance(Duration::from_secs(1));
    declaration.risk_rules.code_rendering_is_away(true);
    let second = declaration
        .apply_for_ward(&binder, 2, OTHER_BINDING, Vec::new())
        .await
        .unwrap();
    assert_eq!(second.state(), DeclarationState::Pending);
    // Asking pushes what is pending.
    declaration.risk_rules.code_rendering_is_away(false);
    let second = declaration.ward_application(&binder, &second.name).await.unwrap();
    assert_eq!(second.state(), DeclarationState::InForce);
    let (page, next) = declaration.list_for_wards(&binder, 1, "").await.unwrap();
    assert_eq!(page, [second]);
    let (page, next) = declaration.list_for_wards(&binder, 1, &next).await.unwrap();
    assert_eq!((page, next.as_str()), (vec![first.clone()], ""));
    let refused = declaration.list_for_wards(&binder, 1, "nonsense").await;
    assert_eq!(refused.unwrap_err().reason, "INVALID_FIELDS");
    let refused = declaration.ward_application(&binder, "nonsense").await;
    assert_eq!(violations(&refused.unwrap_err()), ["name NAME_SHAPE"]);
    // They are no applications of the binder's own, and not another account's.
    assert!(declaration.own_applications(&binder).await.is_empty());
    let as_own = format!("applications/{}", first.ward_application_id);
    let refused = declaration.application(&binder, &as_own).await;
    assert_eq!(refused.unwrap_err().reason, "DECLARATION_NOT_FOUND");
    let ward = declaration.identity.subject(BINDING).parse().unwrap();
    for other in [citizen("wx-2", None), citizen("wx-3", Some(ward))] {
        let refused = declaration.ward_application(&other, &first.name).await;
        assert_eq!(refused.unwrap_err().reason, "DECLARATION_NOT_FOUND");
        assert!(
            declaration
                .list_for_wards(&other, 0, "")
                .await
                .unwrap()
                .0
                .is_empty()
        );
    }
}
