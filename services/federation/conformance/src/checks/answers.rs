//! How a system answers: each message for itself, as JSON, in time, with a right clock.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::question;
use crate::exchange::{Exchange, MESSAGE_KEY_PATH};
use crate::kept::KeptExchange;
use crate::session::{Session, json_of};
use crate::verdict::{Failure, Finding, Verdict, ensure};

const VERIFY: Exchange = Exchange::VerifyHealthCode;
/// Somebody stands at a door.
const IN_TIME: Duration = Duration::from_secs(2);
/// Seconds by which a clock may be wrong before somebody should look at it.
const CLOCK: u64 = 5;
/// Messages at once.
const AT_ONCE: usize = 8;

impl Session<'_> {
    pub async fn distinct_nonces(&mut self) -> Verdict {
        let mut seen = BTreeSet::new();
        for _ in 0..3 {
            let answer = self.ask(VERIFY, &question()).await?;
            ensure(
                seen.insert(answer.header.nonce),
                Finding::AnswerNonce,
                "two answers have the same nonce",
            )?;
        }
        Ok(())
    }

    /// Messages at once are answered each for itself.
    pub async fn at_once(&mut self) -> Verdict {
        let (kit, body) = (self.kit, question());
        let mut messages = Vec::new();
        for _ in 0..AT_ONCE {
            self.pace().await;
            let mut nonce = None;
            let message = self.signed(VERIFY, &body, |header| nonce = Some(header.nonce))?;
            messages.push((nonce.unwrap_or_default(), json_of(&message)));
        }
        let url = format!("{}{}", kit.address, VERIFY.path());
        let sent_at = kit.speaker.clock.now();
        let sent = messages
            .iter()
            .map(|(_, json)| kit.client.send(&url, Some(json.clone())));
        let replies = futures::future::join_all(sent).await;
        let mut verdict = Ok(());
        for ((nonce, json), reply) in messages.iter().zip(&replies) {
            let call = format!("POST {}", VERIFY.path());
            self.exchanges.push(KeptExchange::new(call, sent_at, json, reply));
            let believed = kit.believe((VERIFY, *nonce), reply).map(drop);
            verdict = verdict.and(believed);
        }
        verdict
    }

    pub async fn content_type(&mut self) -> Verdict {
        let answer = self.ask(VERIFY, &question()).await?;
        let kind = answer
            .content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned();
        let detail = format!("{kind:?} instead of application/json");
        ensure(
            kind.eq_ignore_ascii_case("application/json"),
            Finding::ContentType,
            detail,
        )
    }

    pub async fn in_time(&mut self) -> Verdict {
        let answer = self.ask(VERIFY, &question()).await?;
        let detail = format!("after {} ms", answer.elapsed.as_millis());
        ensure(answer.elapsed <= IN_TIME, Finding::Slow, detail)
    }

    pub async fn clock(&mut self) -> Verdict {
        let answer = self.ask(VERIFY, &question()).await?;
        let off = answer.header.sent_at.seconds() - answer.received_at.seconds();
        let allowed = CLOCK + answer.elapsed.as_secs();
        ensure(
            off.unsigned_abs() <= allowed,
            Finding::Clock,
            format!("it is off by {off} s"),
        )
    }

    /// The published keys are those that were declared.
    pub async fn published_keys(&mut self) -> Verdict {
        let reply = self.exchange(MESSAGE_KEY_PATH, None).await;
        if let Some(failure) = reply.failure {
            return Err(failure);
        }
        if reply.status != Some(200) {
            let finding = match reply.status {
                Some(429) => Finding::Throttled,
                Some(400..500) => Finding::Refused,
                _ => Finding::Failed,
            };
            return Err(Failure::new(
                finding,
                format!("HTTP {:?}", reply.status.unwrap_or_default()),
            ));
        }
        let read: Value =
            serde_json::from_slice(&reply.body).map_err(|error| Failure::new(Finding::NotJson, error))?;
        let (messages, batches) = &self.kit.peer.published;
        let is_same = |name: &str, declared: &str| {
            let plain = |text: &str| text.split_whitespace().collect::<String>();
            read[name]
                .as_str()
                .is_some_and(|text| plain(text) == plain(declared))
        };
        ensure(
            is_same("public_key", messages),
            Finding::OtherKey,
            "public_key is not the declared key for messages",
        )?;
        let is_known = batches
            .as_ref()
            .is_none_or(|batches| is_same("batch_public_key", batches));
        ensure(
            is_known,
            Finding::OtherKey,
            "batch_public_key is not the declared key for batches",
        )
    }
}
