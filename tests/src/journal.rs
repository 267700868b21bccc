//! The client's journal of acknowledgements: everything in it must hold, whatever was killed meanwhile.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::feed::{Feed, is_in_force};
use crate::people::{Gateway, Person, request_id};

/// An application that was sent.
#[derive(Debug, Clone)]
pub struct SentApplication {
    pub person: Person,
    pub body: Value,
}

/// An application that was acknowledged.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    pub sent: SentApplication,
    /// `applications/{uuid}`
    pub name: String,
}

#[derive(Debug, Default)]
struct Entries {
    acknowledged: Vec<Acknowledged>,
    /// Sent and not answered: their outcome is unknown.
    unanswered: Vec<SentApplication>,
    /// Acknowledged feedback: who filed it, and its name.
    feedback: Vec<(Person, String)>,
    /// Numbers of people reported as close contacts, and whether the report was acknowledged as in force.
    contacts: BTreeMap<String, bool>,
}

/// The journal, fsynced before an acknowledgement counts.
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

    fn acknowledge(&self, sent: SentApplication, name: String) {
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

    /// Sends once; an unanswered application is kept to be sent again.
    async fn send(&self, sent: SentApplication) -> bool {
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
            // Refusing a valid application is a bug; being unavailable is not.
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

    /// New people apply one after the other, until one is not answered.
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
            if !self.send(SentApplication { person, body }).await {
                return;
            }
        }
    }

    /// Sends unanswered applications again with the same request ids, until they are answered.
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

    /// Like [`Self::people_apply`]; each person also files feedback, and `feed` reports every second one as a close
    /// contact.
    pub async fn people_apply_and_are_reported(self, gateway: Gateway, feed: Feed, at_most: usize) {
        for number in 0..at_most {
            self.clone().people_apply(gateway.clone(), 1).await;
            let last = self.acknowledged().pop();
            let Some(Acknowledged { sent, .. }) = last else {
                continue;
            };
            self.file_feedback(&sent.person).await;
            if number % 2 == 0 {
                self.report_contact(&feed, &sent.person.number).await;
            }
        }
    }

    /// Sends another form under a used request id, which must be refused and rolled back.
    pub async fn reuse_a_request_id(&self) {
        let Some(Acknowledged { sent, .. }) = self.acknowledged().pop() else {
            return;
        };
        let mut body = sent.body.clone();
        body["form"]["person"]["mobile"] = json!("13900139000");
        let post = http::Method::POST;
        let person = &sent.person;
        let answer = person
            .gateway
            .call(post, "/v1/applications", Some(&person.session), Some(body));
        if let Ok(answer) = answer.await {
            assert!(!answer.status.is_success(), "{}", answer.body);
        }
    }

    async fn file_feedback(&self, person: &Person) {
        let body = json!({
            "request_id": request_id(),
            "feedback": {"category": "FEEDBACK_CATEGORY_TECHNICAL", "text": "刷新较慢"},
        });
        let post = http::Method::POST;
        let answer = person
            .gateway
            .call(post, "/v1/complaints", Some(&person.session), Some(body));
        if let Ok(answer) = answer.await
            && answer.status.is_success()
        {
            let name = answer.body["complaint"]["name"].as_str().unwrap().to_owned();
            self.entries.lock().unwrap().feedback.push((person.clone(), name));
        }
    }

    async fn report_contact(&self, feed: &Feed, number: &str) {
        let answer = feed.report(feed.contact(number)).await;
        let in_force =
            answer.is_ok_and(|answer| is_in_force(&answer) && answer.accepted + answer.unchanged == 1);
        self.entries
            .lock()
            .unwrap()
            .contacts
            .entry(number.to_owned())
            .and_modify(|before| *before |= in_force)
            .or_insert(in_force);
    }

    /// Repeats reports that were not acknowledged as in force, until they are.
    pub async fn settle_contacts(&self, feed: &Feed) {
        for _ in 0..200 {
            let entries = self.entries.lock().unwrap().contacts.clone();
            let open: Vec<_> = entries.into_iter().filter(|(_, in_force)| !in_force).collect();
            if open.is_empty() {
                return;
            }
            for (number, _) in open {
                self.report_contact(feed, &number).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("some reports are never in force");
    }

    /// The numbers of contacts in force and of acknowledged feedback.
    pub fn others(&self) -> (usize, usize) {
        let entries = self.entries.lock().unwrap();
        (
            entries.contacts.values().filter(|in_force| **in_force).count(),
            entries.feedback.len(),
        )
    }

    /// Acknowledged entries that are missing, for a test that expects losses.
    pub async fn losses(&self) -> Vec<String> {
        let (acknowledged, feedback, contacts) = {
            let entries = self.entries.lock().unwrap();
            (
                entries.acknowledged.clone(),
                entries.feedback.clone(),
                entries.contacts.clone(),
            )
        };
        let mut losses = Vec::new();
        for Acknowledged { sent, name } in &acknowledged {
            if !sent.person.get(&format!("/v1/{name}")).await.status.is_success() {
                losses.push(name.clone());
            }
            let is_contact = contacts.get(&sent.person.number) == Some(&true);
            let colour = sent.person.colour().await;
            if is_contact && colour != "red" {
                losses.push(format!("a contact of {} is {colour}", sent.person.account));
            }
        }
        for (person, name) in &feedback {
            if !person.get(&format!("/v1/{name}")).await.status.is_success() {
                losses.push(name.clone());
            }
        }
        losses
    }

    /// Asserts that every acknowledged application since `from` exists, is answered alike when sent again, and gets its
    /// code.
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
            let is_contact = self
                .entries
                .lock()
                .unwrap()
                .contacts
                .contains_key(&sent.person.number);
            sent.person
                .becomes(if is_contact { "red" } else { "green" })
                .await;
            sent.person.get(&format!("/v1/{name}")).await.expect();
        }
    }
}
