use super::*;
use crate::never::history::{Answer, Fact};

const APPLICATION: usize = 0;

/// A history of one person, instants in seconds.
struct TestHistory(History);

fn at(seconds: f64) -> Moment {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // of hand-made instants
    let micros = (seconds * 1e6) as Moment;
    micros
}

impl TestHistory {
    /// A person who applied and is green since 1 s.
    fn applied() -> Self {
        let mut told = Self(History::default());
        told.says(Stated::Application, 0.5, 1.0, Outcome::InForce);
        told
    }

    fn says(&mut self, said: Stated, asked: f64, answered: f64, outcome: Outcome) -> usize {
        self.0.statements.push(Statement {
            person: 0,
            said,
            sent: Some(at(asked)),
            answers: Vec::new(),
        });
        let n = self.0.statements.len() - 1;
        self.again(n, asked, answered, outcome);
        n
    }

    fn again(&mut self, n: usize, asked: f64, answered: f64, outcome: Outcome) {
        self.0.statements[n].answers.push(Answer {
            asked: at(asked),
            answered: at(answered),
            outcome,
        });
    }

    fn looks(&mut self, how: Observer, begun: f64, ended: f64, colour: Colour) {
        self.0.seen.push(Observation {
            person: 0,
            how,
            begun: at(begun),
            ended: at(ended),
            colour,
        });
    }

    /// The names of the violations.
    fn judged(&self) -> Vec<String> {
        let name = |one: &Breach| {
            let said = one.to_string();
            said.split([' ', '{']).next().unwrap().to_owned()
        };
        judge(&self.0).iter().map(name).collect()
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_look_may_show_either_colour_while_a_statement_is_under_way_and_only_the_newer_after_it() {
    let mut told = TestHistory::applied();
    told.says(Stated::Fact(Fact::Symptoms), 2.0, 3.0, Outcome::InForce);
    for (begun, ended, colour) in [
        (1.5, 1.6, Colour::Green),
        (2.1, 2.2, Colour::Green),
        (2.3, 2.4, Colour::Yellow),
        (2.9, 4.0, Colour::Green),
        (3.1, 3.2, Colour::Yellow),
    ] {
        told.looks(Observer::Verified, begun, ended, colour);
    }
    assert_eq!(told.judged(), NOTHING);
    told.looks(Observer::Verified, 3.1, 3.2, Colour::Green);
    assert_eq!(told.judged(), ["Older"]);
}

#[test]
fn what_nobody_has_stated_may_not_be_seen() {
    let mut told = TestHistory::applied();
    told.says(Stated::Fact(Fact::Symptoms), 2.0, 3.0, Outcome::Unanswered);
    told.looks(Observer::Verified, 1.5, 1.9, Colour::Yellow);
    told.looks(Observer::Verified, 9.0, 9.1, Colour::Green);
    told.looks(Observer::Verified, 9.0, 9.1, Colour::Yellow);
    told.looks(Observer::Verified, 9.0, 9.1, Colour::Red);
    assert_eq!(told.judged(), ["Older", "Older"]);
}

#[test]
fn a_code_that_was_in_force_may_not_be_gone() {
    let mut told = TestHistory::applied();
    told.looks(Observer::Shown(0), 0.6, 0.7, Colour::None);
    told.looks(Observer::Shown(0), 1.1, 1.2, Colour::None);
    assert_eq!(told.judged(), ["Older"]);
}

#[test]
fn green_over_an_acknowledged_case_is_found_until_the_case_is_taken_back() {
    let mut told = TestHistory::applied();
    let case = told.says(Stated::Fact(Fact::Case), 2.0, 3.0, Outcome::InForce);
    told.looks(Observer::Verified, 2.5, 2.6, Colour::Green);
    told.looks(Observer::Verified, 3.5, 3.6, Colour::Red);
    assert_eq!(told.judged(), NOTHING);
    told.looks(Observer::Verified, 3.5, 3.6, Colour::Green);
    assert_eq!(told.judged(), ["GreenOverCase", "Older"]);
    told.0.seen.pop();
    told.says(Stated::Retraction(case), 4.0, 5.0, Outcome::InForce);
    told.looks(Observer::Verified, 4.5, 4.6, Colour::Green);
    told.looks(Observer::Verified, 5.5, 5.6, Colour::Green);
    assert_eq!(told.judged(), NOTHING);
    told.looks(Observer::Verified, 5.5, 5.6, Colour::Red);
    assert_eq!(told.judged(), ["Older"]);
}

#[test]
fn a_case_that_was_recorded_and_not_acknowledged_may_be_green_yet() {
    let mut told = TestHistory::applied();
    told.says(Stated::Fact(Fact::Case), 2.0, 3.0, Outcome::Recorded);
    told.looks(Observer::Verified, 3.5, 3.6, Colour::Green);
    assert_eq!(told.judged(), NOTHING);
}

#[test]
fn what_was_stored_before_a_report_in_force_was_sent_counts_with_it() {
    let mut told = TestHistory::applied();
    told.says(Stated::Fact(Fact::Contact), 2.0, 2.1, Outcome::Pending);
    told.looks(Observer::Verified, 2.5, 2.6, Colour::Green);
    told.says(Stated::Fact(Fact::Symptoms), 3.0, 3.1, Outcome::InForce);
    told.looks(Observer::Verified, 3.5, 3.6, Colour::Red);
    assert_eq!(told.judged(), NOTHING);
    told.looks(Observer::Verified, 3.5, 3.6, Colour::Yellow);
    assert_eq!(told.judged(), ["Older"]);
}

#[test]
fn pending_counts_from_five_seconds_after_the_parts_reach_each_other() {
    let mut told = TestHistory::applied();
    let report = told.says(Stated::Fact(Fact::Contact), 2.0, 2.1, Outcome::Pending);
    told.0.healed = Some(at(10.0));
    told.looks(Observer::Verified, 14.9, 15.1, Colour::Green);
    told.again(report, 14.9, 15.1, Outcome::Pending);
    assert_eq!(told.judged(), NOTHING);
    told.looks(Observer::Verified, 15.1, 15.2, Colour::Green);
    assert_eq!(told.judged(), ["PendingTooLong"]);
    told.again(report, 15.1, 15.2, Outcome::Pending);
    assert_eq!(told.judged(), ["PendingTooLong", "SaidPending"]);
}

#[test]
fn versions_only_grow_and_have_one_colour() {
    let mut told = TestHistory::applied();
    told.says(Stated::Fact(Fact::Contact), 2.0, 9.0, Outcome::InForce);
    told.looks(Observer::Shown(2), 2.5, 2.6, Colour::Red);
    told.looks(Observer::Shown(1), 2.55, 2.7, Colour::Green);
    assert_eq!(told.judged(), NOTHING, "they overlap");
    told.looks(Observer::Shown(1), 2.8, 2.9, Colour::Green);
    assert_eq!(told.judged(), ["VersionWentBack"]);
    told.0.seen.pop();
    told.looks(Observer::Shown(2), 2.8, 2.9, Colour::Green);
    assert_eq!(told.judged(), ["VersionWentBack"]);
}

#[test]
fn what_was_sent_is_in_force_in_the_end_and_somebody_has_looked() {
    let mut told = TestHistory::applied();
    let report = told.says(Stated::Fact(Fact::Contact), 2.0, 2.1, Outcome::Unanswered);
    told.0.closed = Some(at(20.0));
    assert_eq!(told.judged(), ["Lost", "NotSeenAtTheEnd"]);
    told.again(report, 12.0, 12.1, Outcome::InForce);
    told.looks(Observer::Shown(2), 20.1, 20.2, Colour::Red);
    assert_eq!(told.judged(), NOTHING);
    told.again(APPLICATION, 12.0, 12.1, Outcome::Missing);
    assert_eq!(told.judged(), ["Lost"]);
}

#[test]
fn a_right_statement_may_not_be_refused() {
    let mut told = TestHistory::applied();
    told.says(
        Stated::Fact(Fact::Contact),
        2.0,
        2.1,
        Outcome::Refused("X".to_owned()),
    );
    assert_eq!(told.judged(), ["Refused"]);
}

#[test]
fn an_entry_is_green_again_only_with_quarantine_and_test() {
    let mut told = TestHistory::applied();
    let entry = told.says(Stated::Fact(Fact::Entry), 2.0, 2.1, Outcome::InForce);
    told.looks(Observer::Verified, 2.5, 2.6, Colour::Yellow);
    told.says(
        Stated::Correction(entry, Fact::EntryAfterQuarantine),
        3.0,
        3.1,
        Outcome::InForce,
    );
    told.looks(Observer::Verified, 3.5, 3.6, Colour::Yellow);
    told.says(Stated::Fact(Fact::NegativeTest), 4.0, 4.1, Outcome::InForce);
    told.looks(Observer::Verified, 4.5, 4.6, Colour::Green);
    assert_eq!(told.judged(), NOTHING);
    told.looks(Observer::Verified, 4.5, 4.6, Colour::Yellow);
    assert_eq!(told.judged(), ["Older"]);
}
