//! People show their codes and doors verify them continuously, and every observation is recorded.

use std::time::Duration;

use http::Method;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use super::history::{Colour, Moment, Observation, Observer};
use super::reporting::Recorder;
use crate::people::{Connections, Person};

const PAUSE: Duration = Duration::from_millis(15);

/// One person who shows the code, and a door that verifies it.
#[derive(Debug)]
pub struct Watcher {
    recorder: Recorder,
    place: usize,
    person: Person,
    /// The checkpoint's session.
    door: String,
    connections: Connections,
    /// An earlier token, which the door verifies again.
    kept: Option<String>,
}

impl Watcher {
    pub fn new(recorder: Recorder, place: usize, person: Person, door: String) -> Self {
        Self {
            recorder,
            place,
            person,
            door,
            connections: Client::builder(TokioExecutor::new()).build_http(),
            kept: None,
        }
    }

    /// Observes until dropped.
    pub async fn watch(mut self) {
        for turn in 0_u32.. {
            self.look(turn).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Shows a token and verifies it and an earlier one.
    async fn look(&mut self, turn: u32) {
        if let Some(token) = self.show().await {
            self.verify(&token).await;
            if turn.is_multiple_of(20) {
                self.kept = Some(token);
            }
        }
        if let Some(kept) = self.kept.clone()
            && turn.is_multiple_of(3)
        {
            self.verify(&kept).await;
        }
    }

    async fn show(&self) -> Option<String> {
        let begun = self.recorder.now();
        let session = Some(self.person.session.as_str());
        let path = "/v1/code";
        let answer = self
            .person
            .gateway
            .call_over(&self.connections, Method::GET, path, session, None);
        let answer = answer.await.ok()?;
        if answer.reason() == "CODE_NOT_FOUND" {
            self.saw(begun, Observer::Shown(0), Colour::None);
            return None;
        }
        let colour = Colour::parse(answer.body["colour"].as_str()?)?;
        let version = answer.body["version"].as_str()?.parse().ok()?;
        self.saw(begun, Observer::Shown(version), colour);
        Some(answer.body["token"].as_str()?.to_owned())
    }

    /// A door that gets no answer or EXPIRED has observed nothing.
    async fn verify(&self, token: &str) -> Option<()> {
        let begun = self.recorder.now();
        let (session, path) = (Some(self.door.as_str()), "/v1/tokens:verify");
        let body = Some(json!({"token": token}));
        let answer = self
            .person
            .gateway
            .call_over(&self.connections, Method::POST, path, session, body);
        let answer = answer.await.ok()?;
        let colour = match answer.body["outcome"].as_str()? {
            "VERIFICATION_OUTCOME_REVOKED" => Colour::None,
            _ => Colour::parse(answer.body["colour"].as_str()?)?,
        };
        self.saw(begun, Observer::Verified, colour);
        Some(())
    }

    fn saw(&self, begun: Moment, how: Observer, colour: Colour) {
        self.recorder.saw(Observation {
            person: self.place,
            how,
            begun,
            ended: self.recorder.now(),
            colour,
        });
    }
}
