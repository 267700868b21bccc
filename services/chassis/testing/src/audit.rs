//! The contract test of every service that records calls.

/// Sends valid and invalid requests to a bound service's `AuditService`: `audit_contract!(lutong_proto::identity::v1,
/// Identity, bed)`.
#[macro_export]
macro_rules! audit_contract {
    ($wire:path, $service:ident, $bed:expr) => {{
        use $wire as wire;
        let bed: &$crate::Bed = $bed;
        let channel = bed.channel(
            lutong_kernel::ServiceName::$service,
            lutong_proto::policy::Caller::Gateway,
        );
        let mut client = wire::audit_service_client::AuditServiceClient::new(channel);
        let auditor = lutong_transport::access::Principal {
            account: "auditor-1".to_owned(),
            roles: lutong_transport::access::Roles::of(&[lutong_proto::policy::Role::Auditor]),
            ..$crate::citizen("", None)
        };
        let list = |request: wire::ListAuditRecordsRequest| {
            let purpose = lutong_proto::types::v1::Purpose {
                code: lutong_proto::types::v1::PurposeCode::Audit.into(),
                reference: String::new(),
            };
            bed.call_as(&auditor).request(wire::ListAuditRecordsRequest {
                purpose: request.purpose.or(Some(purpose)),
                ..request
            })
        };
        let reason = |status: &tonic::Status| lutong_transport::status::to_fault(status, "test").reason;
        for wrong in [
            wire::ListAuditRecordsRequest {
                page_token: "x".to_owned(),
                ..Default::default()
            },
            wire::ListAuditRecordsRequest {
                purpose: Some(lutong_proto::types::v1::Purpose::default()),
                ..Default::default()
            },
            wire::ListAuditRecordsRequest {
                rpc: "%".to_owned(),
                ..Default::default()
            },
            wire::ListAuditRecordsRequest {
                object: "370202199003077777".to_owned(),
                ..Default::default()
            },
        ] {
            let refused = client.list_audit_records(list(wrong)).await.unwrap_err();
            assert_eq!(reason(&refused), "INVALID_FIELDS");
        }
        let verify = |page_token: &str, known_head| {
            let page_token = page_token.to_owned();
            bed.call_as(&auditor).request(wire::VerifyAuditLogRequest {
                page_size: 1_000,
                page_token,
                known_head,
            })
        };
        let refused = client.verify_audit_log(verify("x", None)).await.unwrap_err();
        assert_eq!(reason(&refused), "INVALID_FIELDS");
        let no_head = lutong_proto::audit::v1::AuditHead::default();
        let refused = client
            .verify_audit_log(verify("", Some(no_head)))
            .await
            .unwrap_err();
        assert_eq!(reason(&refused), "INVALID_FIELDS");
        // Two of the six calls above, one per page.
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let page = wire::ListAuditRecordsRequest {
                page_size: 1,
                page_token: token,
                rpc: "VerifyAuditLog".to_owned(),
                ..Default::default()
            };
            let page = client.list_audit_records(list(page)).await.unwrap().into_inner();
            seen.extend(page.records.iter().map(|record| record.sequence));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen.len(), 2);
        assert!(seen.is_sorted_by(|newer, older| newer > older));
        let verified = client
            .verify_audit_log(verify("", None))
            .await
            .unwrap()
            .into_inner();
        assert!(verified.breaks.is_empty() && verified.next_page_token.is_empty());
        let head = verified.head.unwrap();
        assert!(
            verified.intact >= 8 && head.sequence == verified.intact,
            "{head:?}"
        );
        let again = client
            .verify_audit_log(verify("", Some(head.clone())))
            .await
            .unwrap()
            .into_inner();
        assert!(again.breaks.is_empty());
        let moved = lutong_proto::audit::v1::AuditHead {
            entry: "0".repeat(64),
            ..head
        };
        let found = client
            .verify_audit_log(verify("", Some(moved)))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(found.breaks.len(), 1);
    }};
}
