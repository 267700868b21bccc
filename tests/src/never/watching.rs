//! People show their codes and doors verify them, all the time, and what they saw is written down.

use std::time::Duration;

use http::Method;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use super::history::{Colour, How, Moment, Seen};
use super::reporting::Scribe;
use crate::people::{Connections, Person};

const PAUSE: Duration = Duration::from_millis(15);

/// One person who shows the code, and a door.
#[derive(Debug)]
pub struct Watcher {
    scribe: Scribe,
    place: usize,
    person: Person,
    /// Session of the checkpoint.
    door: String,
    connections: Connections,
    /// A token shown earlier, which the door is shown again.
    kept: Option<String>,
}

impl Watcher {
    pub fn new(scribe: Scribe, place: usize, person: Person, door: String) -> Self {
        Self {
            scribe,
            place,
            person,
            door,
            connections: Client::builder(TokioExecutor::new()).build_http(),
            kept: None,
        }
    }

    /// Looks until it is dropped.
    pub async fn watch(mut self) {
        for turn in 0_u32.. {
            self.look(turn).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Shows a token, has it verified, and an earlier one too.
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
        let begun = self.scribe.now();
        let session = Some(self.person.session.as_str());
        let path = "/v1/code";
        let answer = self
            .person
            .gateway
            .call_over(&self.connections, Method::GET, path, session, None);
        let answer = answer.await.ok()?;
        if answer.reason() == "CODE_NOT_FOUND" {
            self.saw(begun, How::Shown(0), Colour::None);
            return None;
        }
        let colour = Colour::parse(answer.body["colour"].as_str()?)?;
        let version = answer.body["version"].as_str()?.parse().ok()?;
        self.saw(begun, How::Shown(version), colour);
        Some(answer.body["token"].as_str()?.to_owned())
    }

    /// A door that gets no answer or is told that the token has expired has seen nothing.
    async fn verify(&self, token: &str) -> Option<()> {
        let begun = self.scribe.now();
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
        self.saw(begun, How::Verified, colour);
        Some(())
    }

    fn saw(&self, begun: Moment, how: How, colour: Colour) {
        self.scribe.saw(Seen {
            person: self.place,
            how,
            begun,
            ended: self.scribe.now(),
            colour,
        });
    }
}
