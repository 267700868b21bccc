//! A model of a case, written from the order and not from the code: a table of who may do what when, and days counted one by one. The
//! domain is held to it over thousands of random sequences, and both engines over hundreds.

use lutong_complaint::domain::appeal::{Basis, Outcome, Verdict};
use lutong_complaint::domain::case::{Case, Command, Refusal, Revisit, WaitingFor, apply};
use lutong_complaint::domain::content::Kind;
use lutong_complaint::domain::handling::Handling;
use lutong_complaint::domain::review::ColourEffect;
use lutong_kernel::{DivisionCode, Timestamp};
use proptest::prelude::*;

const DAY: i64 = 86_400;
/// Local midnight is 16:00 UTC.
const OFFSET: i64 = 8 * 3_600;

/// A case as the order describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub state: &'static str,
    pub waits_for_filer: bool,
    /// Seconds; `None` once answered or over.
    pub due: Option<i64>,
    pub extended: i64,
    /// How often it was reopened.
    reopened: i64,
    /// Divisions above the one that must answer: 2 of a district, 0 of the province.
    above: usize,
    /// Whether it is an appeal that was refused last.
    refused: bool,
    /// Whether it has been before the next instance.
    went_up: bool,
    given_at: Option<i64>,
    kind: Kind,
}

/// What somebody tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Try {
    Assign,
    TakeUp,
    AskFiler,
    AskAuthority,
    Reply,
    Answer,
    Return,
    Extend(i64),
    Reopen,
    Merge,
    Revisit(bool),
    Close,
    AskSource,
    /// Whether the appeal is upheld.
    Decide(bool),
}

pub const TRIES: [Try; 17] = [
    Try::Assign,
    Try::TakeUp,
    Try::AskFiler,
    Try::AskAuthority,
    Try::Reply,
    Try::Answer,
    Try::Return,
    Try::Extend(1),
    Try::Extend(7),
    Try::Reopen,
    Try::Merge,
    Try::Revisit(true),
    Try::Revisit(false),
    Try::Close,
    Try::AskSource,
    Try::Decide(true),
    Try::Decide(false),
];

/// The end of the `count`th working day after the day of an instant. Without holidays: the sequences end before the first.
fn working_days(from: i64, count: i64) -> i64 {
    let mut day = (from + OFFSET).div_euclid(DAY);
    let mut left = count;
    while left > 0 {
        day += 1;
        // 1970-01-03 was a Saturday.
        let since_saturday = (day - 2).rem_euclid(7);
        if since_saturday > 1 {
            left -= 1;
        }
    }
    (day + 1) * DAY - OFFSET
}

impl Model {
    pub fn filed(kind: Kind, now: i64) -> Self {
        let mut model = Self {
            state: "FILED",
            waits_for_filer: false,
            due: None,
            extended: 0,
            reopened: 0,
            above: 2,
            refused: false,
            went_up: false,
            given_at: None,
            kind,
        };
        model.due = Some(model.due_from(now));
        model
    }

    fn due_from(&self, now: i64) -> i64 {
        match self.kind {
            Kind::Appeal => now + 8 * 3_600,
            Kind::DoorReport => now + 24 * 3_600,
            Kind::Feedback | Kind::Place => working_days(now, 5),
        }
    }

    /// An appeal is reopened twice, anything else three times; a refused appeal once, by the division above.
    fn again(&mut self, now: i64) -> Result<(), &'static str> {
        let most = if self.kind == Kind::Appeal { 2 } else { 3 };
        if self.reopened == most {
            return Err("REOPENED_TOO_OFTEN");
        }
        if self.refused {
            if self.went_up || self.above == 0 {
                return Err("NO_NEXT_INSTANCE");
            }
            self.above -= 1;
            self.went_up = true;
            self.given_at = None;
        }
        self.reopened += 1;
        self.state = "REOPENED";
        self.extended = 0;
        self.due = Some(self.due_from(now));
        Ok(())
    }

    /// Does it, or says by which reason it is refused.
    pub fn attempt(&mut self, attempt: Try, now: i64) -> Result<(), &'static str> {
        let wrong = Err("WRONG_STATE");
        let is_open = !matches!(self.state, "ANSWERED" | "MERGED" | "CLOSED");
        match (attempt, self.state) {
            (Try::Assign, _) if is_open => {
                self.state = "ASSIGNED";
                self.above = 2;
                self.given_at = Some(now);
            }
            (Try::TakeUp, "FILED" | "ASSIGNED" | "WAITING" | "REOPENED") => {
                self.state = "TAKEN_UP";
                self.given_at = self.given_at.or(Some(now));
            }
            (Try::AskFiler | Try::AskAuthority, "TAKEN_UP") => self.state = "WAITING",
            (Try::Reply, "WAITING") if !self.waits_for_filer => return Err("NOT_ASKED"),
            (Try::Reply, "WAITING") => self.state = "TAKEN_UP",
            (Try::Answer, "TAKEN_UP" | "WAITING") if self.kind == Kind::Appeal => {
                return Err("APPEAL_TO_DECIDE");
            }
            (Try::Answer, "TAKEN_UP" | "WAITING") => {
                self.state = "ANSWERED";
                self.due = None;
            }
            (Try::AskSource | Try::Decide(_), "TAKEN_UP" | "WAITING") if self.kind != Kind::Appeal => {
                return Err("NOT_AN_APPEAL");
            }
            (Try::AskSource, "TAKEN_UP" | "WAITING") => {
                // Whoever was asked before may still reply.
                self.state = "WAITING";
                return Ok(());
            }
            (Try::Decide(upheld), "TAKEN_UP" | "WAITING") => {
                self.state = "ANSWERED";
                self.refused = !upheld;
                self.due = None;
            }
            (Try::Return, "ASSIGNED" | "TAKEN_UP") => {
                if self
                    .given_at
                    .is_none_or(|given_at| working_days(given_at, 2) <= now)
                {
                    return Err("RETURN_TOO_LATE");
                }
                self.state = "RETURNED";
                self.above = self.above.saturating_sub(1);
                self.given_at = None;
            }
            (Try::Extend(days), "TAKEN_UP" | "WAITING") => {
                let Some(due) = self.due.filter(|due| now < *due) else {
                    return Err("EXTENSION_REFUSED");
                };
                if matches!(self.kind, Kind::Appeal | Kind::DoorReport) || self.extended + days > 10 {
                    return Err("EXTENSION_REFUSED");
                }
                self.extended += days;
                self.due = Some(working_days(due - 1, days));
                return Ok(());
            }
            (Try::Reopen, "ANSWERED" | "CLOSED") => self.again(now)?,
            (Try::Revisit(false), "ANSWERED") => {
                if self.again(now).is_err() {
                    self.state = "CLOSED";
                }
            }
            (Try::Merge, _) if is_open => {
                self.state = "MERGED";
                self.due = None;
            }
            (Try::Revisit(true) | Try::Close, "ANSWERED") => self.state = "CLOSED",
            _ => return wrong,
        }
        self.waits_for_filer = self.state == "WAITING" && attempt == Try::AskFiler;
        Ok(())
    }
}

fn command(attempt: Try) -> Command {
    let other = lutong_complaint::domain::tracking::TrackingNumber::new(
        lutong_kernel::LocalDay::parse("2022-11-26").unwrap(),
        &lutong_kernel::random::SeededRandom::new(1),
    );
    let revisit = |solved| Revisit {
        contacted: true,
        solved,
        satisfied: solved,
    };
    match attempt {
        Try::Assign => Command::Assign {
            division: DivisionCode::parse("370202").unwrap(),
            assignee: None,
        },
        Try::TakeUp => Command::TakeUp("officer-1".to_owned()),
        Try::AskFiler => Command::Ask(WaitingFor::Filer),
        Try::AskAuthority => Command::Ask(WaitingFor::Authority),
        Try::Reply => Command::Reply,
        Try::Answer => Command::Answer,
        Try::Return => Command::Return,
        Try::Extend(days) => Command::Extend(u32::try_from(days).unwrap()),
        Try::Reopen => Command::Reopen,
        Try::Merge => Command::Merge(other),
        Try::Revisit(solved) => Command::Revisit(revisit(solved)),
        Try::Close => Command::Close,
        Try::AskSource => Command::AskSource,
        Try::Decide(upheld) => Command::Decide(Outcome {
            verdict: if upheld { Verdict::Upheld } else { Verdict::Refused },
            basis: Basis::RuleSet,
            decided_at: Timestamp::from_seconds(0),
            facts: Vec::new(),
            effect: ColourEffect::none(),
        }),
    }
}

const fn reason(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::WrongState(..) => "WRONG_STATE",
        Refusal::NotAsked => "NOT_ASKED",
        Refusal::ReturnTooLate(_) => "RETURN_TOO_LATE",
        Refusal::Extension(_) => "EXTENSION_REFUSED",
        Refusal::Merge => "MERGE_REFUSED",
        Refusal::ReopenedTooOften(_) => "REOPENED_TOO_OFTEN",
        Refusal::NoNextInstance => "NO_NEXT_INSTANCE",
        Refusal::AppealToDecide => "APPEAL_TO_DECIDE",
        Refusal::NotAnAppeal => "NOT_AN_APPEAL",
    }
}

fn same(case: &Case, model: &Model) -> bool {
    case.state.into_str() == model.state
        && case.due_at().map(Timestamp::seconds) == model.due
        && i64::from(case.extended_days) == model.extended
        && i64::from(case.reopenings) == model.reopened
        && case.division.to_string() == ["370000", "370200", "370202"][model.above]
        && (case.waiting_for == Some(WaitingFor::Filer)) == model.waits_for_filer
}

fn attempts() -> impl Strategy<Value = Vec<(Try, i64)>> {
    // At most 15 steps of 24 hours: before the end of the year's first holiday after November.
    let one = (
        prop::sample::select(&TRIES[..]),
        prop_oneof![Just(0_i64), 0..6 * 3_600_i64, 0..DAY],
    );
    prop::collection::vec(one, 1..16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn a_case_is_what_the_reference_model_says(
        kind in prop::sample::select(vec![Kind::Feedback, Kind::Appeal, Kind::Place, Kind::DoorReport]),
        start in 0..DAY,
        attempts in attempts(),
    ) {
        let handling = Handling::of_province().unwrap();
        let mut now = Timestamp::parse("2022-11-21T00:00:00+08:00").unwrap().seconds() + start;
        let at = Timestamp::from_seconds;
        let division = DivisionCode::parse("370202").unwrap();
        let mut case = Case::filed(kind, false, division, at(now), &handling.calendar);
        let mut model = Model::filed(kind, now);
        let mut lines = 1;
        prop_assert!(same(&case, &model), "{:?} {:?}", case, model);
        for (attempt, wait) in attempts {
            now += wait;
            let fired = case.fire_due(at(now));
            lines += i64::try_from(fired.len()).unwrap();
            prop_assert!(fired.iter().all(|one| one.planned_at <= at(now)));
            prop_assert!(case.next_firing().is_none_or(|next| at(now) < next), "nothing due is left");
            prop_assert!(same(&case, &model), "time changes no state: {:?} {:?}", case, model);
            let expected = model.attempt(attempt, now);
            match apply(&case, &command(attempt), at(now), &handling) {
                Ok(next) => {
                    prop_assert_eq!(expected, Ok(()), "{:?}", attempt);
                    case = next;
                    lines += 1;
                }
                Err(refusal) => prop_assert_eq!(expected, Err(reason(refusal)), "{:?}", attempt),
            }
            prop_assert!(same(&case, &model), "{:?}: {:?} {:?}", attempt, case, model);
            prop_assert_eq!(case.version, lines);
        }
    }
}
