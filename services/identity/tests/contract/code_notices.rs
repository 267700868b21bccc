//! What people are told when their code has changed. Code-rendering's log is a fake, to which a test appends.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lutong_identity::{IdentityConfig, MessagesConfig};
use lutong_kernel::ServiceName;
use lutong_proto::code_rendering::v1 as codes;
use lutong_proto::identity::v1::resolution::Outcome as Resolved;
use lutong_testing::{Bed, on_both_engines};
use serde_json::Value;
use tonic::{Request, Response, Status};

use crate::{Identity, ONE, TWO, document, items, start_with};

on_both_engines!(
    a_person_is_told_at_once_that_their_code_has_changed_and_not_how,
    nobody_is_told_about_a_document_that_nobody_has_registered,
    a_message_that_could_not_be_sent_is_sent_again_and_given_up_after_a_day,
);

/// A fake of code-rendering's log.
#[derive(Clone, Default)]
pub struct CodeLog(Arc<Mutex<Vec<codes::Event>>>);

#[tonic::async_trait]
impl codes::event_log_service_server::EventLogService for CodeLog {
    async fn list_events(
        &self,
        request: Request<codes::ListEventsRequest>,
    ) -> Result<Response<codes::ListEventsResponse>, Status> {
        let after = lutong_testing::plain_cursor(&request.get_ref().cursor);
        let told = self.0.lock().unwrap();
        let events = told.iter().filter(|event| event.sequence > after).cloned();
        Ok(Response::new(codes::ListEventsResponse {
            events: events.collect(),
            next_cursor: told.len().to_string(),
            head_sequence: i64::try_from(told.len()).unwrap(),
        }))
    }
}

impl CodeLog {
    /// The codes of these people have changed.
    fn change(&self, subjects: &[&str]) {
        let mut events = self.0.lock().unwrap();
        for subject in subjects {
            let sequence = i64::try_from(events.len()).unwrap() + 1;
            events.push(codes::Event {
                sequence,
                subject_id: (*subject).to_owned(),
                create_time: None,
                payload: Some(codes::event::Payload::CodeChanged(codes::CodeChanged {
                    version: sequence,
                })),
            });
        }
    }
}

struct Notices {
    identity: Identity,
    log: CodeLog,
    messages: PathBuf,
    _folder: tempfile::TempDir,
}

impl Notices {
    async fn start(bed: Bed) -> Self {
        let log = CodeLog::default();
        let server = codes::event_log_service_server::EventLogServiceServer::new(log.clone());
        bed.bind_fake(ServiceName::CodeRendering, tonic::service::Routes::new(server));
        let folder = tempfile::tempdir().unwrap();
        let messages = folder.path().join("messages.ndjson");
        let config = IdentityConfig {
            trust_stated: true,
            messages: MessagesConfig {
                file: Some(messages.clone()),
                ..MessagesConfig::default()
            },
            ..IdentityConfig::default()
        };
        Self {
            identity: start_with(bed, config).await,
            log,
            messages,
            _folder: folder,
        }
    }

    async fn person(&self, n: u32, name: &str, number: &str, mobile: &str) -> String {
        let mut stated = items(name, number);
        mobile.clone_into(&mut stated.mobile);
        let account = format!("wx-{n}");
        self.identity.register(&account, n, stated).await.unwrap()
    }

    /// The messages that were written.
    fn written(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.messages).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    async fn pending(&self) -> i64 {
        lutong_testing::rows(&self.identity.1, "code_notices").await
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        for _ in 0..300 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what}: {:?}", self.written());
    }
}

async fn a_person_is_told_at_once_that_their_code_has_changed_and_not_how(bed: Bed) {
    let notices = Notices::start(bed).await;
    let one = notices.person(1, "王小明", ONE, "13800138001").await;
    let two = notices.person(2, "李芳", TWO, "13800138002").await;
    notices.log.change(&[&one]);
    notices
        .until("one is told", async || notices.written().len() == 1)
        .await;
    let told = notices.written().remove(0);
    assert_eq!(
        (&told["to"], &told["template"]),
        (&"+8613800138001".into(), &"code-changed".into())
    );
    let text = told["text"].as_str().unwrap();
    for secret in ["红", "黄", "绿", "red", "yellow", "green", "小明"] {
        assert!(!text.contains(secret), "{text}");
    }
    // Both again: each is told once for what came together.
    notices.log.change(&[&one, &two, &one]);
    notices
        .until("both are told", async || {
            notices.pending().await == 0 && notices.written().len() >= 3
        })
        .await;
    let to: Vec<_> = notices.written().iter().map(|told| told["to"].clone()).collect();
    assert!(to.contains(&"+8613800138002".into()), "{to:?}");
}

async fn nobody_is_told_about_a_document_that_nobody_has_registered(bed: Bed) {
    let notices = Notices::start(bed).await;
    let resolved = notices.identity.resolve(vec![document(ONE)]).await.remove(0);
    let Resolved::SubjectId(placeholder) = resolved else {
        panic!("{resolved:?}");
    };
    let known = notices.person(2, "李芳", TWO, "13800138002").await;
    notices.log.change(&[&placeholder, &known]);
    notices
        .until("the other is told", async || notices.written().len() == 1)
        .await;
    notices
        .until("nothing is left", async || notices.pending().await == 0)
        .await;
    assert_eq!(notices.written()[0]["to"], "+8613800138002");
}

async fn a_message_that_could_not_be_sent_is_sent_again_and_given_up_after_a_day(bed: Bed) {
    let notices = Notices::start(bed).await;
    let one = notices.person(1, "王小明", ONE, "13800138001").await;
    // The file cannot be written while a folder has its name.
    std::fs::create_dir(&notices.messages).unwrap();
    notices.log.change(&[&one]);
    notices
        .until("the notice waits", async || notices.pending().await == 1)
        .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    std::fs::remove_dir(&notices.messages).unwrap();
    notices.identity.0.clock.advance(Duration::from_secs(61));
    notices
        .until("it is sent again", async || notices.written().len() == 1)
        .await;
    notices
        .until("nothing is left", async || notices.pending().await == 0)
        .await;
    std::fs::remove_file(&notices.messages).unwrap();
    std::fs::create_dir(&notices.messages).unwrap();
    notices.log.change(&[&one]);
    notices
        .until("the notice waits", async || notices.pending().await == 1)
        .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    notices.identity.0.clock.advance(Duration::from_secs(24 * 3_600));
    notices
        .until("it is given up", async || notices.pending().await == 0)
        .await;
    std::fs::remove_dir(&notices.messages).unwrap();
    assert!(notices.written().is_empty());
}
