//! The client's journal of acknowledgements: what it holds must be true whatever was killed meanwhile.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::people::{Gateway, Person, request_id};

/// An application that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub person: Person,
    pub body: Value,
}

/// An application that was acknowledged.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    pub sent: Sent,
    /// `applications/{uuid}`
    pub name: String,
}

#[derive(Debug, Default)]
struct Entries {
    acknowledged: Vec<Acknowledged>,
    /// Nobody knows whether these were done.
    unanswered: Vec<Sent>,
}

/// Fsynced before anything is believed.
#[derive(Clone)]
pub struct Journal {
    entries: Arc<Mutex<Entries>>,
    file: Arc<Mutex<std::fs::File>>,
}

impl Journal {
    pub fn create(folder: &std::path::Path) -> Self {
        let file = std::fs::File::create(folder.join("journal.ndjson")).unwrap();
        Self {
            entries: Arc::default(),
            file: Arc::new(Mutex::new(file)),
        }
    }

    fn acknowledge(&self, sent: Sent, name: String) {
        let mut file = self.file.lock().unwrap();
        writeln!(
            file,
            "{}",
            json!({"name": name, "request_id": sent.body["request_id"]})
        )
        .unwrap();
        file.sync_data().unwrap();
        self.entries
            .lock()
            .unwrap()
            .acknowledged
            .push(Acknowledged { sent, name });
    }

    pub fn acknowledged(&self) -> Vec<Acknowledged> {
        self.entries.lock().unwrap().acknowledged.clone()
    }

    /// Sends once; what was not answered is kept to be sent again.
    async fn send(&self, sent: Sent) -> bool {
        let Person { gateway, session, .. } = &sent.person;
        let answer = gateway
            .call(
                http::Method::POST,
                "/v1/applications",
                Some(session),
                Some(sent.body.clone()),
            )
            .await;
        match answer {
            Ok(answer) if answer.status.is_success() => {
                let name = answer.body["application"]["name"].as_str().unwrap().to_owned();
                self.acknowledge(sent, name);
                true
            }
            // A refusal of what was right would be a defect; being away is not.
            Ok(answer) => {
                let reason = answer.reason().to_owned();
                let away = [
                    "PART_UNAVAILABLE",
                    "DEADLINE_EXCEEDED",
                    "CONTENDED",
                    "INTERNAL",
                    "OVERLOADED",
                ];
                assert!(away.contains(&reason.as_str()), "{}", answer.body);
                self.entries.lock().unwrap().unanswered.push(sent);
                false
            }
            Err(_) => {
                self.entries.lock().unwrap().unanswered.push(sent);
                false
            }
        }
    }

    /// New people apply, one after the other, until somebody is not answered.
    pub async fn people_apply(self, gateway: Gateway, at_most: usize) {
        for _ in 0..at_most {
            let number = crate::people::next_number();
            let account = format!("wx-{number}");
            let Ok(session) = gateway.sign_in(&account).await else {
                return;
            };
            let person = Person {
                gateway: gateway.clone(),
                account,
                session,
                number,
            };
            let body = json!({"request_id": request_id(), "form": person.form()});
            if !self.send(Sent { person, body }).await {
                return;
            }
        }
    }

    /// Sends what was not answered again, with the same request ids, until it is.
    pub async fn settle(&self) {
        for _ in 0..200 {
            let unanswered = std::mem::take(&mut self.entries.lock().unwrap().unanswered);
            if unanswered.is_empty() {
                return;
            }
            for sent in unanswered {
                self.send(sent).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("some applications are never answered");
    }

    /// Every acknowledged application since `from` is there under its name, is the same when sent again, and its code
    /// follows.
    pub async fn holds(&self, from: usize) {
        for Acknowledged { sent, name } in &self.acknowledged()[from..] {
            let mut again = sent.person.post("/v1/applications", sent.body.clone()).await;
            for _ in 0..50 {
                if again.status.is_success() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                again = sent.person.post("/v1/applications", sent.body.clone()).await;
            }
            assert_eq!(again.expect()["application"]["name"], json!(name));
            sent.person.becomes("green").await;
            sent.person.get(&format!("/v1/{name}")).await.expect();
        }
    }
}
