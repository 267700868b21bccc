//! One action on a case: checked, done and logged in one transaction, on the case as it is locked there.

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_kernel::{Fault, Secret, Timestamp};
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_transport::reply;
use sea_orm::DatabaseTransaction;

use super::Complaints;
use super::filing::{answered, first_entry};
use crate::domain::accountability::voices::Finding;
use crate::domain::appeal::{self, CitedFact, Undecidable};
use crate::domain::case::{self, Case, Command, MergeSide, Refusal, check_merge};
use crate::domain::content::Kind;
use crate::domain::log::{Actor, Happening, LogEntry};
use crate::domain::machine::State;
use crate::domain::review::{FactReview, ReviewState};
use crate::domain::staff::Staff;
use crate::domain::tracking::TrackingNumber;
use crate::fault;
use crate::fault::{appeals, cases as refusals, places};
use crate::store::cases::Reacher;
use crate::store::{Complaint, Hash, cases, place_voices, reviews};

/// An action that somebody asks for.
#[derive(Debug, Clone)]
pub struct Step {
    pub request: RequestKey,
    pub number: TrackingNumber,
    /// Of the state that the caller has seen; empty: whatever its state.
    pub etag: String,
    pub command: Command,
    pub text: Option<Secret<String>>,
    /// Whether the filer reads the text.
    pub is_shown: bool,
    /// What it does beyond the case, or why that cannot be done.
    pub with: Result<Attached, Fault>,
}

/// What an action does beyond its case.
#[derive(Debug, Clone, Default)]
pub enum Attached {
    #[default]
    Nothing,
    /// Asks the source of a fact.
    Question(Box<FactReview>),
    /// Decides about the facts that the appealed decision rests on.
    Facts(Vec<CitedFact>),
    /// Says whether what was reported of a place is so.
    Finding(Finding),
}

/// Who acts, and so which complaints they reach. Any other is not found.
#[derive(Debug, Clone)]
pub(super) enum Party {
    Filer(Hash),
    Staff(Staff),
}

impl Party {
    pub(super) fn reaches(&self, complaint: &Complaint) -> bool {
        match self {
            Self::Filer(account) => complaint.account.as_ref() == Some(account),
            Self::Staff(staff) => staff.reaches(&complaint.reach()),
        }
    }

    /// The same for the store, which does not read what is not reached.
    pub(super) const fn reacher(&self) -> Reacher<'_> {
        match self {
            Self::Filer(account) => Reacher::Filer(account),
            Self::Staff(staff) => Reacher::Staff(staff),
        }
    }

    pub(super) fn not_found(&self) -> Fault {
        match self {
            Self::Filer(_) => fault::complaint_not_found(),
            Self::Staff(_) => refusals::case_not_found(),
        }
    }

    pub(super) const fn is_staff(&self) -> bool {
        matches!(self, Self::Staff(_))
    }

    pub(super) fn actor(&self) -> Actor {
        match self {
            Self::Filer(_) => Actor::Filer,
            Self::Staff(staff) => Actor::Staff(staff.account.clone()),
        }
    }
}

impl Complaint {
    /// The etag: the version grows with every action, and with whatever a clock does.
    pub fn etag(&self) -> Etag {
        Etag::of(self.number.as_str(), [self.case.version.to_be_bytes()])
    }
}

impl Complaints {
    /// Takes an action. A repeated request gets the complaint as it stands.
    pub(super) async fn act(&self, party: Party, step: Step) -> Result<Complaint, Fault> {
        let (complaint, _) = self.act_and_answer(party, step).await?;
        Ok(complaint)
    }

    /// Takes an action, and returns what a repeated request is answered by.
    pub(super) async fn act_and_answer(
        &self,
        party: Party,
        step: Step,
    ) -> Result<(Complaint, Vec<u8>), Fault> {
        let (this, cipher, now) = (self.clone(), self.fields.ready().await?, self.clock.now());
        let (complaint, answer) = self
            .database
            .write(move |transaction| {
                async move { this.act_in(transaction, &cipher, &party, step, now).await }.boxed()
            })
            .await?;
        if complaint.case.kind == Kind::Appeal && !complaint.case.state.is_open() {
            self.move_reliefs_of(&complaint.number).await;
        }
        Ok((complaint, answer))
    }

    async fn act_in(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        party: &Party,
        step: Step,
        now: Timestamp,
    ) -> Result<(Complaint, Vec<u8>), Fault> {
        let answer = step.answer();
        if let Claim::Replay(answer) = idempotency::claim(transaction, &step.request, &answer, now).await? {
            return Ok((answered(transaction, cipher, &answer).await?, answer));
        }
        let (mut complaint, into) = lock_both(transaction, cipher, party, &step).await?;
        let state = complaint.case.state;
        complaint.etag().check(&step.etag, state.into_str())?;
        let mut entries = self.adopt(&mut complaint);
        entries.extend(fire(&mut complaint.case, now));
        if let Some(into) = into {
            check_merge(&merge_side(&complaint), &merge_side(&into)).map_err(refused)?;
        }
        let next = case::apply(&complaint.case, &step.command, now, &self.handling).map_err(refused)?;
        self.note_calendar(&next);
        match step.with.clone()? {
            Attached::Nothing => {}
            Attached::Question(review) => ask(transaction, cipher, &review).await?,
            Attached::Facts(cited) => check_facts(transaction, cipher, &step, &cited).await?,
            Attached::Finding(_) if complaint.case.kind != Kind::Place => {
                return Err(reply::wrong(places::finding_unexpected()));
            }
            Attached::Finding(finding) => {
                place_voices::set_finding(transaction, &step.number, finding).await?;
            }
        }
        entries.push(action_entry(party.actor(), state, &next, step, now));
        cases::save(transaction, cipher, &complaint.number, &next, &entries).await?;
        if let Some(into) = &next.merged_into {
            share_finding(transaction, &complaint.number, into).await?;
        }
        complaint.case = next;
        Ok((complaint, answer))
    }

    /// Starts the clocks of a complaint that was filed before there were any, as of then.
    pub(super) fn adopt(&self, complaint: &mut Complaint) -> Vec<LogEntry> {
        if complaint.case.version > 0 {
            return Vec::new();
        }
        let (content, filed_at) = (&complaint.content, complaint.created_at);
        let is_in_two = content.is_in_two_provinces();
        complaint.case = Case::filed(
            content.kind(),
            is_in_two,
            complaint.filed_for,
            filed_at,
            self.calendar(),
        );
        vec![first_entry(&complaint.case, filed_at, Actor::Filer)]
    }
}

impl Step {
    /// What a repeated request is answered by: the complaint, and the question that was asked.
    fn answer(&self) -> Vec<u8> {
        let number = self.number.as_str().as_bytes();
        match &self.with {
            Ok(Attached::Question(review)) => [number, b" ", review.id.as_bytes()].concat(),
            _ => number.to_vec(),
        }
    }
}

/// Stores a question to the source of a fact, unless the source has been asked and may still answer. Its case is locked.
async fn ask(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    review: &FactReview,
) -> Result<(), Fault> {
    let asked = reviews::of_case(transaction, cipher, &review.case).await?;
    let mut same = asked.iter().filter(|one| one.fact == review.fact);
    if same.any(|one| one.state_at(review.asked_at) == ReviewState::Requested) {
        return Err(appeals::fact_review_open());
    }
    reviews::insert(transaction, cipher, review).await
}

/// Checks a verdict against the facts, and against what their sources have said by now.
async fn check_facts(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    step: &Step,
    cited: &[CitedFact],
) -> Result<(), Fault> {
    let Command::Decide(outcome) = &step.command else {
        return Ok(());
    };
    let mut asked = reviews::of_case(transaction, cipher, &step.number).await?;
    for review in &mut asked {
        review.state = review.state_at(outcome.decided_at);
    }
    let checked = appeal::check(outcome.verdict, &outcome.facts, cited, &asked);
    checked.map_err(|reason| match reason {
        Undecidable::SourceNotAnswered => appeals::source_not_answered(),
        Undecidable::NotCited(fact) => appeals::fact_not_cited(fact),
        Undecidable::Stands(fact) => appeals::fact_stands(fact),
        Undecidable::Withdrawn => appeals::fact_withdrawn(),
    })
}

/// What was found of the complaint into which another was merged is found of both.
async fn share_finding(
    transaction: &DatabaseTransaction,
    number: &TrackingNumber,
    into: &TrackingNumber,
) -> Result<(), Fault> {
    if let Some(finding) = place_voices::found(transaction, into).await? {
        place_voices::set_finding(transaction, number, finding).await?;
    }
    Ok(())
}

/// The complaint of a step, and the one into which it is to be merged, both locked: in one order, so that two transactions never wait for
/// each other.
async fn lock_both(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    party: &Party,
    step: &Step,
) -> Result<(Complaint, Option<Complaint>), Fault> {
    let reached = async |number: &TrackingNumber| {
        let found = cases::lock_reached(transaction, cipher, number, party.reacher()).await?;
        found
            .filter(|one| party.reaches(one))
            .ok_or_else(|| party.not_found())
    };
    let Command::Merge(into) = &step.command else {
        return Ok((reached(&step.number).await?, None));
    };
    if into.as_str() < step.number.as_str() {
        let into = reached(into).await?;
        Ok((reached(&step.number).await?, Some(into)))
    } else {
        let one = reached(&step.number).await?;
        Ok((one, Some(reached(into).await?)))
    }
}

const fn merge_side(complaint: &Complaint) -> MergeSide<'_> {
    MergeSide {
        number: &complaint.number,
        kind: complaint.case.kind,
        state: complaint.case.state,
        account: complaint.account.as_ref(),
    }
}

fn action_entry(actor: Actor, from: State, next: &Case, step: Step, now: Timestamp) -> LogEntry {
    let division = match step.command {
        Command::Assign { .. } | Command::Return => Some(next.division),
        _ => None,
    };
    let verdict = match &step.command {
        Command::Decide(outcome) => Some(outcome.verdict),
        _ => None,
    };
    let finding = match &step.with {
        Ok(Attached::Finding(finding)) => Some(*finding),
        _ => None,
    };
    LogEntry {
        happening: Happening::Action(step.command.action()),
        at: now,
        actor,
        from: Some(from),
        to: next.state,
        text: step.text,
        division,
        clock: None,
        verdict,
        finding,
        is_shown: step.is_shown,
    }
}

/// Lets the clocks of a case do what is due, and says so in its log.
pub(super) fn fire(case: &mut Case, now: Timestamp) -> Vec<LogEntry> {
    let state = case.state;
    let fired = case.fire_due(now).into_iter();
    let entry = |firing: case::Firing| LogEntry {
        happening: firing.happening,
        at: now,
        actor: Actor::Clock,
        from: Some(state),
        to: state,
        text: None,
        division: firing.raised_to,
        clock: Some((firing.clock, firing.planned_at)),
        verdict: None,
        finding: None,
        is_shown: false,
    };
    fired.map(entry).collect()
}

fn refused(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::WrongState(state, action) => {
            let allowed: Vec<&str> = action.from().iter().map(State::into_str).collect();
            reply::wrong_state(state.into_str(), &allowed)
        }
        Refusal::NotAsked => refusals::not_asked(),
        Refusal::ReturnTooLate(until) => refusals::return_too_late(until),
        Refusal::Extension(left) => refusals::extension_refused(left),
        Refusal::Merge => refusals::merge_refused(),
        Refusal::ReopenedTooOften(most) => refusals::reopened_too_often(most),
        Refusal::NoNextInstance => appeals::no_next_instance(),
        Refusal::AppealToDecide => appeals::appeal_to_decide(),
        Refusal::NotAnAppeal => appeals::not_an_appeal(),
    }
}
