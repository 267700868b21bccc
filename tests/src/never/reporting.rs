//! People apply and feeds report, and every answer is recorded. Unanswered statements are sent again under the same
//! key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::Method;
use lutong_kernel::Clock as _;
use lutong_operating::wall_clock::WallClock;
use lutong_proto::declaration::v1::ImportFactsResponse;
use lutong_proto::declaration::v1::fact_row::Statement;
use lutong_proto::types::v1::{self as types, EffectState};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::history::{Answer, Fact, History, Moment, Observation, Outcome, Stated};
use super::plan::Turn;
use crate::feed::{self, Feed};
use crate::people::{Gateway, Person, request_id};

/// Attempts per statement while there are faults.
const TRIES: usize = 5;
const AGAIN: Duration = Duration::from_millis(150);
/// How long to wait for answers to the last statements before the faults end; some come only after that.
const LAST: Duration = Duration::from_secs(4);
/// How long it may take in the end until everything is answered.
const ANSWERED: Duration = Duration::from_secs(15);

/// Records the history; cheap to clone.
#[derive(Debug, Clone)]
pub struct Recorder {
    started: Instant,
    history: Arc<Mutex<History>>,
}

impl Recorder {
    pub fn begin(history: History) -> Self {
        Self {
            started: Instant::now(),
            history: Arc::new(Mutex::new(history)),
        }
    }

    pub fn now(&self) -> Moment {
        u64::try_from(self.started.elapsed().as_micros()).unwrap()
    }

    pub fn saw(&self, seen: Observation) {
        self.history.lock().unwrap().seen.push(seen);
    }

    /// Accesses the history.
    pub fn with<T>(&self, act: impl FnOnce(&mut History) -> T) -> T {
        act(&mut self.history.lock().unwrap())
    }
}

/// Sends the statements of a round; cheap to clone.
#[derive(Debug, Clone)]
pub struct Reporter {
    pub recorder: Recorder,
    pub people: Arc<Vec<Person>>,
    /// Keys and request ids, by statement index.
    keys: Arc<Vec<String>>,
    cdc: Feed,
    border: Feed,
    /// Acknowledged applications.
    names: Arc<Mutex<BTreeMap<usize, String>>>,
}

impl Reporter {
    pub async fn new(gateway: &Gateway, recorder: Recorder, people: Vec<Person>) -> Self {
        let keys = recorder.with(|history| history.statements.iter().map(|_| request_id()).collect());
        Self {
            recorder,
            people: Arc::new(people),
            keys: Arc::new(keys),
            cdc: Feed::sign_in(gateway, "cdc-370200").await,
            border: Feed::sign_in(gateway, "border-370000").await,
            names: Arc::default(),
        }
    }

    /// Sends one person's turns.
    pub async fn play(self, turns: Vec<Turn>) {
        for turn in turns {
            tokio::time::sleep(turn.pause).await;
            for said in self.take(&turn, TRIES) {
                said.await.unwrap();
            }
        }
    }

    /// Sends all last turns, each statement once; returns when each is answered or has failed.
    pub async fn play_last(&self, turns: &[Turn]) {
        let said: Vec<_> = turns.iter().flat_map(|turn| self.take(turn, 1)).collect();
        let all = futures::future::join_all(said);
        let _ = tokio::time::timeout(LAST, all).await;
    }

    fn take(&self, turn: &Turn, tries: usize) -> Vec<JoinHandle<()>> {
        let say = |n: &usize| tokio::spawn(self.say(*n, turn.copies, tries));
        turn.statements.iter().map(say).collect()
    }

    /// Sends a statement in several concurrent copies, and again if none was answered.
    fn say(&self, n: usize, copies: usize, tries: usize) -> impl Future<Output = ()> + Send + use<> {
        let this = self.clone();
        async move {
            // If its target is not known to be stored, it would rightly be refused.
            if this
                .said(n)
                .target()
                .is_some_and(|target| !this.is_stored(target))
            {
                return;
            }
            for _ in 0..tries {
                let sendings = (0..copies).map(|_| {
                    let this = this.clone();
                    tokio::spawn(async move { this.send(n).await })
                });
                for sending in sendings.collect::<Vec<_>>() {
                    sending.await.unwrap();
                }
                if this.is_answered(n, Outcome::is_acknowledged) {
                    return;
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    fn said(&self, n: usize) -> Stated {
        self.recorder.with(|history| history.statements[n].said)
    }

    fn is_stored(&self, n: usize) -> bool {
        self.is_answered(n, Outcome::is_stored)
    }

    fn is_answered(&self, n: usize, so: fn(&Outcome) -> bool) -> bool {
        self.recorder.with(|history| {
            let answers = &history.statements[n].answers;
            answers.iter().any(|one| so(&one.outcome))
        })
    }

    async fn send(&self, n: usize) {
        let asked = self.recorder.now();
        let (person, said) = self.recorder.with(|history| {
            let statement = &mut history.statements[n];
            statement.sent.get_or_insert(asked);
            (statement.person, statement.said)
        });
        let outcome = match said {
            Stated::Application => self.apply(n, &self.people[person]).await,
            said => self.report(n, &self.people[person], said).await,
        };
        self.answered(n, asked, outcome);
    }

    fn answered(&self, n: usize, asked: Moment, outcome: Outcome) {
        let answer = Answer {
            asked,
            answered: self.recorder.now(),
            outcome,
        };
        self.recorder
            .with(|history| history.statements[n].answers.push(answer));
    }

    async fn apply(&self, n: usize, person: &Person) -> Outcome {
        let body = json!({"request_id": self.keys[n], "form": person.form()});
        let session = Some(person.session.as_str());
        let answer = person
            .gateway
            .call(Method::POST, "/v1/applications", session, Some(body));
        let Ok(answer) = answer.await else {
            return Outcome::Unanswered;
        };
        if !answer.status.is_success() {
            // CONTENDED: the same request is in progress and must be sent again.
            let away =
                answer.status.is_server_error() || answer.status == 429 || answer.reason() == "CONTENDED";
            return refused_or_away(answer.reason(), away);
        }
        let application = &answer.body["application"];
        let name = application["name"].as_str().unwrap().to_owned();
        self.names.lock().unwrap().insert(n, name);
        state(application)
    }

    async fn report(&self, n: usize, person: &Person, said: Stated) -> Outcome {
        // A correction comes from the same feed as its target.
        let feed = match said.fact().or_else(|| self.said(said.target()?).fact()) {
            Some(Fact::Entry | Fact::EntryAfterQuarantine | Fact::NegativeTest) => &self.border,
            _ => &self.cdc,
        };
        let mut row = feed::row(feed.source, &self.keys[n], &person.number, types::Fact::default());
        row.statement = Some(match (said.fact().map(fact), said.target()) {
            (Some(fact), None) => Statement::Fact(fact),
            (Some(fact), Some(original)) => Statement::Correction(types::Correction {
                replaces_key: self.keys[original].clone(),
                fact: Some(fact),
            }),
            (None, original) => Statement::Retraction(types::Retraction {
                retracts_key: original.map(|n| self.keys[n].clone()).unwrap_or_default(),
                reason: "误报".to_owned(),
            }),
        });
        match feed.report(row).await {
            Ok(imported) => imported_as(&imported),
            Err(status) => failed_as(&status),
        }
    }

    /// Repeats statements that are not known to be in force until they are, and gets every application by name.
    pub async fn settle(&self) {
        let started = Instant::now();
        loop {
            let open = self.recorder.with(|history| {
                let sent = (0..history.statements.len()).filter(|n| history.statements[*n].sent.is_some());
                let open = sent.filter(|n| {
                    let answers = &history.statements[*n].answers;
                    !answers.iter().any(|one| one.outcome == Outcome::InForce)
                });
                open.collect::<Vec<_>>()
            });
            if open.is_empty() || started.elapsed() > ANSWERED {
                break;
            }
            futures::future::join_all(open.into_iter().map(|n| self.send(n))).await;
            tokio::time::sleep(AGAIN).await;
        }
        let names = self.names.lock().unwrap().clone();
        futures::future::join_all(names.iter().map(|(n, name)| self.ask_for(*n, name))).await;
    }

    async fn ask_for(&self, n: usize, name: &str) {
        let asked = self.recorder.now();
        let person = &self.people[self.recorder.with(|history| history.statements[n].person)];
        let answer = person.get(&format!("/v1/{name}")).await;
        let outcome = match answer.reason() {
            "DECLARATION_NOT_FOUND" => Outcome::Missing,
            "" => state(&answer.body["application"]),
            _ => Outcome::Unanswered,
        };
        self.answered(n, asked, outcome);
    }
}

fn state(application: &serde_json::Value) -> Outcome {
    match application["state"].as_str() {
        Some("DECLARATION_STATE_IN_FORCE") => Outcome::InForce,
        Some("DECLARATION_STATE_PENDING") => Outcome::Pending,
        other => Outcome::Refused(format!("{other:?}")),
    }
}

fn refused_or_away(reason: &str, away: bool) -> Outcome {
    if away {
        Outcome::Unanswered
    } else {
        Outcome::Refused(reason.to_owned())
    }
}

fn imported_as(imported: &ImportFactsResponse) -> Outcome {
    if let Some(wrong) = imported.errors.first() {
        let reason = wrong.error.clone().unwrap_or_default().reason;
        return if reason == "CASE_NOT_IN_FORCE" {
            Outcome::Recorded
        } else {
            Outcome::Refused(reason)
        };
    }
    match imported.effect.as_ref().map(types::Effect::state) {
        Some(EffectState::InForce) => Outcome::InForce,
        Some(EffectState::Pending) => Outcome::Pending,
        _ => Outcome::Refused("no state".to_owned()),
    }
}

fn failed_as(status: &Status) -> Outcome {
    let away = [
        Code::Unavailable,
        Code::DeadlineExceeded,
        Code::Aborted,
        Code::Cancelled,
        Code::Internal,
        Code::ResourceExhausted,
        // Errors of the transport.
        Code::Unknown,
    ];
    let details = status.get_error_details();
    let reason = details.error_info().map_or_else(
        || format!("{:?} {}", status.code(), status.message()),
        |info| info.reason.clone(),
    );
    refused_or_away(&reason, away.contains(&status.code()))
}

fn ago(days: i64) -> Value {
    let at = WallClock.now().plus_seconds(-days * 86_400).local_day();
    json!(at.start().to_rfc3339())
}

/// A fact with the same content whenever it is sent on this day, because other content under the same key is a
/// conflict.
fn fact(fact: Fact) -> types::Fact {
    let (kind, attributes) = match fact {
        Fact::Case => ("case", json!({"stage": "confirmed", "diagnosed_at": ago(3)})),
        Fact::CaseDischarged => (
            "case",
            json!({"stage": "confirmed", "diagnosed_at": ago(3), "closed_at": ago(1), "closure": "discharged"}),
        ),
        Fact::Contact => ("close_contact", json!({"last_contact_at": ago(1)})),
        Fact::FeverClinic => ("fever_clinic_visit", json!({"visited_at": ago(1)})),
        Fact::Symptoms => ("symptoms", json!({"observed_at": ago(1), "symptoms": ["fever"]})),
        Fact::Entry => ("entry", json!({"entered_at": ago(9), "country": "DEU"})),
        Fact::EntryAfterQuarantine => (
            "entry",
            json!({"entered_at": ago(9), "country": "DEU", "quarantine_completed_at": ago(2)}),
        ),
        Fact::NegativeTest => ("test", json!({"sampled_at": ago(1), "result": "negative"})),
    };
    feed::fact(kind, &attributes)
}
