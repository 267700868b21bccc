//! What a system accepts: signed, for it, now, once, and whole.

use lutong_token::document::{self, Purpose};
use lutong_token::{Algorithm, MessageHeader, SigningKey};
use serde_json::json;

use super::{about, question};
use crate::exchange::Exchange;
use crate::session::{ReceivedAnswer, Refusal, Session, SignedMessage, refused, unsigned};
use crate::verdict::{Failure, Finding, Verdict, ensure};

const VERIFY: Exchange = Exchange::VerifyHealthCode;
/// Seconds by which a message is older than anybody accepts, ahead of every clock, and late but in time.
const TOO_OLD: i64 = -120;
const AHEAD: i64 = 90;
const DELAYED: i64 = -45;
/// Bytes of a body that is too long, and of one that nobody reads.
const LONG: usize = 16_400;
const OVERSIZED: usize = 100_000;

impl Session<'_> {
    pub async fn answered(&mut self) -> Verdict {
        self.ask(VERIFY, &question()).await.map(drop)
    }

    pub async fn delayed(&mut self) -> Verdict {
        let delay = |header: &mut MessageHeader| header.sent_at = header.sent_at.plus_seconds(DELAYED);
        self.ask_changed(VERIFY, &question(), delay).await.map(drop)
    }

    async fn changed(&mut self, change: impl FnOnce(&mut MessageHeader)) -> Verdict {
        let received = self.send_changed(VERIFY, &question(), change).await?;
        refused(received)
    }

    pub async fn too_old(&mut self) -> Verdict {
        self.changed(|header| header.sent_at = header.sent_at.plus_seconds(TOO_OLD))
            .await
    }

    pub async fn ahead(&mut self) -> Verdict {
        self.changed(|header| header.sent_at = header.sent_at.plus_seconds(AHEAD))
            .await
    }

    pub async fn other_audience(&mut self) -> Verdict {
        let other = self.other_province();
        self.changed(|header| other.clone_into(&mut header.audience))
            .await
    }

    pub async fn other_method(&mut self) -> Verdict {
        self.changed(|header| {
            let other = Exchange::QueryHealthRecords.method();
            other.clone_into(&mut header.method);
        })
        .await
    }

    pub async fn altered_body(&mut self) -> Verdict {
        let mut message = self.signed(VERIFY, &question(), |_| {})?;
        message.body = about("LT1:ANOTHER");
        refused(self.send(VERIFY, &message).await)
    }

    /// Our key, in the name of a province that is not ours.
    pub async fn other_sender(&mut self) -> Verdict {
        let other = self.other_province();
        self.changed(|header| other.clone_into(&mut header.sender)).await
    }

    pub async fn answer_as_question(&mut self) -> Verdict {
        let nonce = self.kit.speaker.nonce();
        self.changed(|header| header.in_reply_to = Some(nonce)).await
    }

    /// The same message twice.
    pub async fn replayed(&mut self) -> Verdict {
        self.twice(question()).await
    }

    /// Another message with the nonce of the first.
    pub async fn nonce_again(&mut self) -> Verdict {
        self.twice(about("LT1:ANOTHER")).await
    }

    async fn twice(&mut self, second: Vec<u8>) -> Verdict {
        let mut nonce = None;
        let first = self.signed(VERIFY, &question(), |header| nonce = Some(header.nonce))?;
        let second = if second == first.body {
            first.clone()
        } else {
            self.signed(VERIFY, &second, |header| header.nonce = nonce.unwrap_or_default())?
        };
        match self.send(VERIFY, &first).await {
            ReceivedAnswer::Answer(_) => {}
            ReceivedAnswer::Unusable(failure) => return Err(failure),
            ReceivedAnswer::Refusal(Refusal { status, reason, .. }) => {
                return Err(Failure::new(
                    Finding::Refused,
                    format!("not even once: HTTP {status} {reason}"),
                ));
            }
        }
        refused(self.send(VERIFY, &second).await)
    }

    /// Signed with a key that is on no list.
    pub async fn unknown_key(&mut self) -> Verdict {
        let own = self.kit.speaker.own.as_str().to_owned();
        self.stranger(&own).await
    }

    /// A province, and a key, that are on no list.
    pub async fn unknown_sender(&mut self) -> Verdict {
        let other = self.other_province();
        self.stranger(other).await
    }

    async fn stranger(&mut self, sender: &str) -> Verdict {
        let stranger = SigningKey::generate(Algorithm::Ed25519, &*self.kit.speaker.random);
        let stranger = stranger.map_err(|error| Failure::new(Finding::Kit, error))?;
        let body = question();
        let mut header = self.header(VERIFY, &body);
        sender.clone_into(&mut header.sender);
        let header = header.sign(&stranger).map_err(unsigned)?;
        refused(self.send(VERIFY, &SignedMessage { header, body }).await)
    }

    pub async fn altered_signature(&mut self) -> Verdict {
        let mut message = self.signed(VERIFY, &question(), |_| {})?;
        if let Some(last) = message.header.last_mut() {
            *last ^= 1;
        }
        refused(self.send(VERIFY, &message).await)
    }

    pub async fn no_signature(&mut self) -> Verdict {
        let body = question();
        for header in [Vec::new(), b"LT1".to_vec(), vec![0xD2, 0x80], vec![0x9F; 400]] {
            let message = SignedMessage {
                header,
                body: body.clone(),
            };
            refused(self.send(VERIFY, &message).await)?;
        }
        Ok(())
    }

    /// The signature is ours, and of a batch: it is for another purpose.
    pub async fn other_purpose(&mut self) -> Verdict {
        let message = self.signed(VERIFY, &question(), |_| {})?;
        let read = document::read_unverified(&message.header);
        let (payload, _) = read.ok_or_else(|| Failure::new(Finding::Kit, "our own header cannot be read"))?;
        let header = document::sign(&self.kit.speaker.key, Purpose::Batch, &payload).map_err(unsigned)?;
        refused(self.send(VERIFY, &SignedMessage { header, ..message }).await)
    }

    pub async fn long_body(&mut self) -> Verdict {
        self.of_length(LONG).await
    }

    /// A system may also close the connection on somebody who goes on and on; it still answers the next.
    pub async fn oversized(&mut self) -> Verdict {
        match self.of_length(OVERSIZED).await {
            Err(failure) if failure.finding == Finding::Unreachable => self.answered().await,
            verdict => verdict,
        }
    }

    async fn of_length(&mut self, bytes: usize) -> Verdict {
        // All but the token has four bytes.
        let body = about(&"A".repeat(bytes.saturating_sub(4)));
        let message = self.signed(VERIFY, &body, |_| {})?;
        refused(self.send(VERIFY, &message).await)
    }

    pub async fn unreadable_body(&mut self) -> Verdict {
        let message = self.signed(VERIFY, b"\xff\xff\xff", |_| {})?;
        refused(self.send(VERIFY, &message).await)
    }

    /// What is no message at all.
    pub async fn malformed_json(&mut self) -> Verdict {
        let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
        let nested = json!({"message": json!({"header": "AQ==", "body": "AQ=="}).to_string()}).to_string();
        let requests = [
            String::new(),
            "{".to_owned(),
            "null".to_owned(),
            json!({}).to_string(),
            json!({"message": {"header": "not base64!", "body": "AQ=="}}).to_string(),
            json!({"message": {"haeder": "AQ==", "body": "AQ=="}}).to_string(),
            nested,
            deep,
        ];
        for request in requests {
            let reply = self.exchange(VERIFY.path(), Some(request)).await;
            refused(crate::session::received(&reply))?;
        }
        Ok(())
    }

    /// Refusals say why.
    pub async fn stated_reasons(&mut self) -> Verdict {
        let body = question();
        let old = self.signed(VERIFY, &body, |header| {
            header.sent_at = header.sent_at.plus_seconds(TOO_OLD);
        })?;
        let other = self.other_province();
        let elsewhere = self.signed(VERIFY, &body, |header| other.clone_into(&mut header.audience))?;
        let mut forged = self.signed(VERIFY, &body, |_| {})?;
        if let Some(last) = forged.header.last_mut() {
            *last ^= 1;
        }
        for (message, expected) in [
            (old, "STALE"),
            (elsewhere, "WRONG_AUDIENCE"),
            (forged, "BAD_SIGNATURE"),
        ] {
            match self.send(VERIFY, &message).await {
                ReceivedAnswer::Refusal(Refusal { reason, outcome, .. }) => {
                    let detail = format!("{reason:?}, {outcome:?} instead of MESSAGE_REFUSED, {expected}");
                    let is_stated = reason == "MESSAGE_REFUSED" && outcome == expected;
                    ensure(is_stated, Finding::NoReason, detail)?;
                }
                other => refused(other)?,
            }
        }
        Ok(())
    }

    /// A province that is neither ours nor the system's.
    fn other_province(&self) -> &'static str {
        let taken = [self.kit.speaker.own.as_str(), self.kit.peer.province.as_str()];
        let free = ["99", "98", "97"].into_iter().find(|code| !taken.contains(code));
        free.unwrap_or("96")
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn a_body_of_a_length_has_that_length() {
        for bytes in [LONG, OVERSIZED] {
            assert_eq!(about(&"A".repeat(bytes - 4)).len(), bytes);
        }
        let body = lutong_proto::federation::v1::HealthCodeVerification::decode(&*question());
        assert_eq!(body.unwrap().token, "LT1:CONFORMANCE");
    }
}
