//! The cause of an internal error is in the log of the process in which it arose, once, and in no answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as declaration;
use lutong_proto::declaration::v1::event_log_service_server::{EventLogService, EventLogServiceServer};
use lutong_proto::policy::Caller;
use lutong_storage::Engine;
use lutong_testing::Bed;
use lutong_transport::status::{from_fault, to_fault};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::network::{SERVER, ask};

const RPC: &str = "lutong.declaration.v1.EventLogService/ListEvents";
const CAUSE: &str = "the row of 4711 is damaged";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The lines that contain the cause, and everything that was logged meanwhile.
    fn take(&self) -> (Vec<String>, String) {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        let lines = text.lines().filter(|line| line.contains(CAUSE));
        (lines.map(str::to_owned).collect(), text)
    }

    fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        let writer = self.clone();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .with_max_level(tracing::Level::INFO)
            .finish()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Whether any part of a status, as it goes over the wire, has the cause.
fn tells(status: &Status) -> bool {
    let has = |bytes: &[u8]| {
        bytes
            .windows(CAUSE.len())
            .any(|window| window == CAUSE.as_bytes())
    };
    let headers = status.clone().into_http::<tonic::body::Body>();
    let metadata = status.metadata().clone().into_headers();
    has(status.message().as_bytes())
        || has(status.details())
        || has(format!("{status:?}").as_bytes())
        || headers.headers().values().any(|value| has(value.as_bytes()))
        || metadata.values().any(|value| has(value.as_bytes()))
}

#[test]
fn the_cause_is_logged_once_where_the_fault_becomes_a_status_and_is_not_in_it() {
    let log = Log::default();
    let _default = tracing::subscriber::set_default(log.subscriber());
    let status = from_fault(Fault::internal(CAUSE));
    let (lines, text) = log.take();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].contains("ERROR"), "{text}");
    assert!(!tells(&status), "{status:?}");
    let fault = to_fault(&status, "declaration");
    assert_eq!(fault, Fault::internal_of_peer());
    assert_eq!(fault.cause(), None);
    // Whoever passes it on has nothing to log.
    from_fault(fault);
    let (lines, text) = log.take();
    assert!(lines.is_empty(), "{text}");
}

/// Answers an internal error, or panics.
#[derive(Clone)]
struct Broken;

#[tonic::async_trait]
impl EventLogService for Broken {
    async fn list_events(
        &self,
        request: Request<declaration::ListEventsRequest>,
    ) -> Result<Response<declaration::ListEventsResponse>, Status> {
        assert!(request.get_ref().cursor != "panic", "{CAUSE}");
        Err(from_fault(Fault::internal(CAUSE)))
    }
}

#[tokio::test]
async fn the_log_names_the_rpc_and_the_caller_learns_neither_cause_nor_place() {
    let log = Log::default();
    let _default = tracing::subscriber::set_default(log.subscriber());
    let bed = Bed::new(Engine::Sqlite);
    let routes = Routes::new(EventLogServiceServer::new(Broken));
    bed.mesh.bind(SERVER, bed.foundation.guard(SERVER, routes, None));
    let channel = || bed.mesh.channel(SERVER, Caller::RiskRules);

    let answered = ask(channel(), "", Duration::from_secs(20)).await.unwrap_err();
    let (lines, text) = log.take();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].contains(RPC), "{text}");
    assert!(!tells(&answered), "{answered:?}");
    assert_eq!(to_fault(&answered, "declaration"), Fault::internal_of_peer());

    let panicked = ask(channel(), "panic", Duration::from_secs(20))
        .await
        .unwrap_err();
    let (lines, text) = log.take();
    assert!(lines.is_empty(), "the payload of a panic is not logged: {text}");
    assert!(
        text.contains("a handler panicked") && text.contains(RPC),
        "{text}"
    );
    assert_eq!(to_fault(&panicked, "declaration"), Fault::internal_of_peer());
}
