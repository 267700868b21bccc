//! What the mock says of codes, and of their changes: one batch, which anybody finds who reads from where the chain stands.

use lutong_proto::federation::v1 as wire;
use lutong_proto::time::instant;
use lutong_token::{BatchHeader, BatchTag, body_digest};
use prost::Message as _;
use wire::RecognitionOutcome as Outcome;

use super::accepting::Refused;
use super::answering::UNREADABLE;
use super::faults::FaultKind;
use super::{Call, Mock};
use crate::kept::digest;

const MAX_REFERENCES: usize = 400;

impl Mock {
    pub fn verify(
        &self,
        call: &Call,
        body: &wire::HealthCodeVerification,
    ) -> wire::HealthCodeVerificationResult {
        let declared = self
            .setup
            .declaration
            .codes
            .iter()
            .find(|code| code.token == body.token);
        let made = self.memory().tokens.get(&body.token).copied();
        let known = declared
            .map(|code| code.outcome)
            .or(made)
            .map(|outcome| self.told(call, outcome));
        let outcome = known.unwrap_or(if call.has(FaultKind::SaysGreen) {
            Outcome::Green
        } else {
            Outcome::NotFound
        });
        let has_colour = matches!(outcome, Outcome::Green | Outcome::Yellow | Outcome::Red);
        let mut reference = String::new();
        if has_colour && !call.has(FaultKind::NoReferences) {
            reference = digest(body.token.as_bytes()).chars().take(32).collect();
            self.memory().followed.insert(reference.clone(), outcome);
        }
        wire::HealthCodeVerificationResult {
            outcome: outcome.into(),
            refusal: if has_colour {
                String::new()
            } else {
                "UNREADABLE".to_owned()
            },
            verify_time: Some(instant(call.now)),
            code_reference: reference,
        }
    }

    /// A tag of the right shape.
    pub fn take_tag(&self, call: &Call, tag: &str) -> Result<BatchTag, Refused> {
        match tag.parse() {
            Ok(tag) => Ok(tag),
            Err(_) if call.has(FaultKind::AcceptsAnyTag) => Ok(BatchTag::BEGINNING),
            Err(_) => Err(UNREADABLE),
        }
    }

    pub fn pull(&self, call: &Call, body: &wire::ChangeQuery) -> Result<wire::ChangeQueryResult, Refused> {
        let head = BatchTag::BEGINNING;
        let mut said = wire::ChangeQueryResult {
            head_tag: head.to_string(),
            ..wire::ChangeQueryResult::default()
        };
        if body.after_tag.is_empty() {
            return Ok(said);
        }
        if self.take_tag(call, &body.after_tag)? == head {
            said.batch = self.batch(call, head);
        } else {
            said.is_gone = !call.has(FaultKind::NeverGone);
        }
        Ok(said)
    }

    fn batch(&self, call: &Call, previous: BatchTag) -> Option<wire::SignedBatch> {
        let change = wire::CodeChange {
            code_reference: "mock".to_owned(),
            outcome: Outcome::NoCode.into(),
            change_time: Some(instant(call.now)),
        };
        let body = wire::ChangeBatch {
            changes: vec![change],
        }
        .encode_to_vec();
        let (partner, _) = &self.setup.partner;
        let header = BatchHeader {
            sender: self.own().to_owned(),
            audience: partner.as_str().to_owned(),
            number: 1,
            previous: if call.has(FaultKind::OtherChain) {
                BatchTag::from_bytes([7; 16])
            } else {
                previous
            },
            cut_at: call.now,
            body_digest: body_digest(&body),
        };
        let signed = if call.has(FaultKind::ForgedBatches) {
            header.sign(&self.stranger()?)
        } else {
            header.sign(&self.setup.key)
        };
        let (header, _) = signed.ok()?;
        Some(wire::SignedBatch { header, body })
    }

    pub fn compare(
        &self,
        call: &Call,
        body: wire::CodeComparison,
    ) -> Result<wire::CodeComparisonResult, Refused> {
        if body.code_references.len() > MAX_REFERENCES && !call.has(FaultKind::ComparesAnyNumber) {
            return Err(UNREADABLE);
        }
        let memory = self.memory();
        let changes = body.code_references.into_iter().map(|code_reference| {
            let unknown = if call.has(FaultKind::FollowsAnything) {
                Outcome::Green
            } else {
                Outcome::NotFound
            };
            let outcome = memory.followed.get(&code_reference).copied().unwrap_or(unknown);
            wire::CodeChange {
                code_reference,
                outcome: outcome.into(),
                change_time: Some(instant(call.now)),
            }
        });
        Ok(wire::CodeComparisonResult {
            changes: changes.collect(),
        })
    }
}
