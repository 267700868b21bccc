//! `PartnerDeclarationService`: what people declared at partners is theirs, under the partner's own name, and all of it or nothing.

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::facts::FactKind;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1 as types;
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::Principal;
use wire::fact_row::Statement;
use wire::partner_declaration_service_client::PartnerDeclarationServiceClient;

use crate::fakes::BAD_NUMBER;
use crate::feeds::{fact, row_of, stay};
use crate::{Declaration, NUMBER, alone, document, fault, start};

on_both_engines!(
    a_partner_states_what_people_declare_under_its_own_name_once,
    a_partner_states_nothing_else_and_nothing_of_others,
    a_declaration_is_stored_whole_or_not_at_all,
    without_identity_nothing_is_stored,
);

impl Declaration {
    async fn append(
        &self,
        partner: &str,
        rows: Vec<wire::FactRow>,
    ) -> Result<wire::AppendPartnerDeclarationResponse, Fault> {
        let channel = self.bed.channel(ServiceName::Declaration, Caller::Federation);
        let call = self.bed.call_as(&Principal::service("federation"));
        let request = call.request(wire::AppendPartnerDeclarationRequest {
            partner: partner.to_owned(),
            rows,
        });
        let answer = PartnerDeclarationServiceClient::new(channel)
            .append_partner_declaration(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }
}

fn symptoms(key: &str) -> wire::FactRow {
    row_of("partner-32", key, fact(FactKind::Symptoms))
}

async fn a_partner_states_what_people_declare_under_its_own_name_once(bed: Bed) {
    let declaration = start(bed).await;
    let rows = vec![symptoms("d-1"), stay("partner-32", "d-2/1", "320100")];
    let taken = declaration.append("32", rows.clone()).await.unwrap();
    assert_eq!((taken.accepted, taken.unchanged), (2, 0));
    let again = declaration.append("32", rows).await.unwrap();
    assert_eq!((again.accepted, again.unchanged), (0, 2));
    let stored = declaration.risk_rules.stored();
    assert_eq!(stored.len(), 2);
    assert!(stored.iter().all(|one| one.source == "partner-32"));
    assert_eq!(stored[0].subject_id, declaration.identity.subject(NUMBER));
}

async fn a_partner_states_nothing_else_and_nothing_of_others(bed: Bed) {
    let declaration = start(bed).await;
    for (row, wrong) in [
        (symptoms("d-1"), "rows[0].source SOURCE_NOT_OWN"),
        (
            row_of("partner-33", "d-1", fact(FactKind::Case)),
            "rows[0].fact.case KIND_NOT_GRANTED",
        ),
        (
            row_of("partner-33", "d-1", fact(FactKind::PartnerCode)),
            "rows[0].fact.partner_code KIND_NOT_GRANTED",
        ),
    ] {
        let refused = declaration.append("33", vec![row]).await.unwrap_err();
        assert_eq!(
            (&*refused.reason, violations(&refused)),
            ("ROWS_REFUSED", vec![wrong.to_owned()])
        );
    }
    let refused = declaration.append("cd", vec![symptoms("d-1")]).await.unwrap_err();
    assert_eq!(violations(&refused), ["partner PARTNER_SHAPE"]);
    let refused = declaration.append("32", Vec::new()).await.unwrap_err();
    assert_eq!(violations(&refused), ["rows MISSING"]);
    assert!(declaration.risk_rules.stored().is_empty());
}

async fn a_declaration_is_stored_whole_or_not_at_all(bed: Bed) {
    let declaration = start(bed).await;
    let mut bad = symptoms("d-2");
    bad.subject = Some(wire::fact_row::Subject::Document(document(BAD_NUMBER)));
    let refused = declaration
        .append("32", vec![symptoms("d-1"), bad])
        .await
        .unwrap_err();
    assert_eq!(&*refused.reason, "ROWS_REFUSED");
    let unbounded = wire::FactRow {
        statement: Some(Statement::Fact(types::Fact::default())),
        ..symptoms("d-3")
    };
    let refused = declaration
        .append("32", vec![symptoms("d-1"), unbounded])
        .await
        .unwrap_err();
    assert_eq!(&*refused.reason, "ROWS_REFUSED");
    declaration
        .risk_rules
        .is_full(declaration.identity.subject(NUMBER));
    let refused = declaration.append("32", vec![symptoms("d-1")]).await.unwrap_err();
    assert_eq!(&*refused.reason, "TOO_MANY_FACTS");
    assert!(declaration.risk_rules.stored().is_empty());
}

async fn without_identity_nothing_is_stored(bed: Bed) {
    let declaration = alone(bed).await;
    declaration.bind_risk_rules();
    let refused = declaration.append("32", vec![symptoms("d-1")]).await.unwrap_err();
    assert_eq!(&*refused.reason, "PART_UNAVAILABLE");
    assert!(declaration.risk_rules.stored().is_empty());
}
