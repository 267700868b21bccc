//! `PartnerService`: states of partners, proposed by one operator and approved by another.

use lutong_kernel::{Colour, Fault, FaultCode, ServiceName};
use lutong_proto::federation::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_testing::{Bed, on_both_engines, tamper};
use lutong_transport::access::Principal;
use lutong_transport::client::MeshChannel;
use wire::PartnerState::{Damaged, Live, Pilot, Suspended, Test};
use wire::partner_service_client::PartnerServiceClient;

use crate::partner_codes::verify;
use crate::{Federation, fault, metadata, next_request_id, operator, shown, staff, start};

on_both_engines!(
    a_partner_is_suspended_by_two_operators_and_its_codes_are_refused,
    a_partner_comes_back_through_its_pilot,
    a_step_on_a_partner_is_refused_with_its_reason,
    a_partner_whose_row_was_changed_is_not_believed,
    a_repeated_step_on_a_partner_is_done_once,
    partners_are_read_by_state_in_pages,
    only_operators_move_partners,
);

fn one() -> Principal {
    operator("operator-1")
}

fn two() -> Principal {
    operator("operator-2")
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Propose(wire::PartnerState),
    Approve,
    Reject,
}

impl Federation {
    fn partners(&self) -> PartnerServiceClient<MeshChannel> {
        PartnerServiceClient::new(self.bed.channel(ServiceName::Federation, Caller::Gateway))
    }

    async fn step_with(
        &self,
        who: &Principal,
        id: &str,
        (name, etag): (&str, &str),
        step: Step,
    ) -> Result<wire::Partner, Fault> {
        let (request_id, name, etag) = (id.to_owned(), name.to_owned(), etag.to_owned());
        let (call, mut client) = (self.bed.call_as(who), self.partners());
        let done = match step {
            Step::Propose(state) => {
                let request = wire::ProposePartnerRequest {
                    request_id,
                    name,
                    etag,
                    proposed_state: state.into(),
                    reason: "密钥疑似泄露".to_owned(),
                };
                let answer = client.propose_partner(call.request(request)).await;
                answer.map(|answer| answer.into_inner().partner)
            }
            Step::Approve => {
                let request = wire::ApprovePartnerRequest {
                    request_id,
                    name,
                    etag,
                };
                let answer = client.approve_partner(call.request(request)).await;
                answer.map(|answer| answer.into_inner().partner)
            }
            Step::Reject => {
                let request = wire::RejectPartnerRequest {
                    request_id,
                    name,
                    etag,
                };
                let answer = client.reject_partner(call.request(request)).await;
                answer.map(|answer| answer.into_inner().partner)
            }
        };
        done.map(Option::unwrap).map_err(|status| fault(&status))
    }

    async fn step(&self, who: &Principal, partner: &str, step: Step) -> Result<wire::Partner, Fault> {
        let name = format!("partners/{partner}");
        self.step_with(who, &next_request_id(), (&name, ""), step).await
    }

    pub async fn propose(&self, partner: &str, state: wire::PartnerState) -> Result<wire::Partner, Fault> {
        self.step(&one(), partner, Step::Propose(state)).await
    }

    /// Both operators move a partner.
    pub async fn move_to(&self, partner: &str, state: wire::PartnerState) -> wire::Partner {
        self.propose(partner, state).await.unwrap();
        self.step(&two(), partner, Step::Approve).await.unwrap()
    }

    pub async fn partner(&self, partner: &str) -> Result<wire::Partner, Fault> {
        self.get(&one(), &format!("partners/{partner}")).await
    }

    async fn get(&self, who: &Principal, name: &str) -> Result<wire::Partner, Fault> {
        let request = wire::GetPartnerRequest {
            name: name.to_owned(),
        };
        let answer = self
            .partners()
            .get_partner(self.bed.call_as(who).request(request))
            .await;
        answer
            .map(|answer| answer.into_inner().partner.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn list_partners(
        &self,
        request: wire::ListPartnersRequest,
    ) -> Result<(Vec<String>, String), Fault> {
        let answer = self
            .partners()
            .list_partners(self.bed.call_as(&one()).request(request))
            .await;
        let answer = answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))?;
        let ids = answer.partners.into_iter().map(|partner| partner.partner_id);
        Ok((ids.collect(), answer.next_page_token))
    }

    fn green(&self) -> String {
        shown(&self.jiangsu, "32", self.now(), Colour::Green)
    }
}

async fn a_partner_is_suspended_by_two_operators_and_its_codes_are_refused(bed: Bed) {
    let federation = start(bed).await;
    let live = federation.partner("32").await.unwrap();
    assert_eq!((live.state(), &*live.display_name), (Live, "江苏"));
    assert_eq!(live.keys[0].key_id, federation.jiangsu.kid().to_string());
    assert_eq!(
        (live.interface.as_str(), live.approval.is_none()),
        ("lutong-1", true)
    );
    let proposed = federation.propose("32", Suspended).await.unwrap();
    assert_eq!((proposed.state(), proposed.proposed_state()), (Live, Suspended));
    assert_eq!(proposed.proposal_reason, "密钥疑似泄露");
    assert_eq!(proposed.approval.unwrap().proposer, "operator-1");
    verify(&federation.bed, &federation.green()).await.unwrap();
    let own = federation.step(&one(), "32", Step::Approve).await.unwrap_err();
    assert_eq!(
        (own.code, &*own.reason),
        (FaultCode::FailedPrecondition, "OWN_PROPOSAL")
    );
    let suspended = federation.step(&two(), "32", Step::Approve).await.unwrap();
    assert_eq!(suspended.state(), Suspended);
    let approval = suspended.approval.unwrap();
    assert_eq!(
        (&*approval.proposer, &*approval.approver, &*approval.closer),
        ("operator-1", "operator-2", "")
    );
    let refused = verify(&federation.bed, &federation.green()).await.unwrap_err();
    assert_eq!(&*refused.reason, "PARTNER_CODE_REFUSED");
    assert_eq!(metadata(&refused, "outcome"), "NOT_RECOGNISED");
    assert_eq!(metadata(&refused, "state"), "SUSPENDED");
    let recorded = lutong_testing::texts(&federation.storage, "verifications", "outcome", "id").await;
    assert_eq!(recorded, ["VALID", "NOT_RECOGNISED"]);
    // Another partner is not touched.
    assert_eq!(federation.partner("33").await.unwrap().state(), Live);
}

async fn a_partner_comes_back_through_its_pilot(bed: Bed) {
    let federation = start(bed).await;
    federation.move_to("32", Suspended).await;
    let refused = federation.propose("32", Live).await.unwrap_err();
    assert_eq!(&*refused.reason, "WRONG_STATE");
    for (state, counts) in [
        (Test, false),
        (Pilot, true),
        (Live, true),
        (Pilot, true),
        (Test, false),
    ] {
        assert_eq!(federation.move_to("32", state).await.state(), state);
        let verified = verify(&federation.bed, &federation.green()).await;
        assert_eq!(verified.is_ok(), counts, "{state:?}");
    }
}

async fn a_step_on_a_partner_is_refused_with_its_reason(bed: Bed) {
    let federation = start(bed).await;
    for step in [Step::Approve, Step::Reject] {
        let refused = federation.step(&two(), "32", step).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::FailedPrecondition, "PROPOSAL_NOT_FOUND")
        );
    }
    let wrong = federation.propose("32", Test).await.unwrap_err();
    let allowed = metadata(&wrong, "allowed");
    assert_eq!((&*wrong.reason, allowed), ("WRONG_STATE", "PILOT,SUSPENDED"));
    let before = federation.partner("32").await.unwrap();
    federation.propose("32", Pilot).await.unwrap();
    let named = ("partners/32", &*before.etag);
    for step in [Step::Propose(Suspended), Step::Approve, Step::Reject] {
        let stale = federation
            .step_with(&two(), &next_request_id(), named, step)
            .await
            .unwrap_err();
        assert_eq!((stale.code, &*stale.reason), (FaultCode::Aborted, "STALE"));
    }
    let rejected = federation.step(&two(), "32", Step::Reject).await.unwrap();
    assert_eq!(
        (rejected.state(), rejected.proposed_state().into()),
        (Live, 0_i32)
    );
    assert_eq!(rejected.approval.unwrap().closer, "operator-2");
    for step in [Step::Propose(Suspended), Step::Approve, Step::Reject] {
        for unknown in ["44", "37", "320000", "x"] {
            let refused = federation.step(&two(), unknown, step).await.unwrap_err();
            assert_eq!(&*refused.reason, "PARTNER_NOT_FOUND", "{unknown}");
        }
        let refused = federation
            .step_with(&two(), &next_request_id(), ("", ""), step)
            .await
            .unwrap_err();
        assert_eq!(&*refused.reason, "INVALID_FIELDS");
    }
    let refused = federation.propose("32", Damaged).await.unwrap_err();
    assert_eq!(
        lutong_testing::violations(&refused),
        ["proposed_state STATE_NOT_PROPOSABLE"]
    );
    assert_eq!(
        &*federation.partner("44").await.unwrap_err().reason,
        "PARTNER_NOT_FOUND"
    );
    let refused = federation.get(&one(), "x").await.unwrap_err();
    assert_eq!(&*refused.reason, "INVALID_FIELDS");
}

async fn a_partner_whose_row_was_changed_is_not_believed(bed: Bed) {
    let federation = start(bed).await;
    federation.move_to("32", Suspended).await;
    tamper(
        &federation.storage,
        "UPDATE partners SET state = 'LIVE' WHERE partner = '32'",
    )
    .await;
    assert_eq!(federation.partner("32").await.unwrap().state(), Damaged);
    // Whoever else changes something here reads the row anew, as every replica does after two seconds.
    federation.propose("33", Suspended).await.unwrap();
    let refused = verify(&federation.bed, &federation.green()).await.unwrap_err();
    assert_eq!(metadata(&refused, "state"), "DAMAGED");
    let damaged = wire::ListPartnersRequest {
        state: Damaged.into(),
        ..Default::default()
    };
    assert_eq!(federation.list_partners(damaged).await.unwrap().0, ["32"]);
    // Two operators repair it, and not to where it was moved.
    let refused = federation.propose("32", Live).await.unwrap_err();
    assert_eq!(&*refused.reason, "WRONG_STATE");
    assert_eq!(federation.move_to("32", Suspended).await.state(), Suspended);
    // A proposal that nobody made is none.
    tamper(
        &federation.storage,
        "UPDATE partners SET proposed_state = 'PILOT', proposed_by = 'x', proposed_at = 1 WHERE partner = '32'",
    )
    .await;
    let refused = federation.step(&two(), "32", Step::Approve).await.unwrap_err();
    assert_eq!(&*refused.reason, "PROPOSAL_NOT_FOUND");
}

async fn a_repeated_step_on_a_partner_is_done_once(bed: Bed) {
    let federation = start(bed).await;
    let named = ("partners/32", "");
    let steps = [
        (one(), Step::Propose(Suspended)),
        (one(), Step::Reject),
        (one(), Step::Propose(Suspended)),
        (two(), Step::Approve),
    ];
    for (who, step) in steps {
        let id = next_request_id();
        let done = federation.step_with(&who, &id, named, step).await.unwrap();
        let again = federation.step_with(&who, &id, named, step).await.unwrap();
        assert_eq!(done, again);
        let other = ("partners/33", "");
        let reused = federation.step_with(&who, &id, other, step).await.unwrap_err();
        assert_eq!(&*reused.reason, "REQUEST_ID_REUSED");
    }
}

async fn partners_are_read_by_state_in_pages(bed: Bed) {
    let federation = start(bed).await;
    federation.move_to("33", Suspended).await;
    let live = wire::ListPartnersRequest {
        state: Live.into(),
        ..Default::default()
    };
    assert_eq!(federation.list_partners(live).await.unwrap().0, ["32", "41"]);
    let page = |page_token: &str| wire::ListPartnersRequest {
        page_size: 2,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    let (ids, token) = federation.list_partners(page("")).await.unwrap();
    assert_eq!(ids, ["32", "33"]);
    let last = federation.list_partners(page(&token)).await.unwrap();
    assert_eq!(last, (vec!["41".to_owned()], String::new()));
    let refused = federation.list_partners(page("x")).await.unwrap_err();
    assert_eq!(&*refused.reason, "INVALID_FIELDS");
}

async fn only_operators_move_partners(bed: Bed) {
    let federation = start(bed).await;
    for role in [Role::Auditor, Role::Supervisor] {
        let who = staff("x", role);
        for step in [Step::Propose(Suspended), Step::Approve, Step::Reject] {
            let refused = federation.step(&who, "32", step).await.unwrap_err();
            assert_eq!(refused.code, FaultCode::PermissionDenied);
        }
        let seen = federation.get(&who, "partners/32").await.unwrap();
        assert!(seen.allowed_actions.is_empty());
    }
    let refused = federation
        .get(&staff("x", Role::HealthOfficer), "partners/32")
        .await
        .unwrap_err();
    assert_eq!(refused.code, FaultCode::PermissionDenied);
}
