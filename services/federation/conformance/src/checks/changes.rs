//! Changes of codes: read after a tag, compared, acknowledged, and never guessed.

use lutong_proto::federation::v1 as wire;
use lutong_token::{BatchHeader, BatchTag};
use prost::Message as _;
use wire::RecognitionOutcome as Outcome;

use super::codes::is_colour;
use crate::exchange::Exchange;
use crate::session::{Session, refused};
use crate::verdict::{Failure, Finding, Verdict, ensure};

/// One reference more than are compared.
const TOO_MANY: usize = 401;
/// A tag of no batch.
const UNKNOWN_TAG: &str = "c0ffeec0ffeec0ffeec0ffeec0ffee00";

impl Session<'_> {
    async fn pull(&mut self, after_tag: &str) -> Result<wire::ChangeQueryResult, Failure> {
        let query = wire::ChangeQuery {
            after_tag: after_tag.to_owned(),
        };
        self.say(Exchange::PullChanges, &query).await
    }

    async fn compare(&mut self, code_references: Vec<String>) -> Result<wire::CodeComparisonResult, Failure> {
        self.say(Exchange::CompareCodes, &wire::CodeComparison { code_references })
            .await
    }

    /// Says where the chain stands; what comes after it is none, or a batch signed for us.
    pub async fn pull_from_now(&mut self) -> Verdict {
        let now = self.pull("").await?;
        let head: Result<BatchTag, _> = now.head_tag.parse();
        ensure(
            head.is_ok(),
            Finding::Batch,
            format!("head_tag {:?}", now.head_tag),
        )?;
        ensure(
            now.batch.is_none() && !now.is_gone,
            Finding::Batch,
            "a batch after no tag",
        )?;
        let next = self.pull(&now.head_tag).await?;
        let Some(batch) = next.batch else {
            return ensure(
                !next.has_more,
                Finding::Batch,
                "more batches, and none of them is given",
            );
        };
        let kit = self.kit;
        let opened = BatchHeader::open(
            &batch.header,
            &batch.body,
            &kit.peer.batch_keys,
            kit.speaker.clock.now(),
        );
        let opened = opened.map_err(|error| Failure::new(Finding::Batch, error))?;
        let is_next = opened.header.sender == kit.peer.province.as_str()
            && opened.header.audience == kit.speaker.own.as_str()
            && opened.header.previous.to_string() == now.head_tag;
        ensure(
            is_next,
            Finding::Batch,
            "the batch is not the next of this system for us",
        )?;
        let read = wire::ChangeBatch::decode(&*batch.body);
        read.map(drop)
            .map_err(|error| Failure::new(Finding::Batch, error))
    }

    pub async fn pull_unknown_tag(&mut self) -> Verdict {
        let said = self.pull(UNKNOWN_TAG).await?;
        ensure(
            said.is_gone && said.batch.is_none(),
            Finding::Batch,
            "a tag that never was is not said to be gone",
        )
    }

    pub async fn pull_malformed_tag(&mut self) -> Verdict {
        let query = wire::ChangeQuery {
            after_tag: "no tag".to_owned(),
        };
        let received = self
            .send_changed(Exchange::PullChanges, &query.encode_to_vec(), |_| {})
            .await?;
        refused(received)
    }

    pub async fn compare_unknown(&mut self) -> Verdict {
        let reference = "conformance".to_owned();
        let said = self.compare(vec![reference.clone()]).await?;
        let [change] = &said.changes[..] else {
            return Err(Failure::new(
                Finding::Outcome,
                format!("{} answers about one code", said.changes.len()),
            ));
        };
        ensure(
            change.code_reference == reference,
            Finding::Reference,
            "the answer is about another code",
        )?;
        let detail = format!(
            "a code that is not followed is {}",
            change.outcome().as_str_name()
        );
        ensure(change.outcome() == Outcome::NotFound, Finding::Outcome, detail)
    }

    pub async fn compare_too_many(&mut self) -> Verdict {
        let references = (0..TOO_MANY).map(|place| format!("c{place}")).collect();
        let body = wire::CodeComparison {
            code_references: references,
        };
        let received = self
            .send_changed(Exchange::CompareCodes, &body.encode_to_vec(), |_| {})
            .await?;
        refused(received)
    }

    /// A code that was verified is followed, and stands as it was verified.
    pub async fn followed(&mut self) -> Verdict {
        let good = self
            .kit
            .peer
            .codes
            .iter()
            .find(|code| is_colour(code.outcome))
            .cloned();
        let Some(good) = good else {
            return Err(Failure::new(
                Finding::Kit,
                "the plan has a case without its test code",
            ));
        };
        let verified = self.verify_token(&good.token).await?;
        let said = self.compare(vec![verified.code_reference]).await?;
        let outcome = said
            .changes
            .first()
            .map_or(Outcome::Unspecified, wire::CodeChange::outcome);
        let detail = format!(
            "{} instead of {}",
            outcome.as_str_name(),
            good.outcome.as_str_name()
        );
        ensure(outcome == good.outcome, Finding::Outcome, detail)
    }

    pub async fn acknowledge_malformed_tag(&mut self) -> Verdict {
        let body = wire::BatchAcknowledgement {
            tag: "no tag".to_owned(),
        };
        let received = self
            .send_changed(Exchange::AcknowledgeChanges, &body.encode_to_vec(), |_| {})
            .await?;
        refused(received)
    }

    pub async fn notice(&mut self) -> Verdict {
        let body = wire::ChangeNotice {
            head_tag: BatchTag::BEGINNING.to_string(),
        };
        let _: wire::Receipt = self.say(Exchange::NotifyChanges, &body).await?;
        Ok(())
    }
}
