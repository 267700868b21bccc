//! The gateway of text messages: keeps what it was given, for tests and for whoever develops.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::authority::is_authorised;
use crate::faults::{self, Fault};
use crate::{Shared, StandIns};

/// A message that was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentMessage {
    pub to: String,
    pub template: String,
    pub text: String,
}

impl SentMessage {
    /// The six digits of a one-time code.
    fn code(&self) -> Option<String> {
        if self.template != "one-time-code" {
            return None;
        }
        let (_, after) = self.text.split_once("Code ")?;
        after.get(..6).map(str::to_owned)
    }
}

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/", post(take)).route("/", get(list))
}

async fn take(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(message): Json<SentMessage>,
) -> Response {
    shared.faults.count("messages");
    if let Some(fault) = faults::common(&shared.faults).await {
        return fault;
    }
    if shared.faults.is_on(Fault::MessagesAway) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if !is_authorised(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    shared.messages().push(message);
    StatusCode::ACCEPTED.into_response()
}

async fn list(State(shared): State<Shared>) -> Response {
    let messages = shared.messages().clone();
    Json(messages).into_response()
}

impl StandIns {
    /// The messages to a number, the oldest first. Numbers are in E.164.
    pub fn messages_to(&self, mobile: &str) -> Vec<SentMessage> {
        let all = self.shared.messages();
        all.iter()
            .filter(|message| message.to == mobile)
            .cloned()
            .collect()
    }

    /// The six digits of the last code that was sent to a number.
    pub fn last_code(&self, mobile: &str) -> Option<String> {
        let messages = self.messages_to(mobile);
        messages.iter().rev().find_map(SentMessage::code)
    }

    /// The number and the six digits of every code that was sent, the oldest first.
    pub fn codes(&self) -> Vec<(String, String)> {
        let all = self.shared.messages();
        all.iter()
            .filter_map(|message| Some((message.to.clone(), message.code()?)))
            .collect()
    }
}
