//! What the sources of facts are asked: they see it, confirm the fact or take it back. What a source says is one transaction with the case
//! that it moves on, and so is the end of a question that nobody answered.

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_kernel::{Fault, Secret, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_transport::access::FeedPermit;
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::Complaints;
use super::steps::fire;
use crate::domain::case::Case;
use crate::domain::log::{Actor, Happening, LogEntry};
use crate::domain::review::{ColourEffect, FactReview, ReviewState, Unanswerable};
use crate::domain::tracking::TrackingNumber;
use crate::fault::appeals as fault;
use crate::peers::declaration::{Fact, TakenBack};
use crate::store::reviews::{self, Filter};
use crate::store::{Complaint, cases};

/// Questions that are ended at once.
const CHUNK: u64 = 100;

/// What a source says to a question.
#[derive(Debug, Clone)]
pub struct SourceAnswer {
    pub request: RequestKey,
    pub id: Uuid,
    /// Of the state that the caller has seen; empty: whatever its state.
    pub etag: String,
    pub reason: Secret<String>,
}

/// Whether a fact is so.
#[derive(Debug, Clone)]
enum Finding {
    Confirmed,
    /// It has been retracted or corrected, with this effect.
    Corrected(ColourEffect),
}

impl FactReview {
    /// The etag, over what an answer or the end of its time changes.
    pub fn etag(&self, now: Timestamp) -> Etag {
        Etag::of(&self.id.to_string(), [self.state_at(now).into_str()])
    }
}

impl Complaints {
    /// A question to the feed of the permit. Another feed's is not found.
    pub async fn question(&self, permit: &FeedPermit, id: Uuid) -> Result<FactReview, Fault> {
        let cipher = self.fields.ready().await?;
        let found = reviews::find(self.database.reader(), &cipher, id).await?;
        of_feed(found, &permit.feed().source)
    }

    /// Questions to the feed of the permit, the newest first, and the token of the next page.
    pub async fn questions(
        &self,
        permit: &FeedPermit,
        state: Option<ReviewState>,
        page: &Page,
    ) -> Result<(Vec<FactReview>, String), Fault> {
        let before = page.after(|bytes| Uuid::from_slice(bytes).ok())?;
        let cipher = self.fields.ready().await?;
        let filter = Filter {
            source: &permit.feed().source,
            state,
            now: self.clock.now(),
        };
        let reader = self.database.reader();
        let found = reviews::of_source(reader, &cipher, filter, before, page.limit()).await?;
        page.cut(found, |last| last.id.as_bytes().to_vec())
    }

    pub async fn confirm_fact(&self, permit: &FeedPermit, answer: SourceAnswer) -> Result<FactReview, Fault> {
        self.hear(permit, answer, Finding::Confirmed).await
    }

    /// Has a fact retracted or corrected under the name of its feed, and notes that. Sent again after that was done and not noted, it is noted.
    pub async fn correct_fact(
        &self,
        permit: &FeedPermit,
        call: &Call,
        answer: SourceAnswer,
        instead: Option<Fact>,
    ) -> Result<FactReview, Fault> {
        let stored = idempotency::stored_answer(self.database.reader(), &answer.request).await?;
        let effect = if stored.is_some() {
            ColourEffect::none()
        } else {
            let review = self.question(permit, answer.id).await?;
            check_open(&review, &answer, self.clock.now())?;
            let taken_back = TakenBack {
                source: review.source,
                key: format!("appeal-{}", review.id),
                subject: review.subject,
                retracts: review.key.into_inner(),
                reason: answer.reason.expose().clone(),
                instead,
            };
            self.peers.take_back(call, taken_back).await?
        };
        self.hear(permit, answer, Finding::Corrected(effect)).await
    }

    async fn hear(
        &self,
        permit: &FeedPermit,
        answer: SourceAnswer,
        finding: Finding,
    ) -> Result<FactReview, Fault> {
        let (cipher, now) = (self.fields.ready().await?, self.clock.now());
        let source = permit.feed().source.clone();
        let heard = self
            .database
            .write(move |transaction| {
                async move { hear_in(transaction, &cipher, &source, answer, finding, now).await }.boxed()
            })
            .await?;
        self.move_reliefs_of(&heard.case).await;
        Ok(heard)
    }

    /// Ends the questions whose time is over. One that cannot be read holds up no other.
    pub(super) async fn expire_questions(&self) -> Result<(), StorageError> {
        let found = reviews::over(self.database.reader(), self.clock.now(), CHUNK).await?;
        for (id, case) in found {
            if let Err(fault) = self.expire(id, &case).await {
                tracing::warn!(review = %id, %fault, "a question to a source is looked at again with the next round");
            }
        }
        Ok(())
    }

    async fn expire(&self, id: Uuid, case: &str) -> Result<(), Fault> {
        let (cipher, now) = (self.fields.ready().await?, self.clock.now());
        let damaged = |_| StorageError::Damaged("fact_reviews.tracking_number".to_owned());
        let number = TrackingNumber::parse(case).map_err(damaged)?;
        let this = self.clone();
        self.database
            .write(move |transaction| {
                async move { this.expire_in(transaction, &cipher, &number, id, now).await }.boxed()
            })
            .await
    }

    /// Ends a question whose time is over, and wants relief from its fact where the policy offers any: once for a fact of an appeal that is
    /// open. A case that another transaction has locked is left to it.
    async fn expire_in(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        number: &TrackingNumber,
        id: Uuid,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let Some(mut complaint) = cases::lock_if_free(transaction, cipher, number).await? else {
            return Ok(());
        };
        let asked = reviews::of_case(transaction, cipher, number).await?;
        let Some(mut review) = asked.iter().find(|review| review.id == id).cloned() else {
            return Ok(());
        };
        if review.state != ReviewState::Requested || now < review.due_at {
            return Ok(());
        }
        review.state = ReviewState::Expired;
        let had_relief = asked
            .iter()
            .any(|one| one.fact == review.fact && one.relief.is_some());
        if complaint.case.state.is_open() && !had_relief {
            let offered = self.handling.relief.offer(&review.kind, review.due_at);
            review.relief = offered.filter(|relief| relief.runs_at(now));
        }
        reviews::save(transaction, cipher, &review).await?;
        let said = Said {
            happening: Happening::SourceExpired,
            actor: Actor::Clock,
            text: None,
            now,
        };
        move_on(transaction, cipher, &mut complaint, said).await
    }
}

/// A question, if it is to this source.
fn of_feed(found: Option<FactReview>, source: &str) -> Result<FactReview, Fault> {
    found
        .filter(|review| review.source == source)
        .ok_or_else(fault::fact_review_not_found)
}

fn check_open(review: &FactReview, answer: &SourceAnswer, now: Timestamp) -> Result<(), Fault> {
    let state = review.state_at(now);
    review.etag(now).check(&answer.etag, state.into_str())?;
    review.check_open(now).map_err(|reason| match reason {
        Unanswerable::Answered => fault::fact_review_answered(),
        Unanswerable::Ended => fault::fact_review_ended(),
    })
}

/// Notes what a source says, and moves the case on.
async fn hear_in(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    source: &str,
    answer: SourceAnswer,
    finding: Finding,
    now: Timestamp,
) -> Result<FactReview, Fault> {
    let own = answer.id.as_bytes();
    if let Claim::Replay(stored) = idempotency::claim(transaction, &answer.request, own, now).await? {
        let id = idempotency::answered_id(&stored)?;
        return of_feed(reviews::find(transaction, cipher, id).await?, source);
    }
    let found = of_feed(reviews::find(transaction, cipher, answer.id).await?, source)?;
    let complaint = cases::lock(transaction, cipher, &found.case).await?;
    let mut complaint = complaint.ok_or_else(|| missing_case(&found))?;
    // As it is now that its case is locked.
    let mut review = of_feed(reviews::find(transaction, cipher, answer.id).await?, source)?;
    let happening = match finding {
        Finding::Confirmed => {
            check_open(&review, &answer, now)?;
            review.state = ReviewState::Confirmed;
            Happening::SourceConfirmed
        }
        Finding::Corrected(effect) => {
            // The fact no longer stands: that is noted even if its time is over by now, or the source has confirmed the fact beside it.
            if review.state == ReviewState::Corrected {
                return Err(fault::fact_review_answered());
            }
            review.state = ReviewState::Corrected;
            review.effect = effect;
            Happening::SourceCorrected
        }
    };
    review.answered_at = Some(now);
    review.reason = Some(answer.reason.clone());
    reviews::save(transaction, cipher, &review).await?;
    end_relief(transaction, cipher, &review, now).await?;
    let said = Said {
        happening,
        actor: Actor::Source(source.to_owned()),
        text: Some(answer.reason),
        now,
    };
    move_on(transaction, cipher, &mut complaint, said).await?;
    Ok(review)
}

/// Begins to end the relief from a fact whose source was heard, whichever question about it was late.
async fn end_relief(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    heard: &FactReview,
    now: Timestamp,
) -> Result<(), Fault> {
    let asked = reviews::of_case(transaction, cipher, &heard.case).await?;
    for mut review in asked.into_iter().filter(|one| one.fact == heard.fact) {
        if let Some(relief) = review.relief.as_mut().filter(|relief| relief.runs_at(now)) {
            relief.end(now);
            reviews::save(transaction, cipher, &review).await?;
        }
    }
    Ok(())
}

/// What happened with a question.
pub(super) struct Said {
    pub happening: Happening,
    pub actor: Actor,
    pub text: Option<Secret<String>>,
    pub now: Timestamp,
}

/// Moves a locked case on once no other source is asked, and writes its log.
pub(super) async fn move_on(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    complaint: &mut Complaint,
    said: Said,
) -> Result<(), Fault> {
    let mut entries = fire(&mut complaint.case, said.now);
    let asked = reviews::of_case(transaction, cipher, &complaint.number).await?;
    let is_last = asked
        .iter()
        .all(|review| review.state_at(said.now) != ReviewState::Requested);
    let next: Case = complaint.case.hear_source(is_last);
    entries.push(LogEntry {
        happening: said.happening,
        at: said.now,
        actor: said.actor,
        from: Some(complaint.case.state),
        to: next.state,
        text: said.text,
        division: None,
        clock: None,
        verdict: None,
        finding: None,
        is_shown: false,
    });
    cases::save(transaction, cipher, &complaint.number, &next, &entries).await?;
    complaint.case = next;
    Ok(())
}

fn missing_case(review: &FactReview) -> Fault {
    StorageError::Damaged(format!("fact_reviews.tracking_number of {}", review.id)).into()
}
