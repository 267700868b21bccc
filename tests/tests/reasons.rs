//! The error reasons that the contract lists are the ones that are answered: the ledger (`proto/reasons.txt`) has a
//! line for each, each line a contract test, and the test bed sees to it that the test produces what its line says and
//! that nothing else is answered. The test bed itself is tested here too.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use lutong_kernel::{Fault, FaultCode, ServiceName};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::complaint::v1::complaint_service_client::ComplaintServiceClient;
use lutong_proto::complaint::v1::complaint_service_server::{ComplaintService, ComplaintServiceServer};
use lutong_proto::errors::{self, Producer};
use lutong_proto::policy::{self, Caller};
use lutong_storage::{Engine, StorageError};
use lutong_testing::Bed;
use lutong_transport::access::Refusal;
use lutong_transport::status::from_fault;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(folder: &Path, into: &mut String) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// The names between the parentheses of every `on_both_engines!( … );`.
fn named_tests(source: &str) -> BTreeSet<&str> {
    let blocks = source.split("on_both_engines!(").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split_once(");").map(|(names, _)| names));
    blocks
        .flat_map(|names| names.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn every_listed_reason_has_a_line_in_the_ledger_and_every_line_a_listed_reason() {
    let pool = lutong_proto::descriptor_pool();
    let mut listed = BTreeSet::new();
    for rpc in policy::rpcs(pool).unwrap() {
        let name = rpc.path.trim_start_matches('/').to_owned();
        for reason in errors::listed(&rpc.method).unwrap() {
            listed.insert((name.clone(), reason));
        }
    }
    let ledger = errors::ledger().unwrap();
    let produced: BTreeSet<_> = ledger
        .iter()
        .map(|line| (line.rpc.to_owned(), line.reason.to_owned()))
        .collect();
    let without_line: Vec<_> = listed.difference(&produced).collect();
    let without_reason: Vec<_> = produced.difference(&listed).collect();
    assert!(
        without_line.is_empty() && without_reason.is_empty(),
        "listed and not in proto/reasons.txt: {without_line:#?}\nin proto/reasons.txt and not listed: {without_reason:#?}"
    );
    assert!(listed.len() > 40, "the comments were read");
    for line in &ledger {
        if let Producer::Nobody { why } = line.by {
            panic!("{} {} has no test: {why}", line.rpc, line.reason);
        }
    }
}

#[test]
fn every_test_of_the_ledger_is_a_contract_test_of_the_service_itself() {
    for line in errors::ledger().unwrap() {
        let Producer::Test { package, name } = line.by else {
            continue;
        };
        // A fake in place of a service proves nothing about the service.
        let service = line.rpc.split('.').nth(1).unwrap().replace('_', "-");
        assert_eq!(package, format!("lutong-{service}"), "{}", line.rpc);
        let mut source = String::new();
        sources(&root().join("services").join(&service).join("tests"), &mut source);
        assert!(
            named_tests(&source).contains(name),
            "there is no contract test {name} in {package}"
        );
    }
}

#[test]
fn a_reason_of_every_rpc_is_listed_nowhere_else_and_is_one_of_ours() {
    let common = errors::common();
    let mut source = String::new();
    for folder in [
        "services/kernel/src",
        "services/chassis/src",
        "services/chassis/storage/src",
        "services/chassis/transport/src",
        "gateway/src",
    ] {
        sources(&root().join(folder), &mut source);
    }
    for reason in &common {
        assert!(source.contains(&format!("\"{reason}\"")), "{reason}");
    }
    for rpc in policy::rpcs(lutong_proto::descriptor_pool()).unwrap() {
        let listed = errors::listed(&rpc.method).unwrap();
        // The one common reason that RPCs may list: which other service they need.
        let twice: Vec<_> = listed
            .iter()
            .filter(|reason| common.contains(reason.as_str()) && *reason != "PART_UNAVAILABLE")
            .collect();
        assert!(twice.is_empty(), "{} {twice:?}", rpc.path);
    }
}

/// Errors of the guard, which refuses before a service is reached, and of the storage, which all services share.
#[test]
fn what_the_stack_answers_by_itself_is_common_to_all() {
    let refusals = [Refusal::NotSignedIn, Refusal::Caller, Refusal::Role].map(Refusal::fault);
    let others = [
        Fault::internal("a test"),
        Fault::unavailable("storage"),
        lutong_transport::status::deadline_exceeded(),
        StorageError::Contended.into(),
        StorageError::Full.into(),
        StorageError::Damaged("x".to_owned()).into(),
    ];
    for fault in refusals.into_iter().chain(others) {
        assert!(errors::common().contains(&*fault.reason), "{fault}");
    }
}

/// A fake that answers a fixed status, whatever the contract says.
#[derive(Clone)]
struct FixedStatus(Status);

#[tonic::async_trait]
impl ComplaintService for FixedStatus {
    async fn create_complaint(
        &self,
        _: Request<wire::CreateComplaintRequest>,
    ) -> Result<Response<wire::CreateComplaintResponse>, Status> {
        Err(self.0.clone())
    }

    async fn create_anonymous_complaint(
        &self,
        _: Request<wire::CreateAnonymousComplaintRequest>,
    ) -> Result<Response<wire::CreateAnonymousComplaintResponse>, Status> {
        Ok(Response::new(wire::CreateAnonymousComplaintResponse::default()))
    }

    async fn reply_complaint(
        &self,
        _: Request<wire::ReplyComplaintRequest>,
    ) -> Result<Response<wire::ReplyComplaintResponse>, Status> {
        Ok(Response::new(wire::ReplyComplaintResponse::default()))
    }

    async fn reopen_complaint(
        &self,
        _: Request<wire::ReopenComplaintRequest>,
    ) -> Result<Response<wire::ReopenComplaintResponse>, Status> {
        Ok(Response::new(wire::ReopenComplaintResponse::default()))
    }

    async fn rate_complaint(
        &self,
        _: Request<wire::RateComplaintRequest>,
    ) -> Result<Response<wire::RateComplaintResponse>, Status> {
        Ok(Response::new(wire::RateComplaintResponse::default()))
    }

    async fn get_complaint(
        &self,
        _: Request<wire::GetComplaintRequest>,
    ) -> Result<Response<wire::GetComplaintResponse>, Status> {
        Ok(Response::new(wire::GetComplaintResponse::default()))
    }

    async fn list_complaints(
        &self,
        _: Request<wire::ListComplaintsRequest>,
    ) -> Result<Response<wire::ListComplaintsResponse>, Status> {
        Ok(Response::new(wire::ListComplaintsResponse::default()))
    }
}

/// The recorded answers of a bed whose complaint service answers `status`, and whether dropping the bed succeeds.
async fn after(status: Status) -> (lutong_testing::Answers, bool) {
    let bed = Bed::new(Engine::Sqlite);
    let routes = Routes::new(ComplaintServiceServer::new(FixedStatus(status)));
    bed.bind_fake(ServiceName::Complaint, routes);
    let mut client = ComplaintServiceClient::new(bed.channel(ServiceName::Complaint, Caller::Gateway));
    let call = bed.call_as(&lutong_testing::citizen("wx-1", None));
    let filing = wire::CreateComplaintRequest::default();
    client.create_complaint(call.request(filing)).await.unwrap_err();
    let asking = wire::GetComplaintRequest::default();
    client.get_complaint(call.request(asking)).await.unwrap();
    let answers = bed.answers();
    (answers, passes(|| drop(bed)))
}

fn passes(check: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(check)).is_ok()
}

fn refusal(reason: &'static str) -> Status {
    let code = match reason {
        "INVALID_FIELDS" => FaultCode::InvalidArgument,
        "REQUEST_ID_REUSED" => FaultCode::AlreadyExists,
        "CONTENDED" => FaultCode::Aborted,
        "COMPLAINT_NOT_FOUND" => FaultCode::NotFound,
        _ => FaultCode::FailedPrecondition,
    };
    from_fault(Fault::new(code, reason, "不", "no"))
}

#[tokio::test]
async fn the_bed_takes_no_reason_that_the_rpc_does_not_list() {
    for (status, fine) in [
        (refusal("INVALID_FIELDS"), true),
        (refusal("REQUEST_ID_REUSED"), true),
        (refusal("CONTENDED"), true),
        // A reason of another RPC of the same service; an unknown reason; no reason.
        (refusal("COMPLAINT_NOT_FOUND"), false),
        (refusal("REFUSED"), false),
        (Status::invalid_argument("INVALID_FIELDS"), false),
        (Status::internal("broken"), false),
        (Status::unknown(""), false),
        // The service's own database, and a service that this RPC does not need.
        (from_fault(Fault::unavailable("storage")), true),
        (from_fault(Fault::unavailable("identity")), false),
        // Errors of the transport for a message that no handler read.
        (Status::out_of_range("decoded message length too large"), true),
        (
            Status::internal("failed to decode Protobuf message: invalid varint"),
            true,
        ),
    ] {
        let (answers, dropped) = after(status.clone()).await;
        let listed = passes(|| answers.assert_listed());
        assert_eq!((listed, dropped), (fine, fine), "{status:?}");
    }
}

#[tokio::test]
async fn the_bed_takes_no_test_that_did_not_produce_what_its_line_says() {
    let test = (
        "lutong-complaint",
        "a_repeated_request_is_answered_alike_and_another_body_is_a_conflict",
    );
    let (produced, _) = after(refusal("REQUEST_ID_REUSED")).await;
    assert!(passes(|| produced.assert_produced(test.0, test.1)));
    let (other, _) = after(refusal("INVALID_FIELDS")).await;
    assert!(!passes(|| other.assert_produced(test.0, test.1)));
    assert!(
        passes(|| other.assert_produced("lutong-identity", test.1)),
        "another crate's test of that name"
    );
}
