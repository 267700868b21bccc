//! Checks the errors that services answer against those that the contract lists.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response};
use lutong_kernel::ServiceName;
use lutong_proto::errors::{self, Producer};
use lutong_transport::server::ServiceRouter;
use lutong_transport::status::DOMAIN;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::{Service, ServiceExt as _};

/// The errors answered by the services of a test bed, checked against what their RPCs list; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Answers(Arc<Mutex<RecordedErrors>>);

#[derive(Debug, Default)]
struct RecordedErrors {
    /// RPC and reason.
    errors: Vec<(String, String)>,
    /// Errors that the RPC does not list.
    unlisted: Vec<String>,
}

impl Answers {
    fn note(&self, service: ServiceName, path: &str, status: &Status) {
        let rpc = path.trim_start_matches('/');
        let judged = judge(service, rpc, status);
        let mut seen = self.0.lock().unwrap();
        match judged {
            Ok(reason) => seen.errors.push((rpc.to_owned(), reason)),
            Err(what) => seen.unlisted.push(format!("{rpc}: {what}")),
        }
    }

    /// Panics if an RPC answered an error that neither its comment nor the table of common reasons lists.
    pub fn assert_listed(&self) {
        let unlisted = self.0.lock().unwrap().unlisted.clone();
        assert!(unlisted.is_empty(), "outside the contract: {unlisted:#?}");
    }

    /// Panics if a reason that the ledger attributes to `test` was not answered.
    pub fn assert_produced(&self, package: &str, test: &str) {
        let errors = self.0.lock().unwrap().errors.clone();
        for line in errors::ledger().unwrap() {
            let Producer::Test { package: owner, name } = line.by else {
                continue;
            };
            let seen = || {
                errors
                    .iter()
                    .any(|(rpc, reason)| rpc == line.rpc && reason == line.reason)
            };
            assert!(
                (owner, name) != (package, test) || seen(),
                "proto/reasons.txt says that {test} produces {} of {}: it did not",
                line.reason,
                line.rpc
            );
        }
    }
}

/// The reason of an error that the RPC may answer; otherwise what is wrong with it.
fn judge(service: ServiceName, rpc: &str, status: &Status) -> Result<String, String> {
    let Some(info) = status
        .get_details_error_info()
        .filter(|info| info.domain == DOMAIN)
    else {
        // Answered by the transport before a handler saw the message; the gateway adds the reason.
        return match status.code() {
            Code::OutOfRange => Ok("MESSAGE_TOO_LARGE".to_owned()),
            Code::Internal if status.message().starts_with("failed to decode Protobuf message") => {
                Ok("MESSAGE_UNREADABLE".to_owned())
            }
            code => Err(format!("{code:?} without a reason: {}", status.message())),
        };
    };
    let method = errors::method(lutong_proto::descriptor_pool(), rpc).ok_or("there is no such RPC")?;
    let listed = errors::listed(&method).map_err(|error| error.to_string())?;
    let own = |part: &String| part == service.as_str() || part == "storage";
    let common = match info.reason.as_str() {
        "PART_UNAVAILABLE" => info.metadata.get("part").is_some_and(own),
        reason => errors::common().contains(reason),
    };
    if !common && !listed.contains(&info.reason) {
        return Err(format!("{} is not listed", info.reason));
    }
    let code = lutong_operating::telemetry::code_name(status.code());
    match errors::code(&info.reason) {
        Some(one) if one == code => Ok(info.reason),
        Some(one) => Err(format!("{} is {one} and was answered as {code}", info.reason)),
        None => Err(format!("{} has no line in proto/codes.txt", info.reason)),
    }
}

/// A service whose errors are recorded.
#[derive(Clone)]
pub struct RecordingService {
    pub service: ServiceName,
    pub inner: ServiceRouter,
    pub answers: Answers,
}

impl Service<Request<axum::body::Body>> for RecordingService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<axum::body::Body>) -> Self::Future {
        let Self {
            service,
            inner,
            answers,
        } = self.clone();
        let path = request.uri().path().to_owned();
        Box::pin(async move {
            let response = inner.oneshot(request.map(Body::new)).await?;
            // Answers are not streamed here, so an error is in the headers.
            if let Some(status) = Status::from_header_map(response.headers())
                && status.code() != Code::Ok
            {
                answers.note(service, &path, &status);
            }
            Ok(response)
        })
    }
}
