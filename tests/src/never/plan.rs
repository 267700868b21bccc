//! The plan of a round, generated from its seed: the statements about each person, their times, and the faults
//! meanwhile.

use std::time::Duration;

use super::draw::Draw;
use super::history::{Fact, Stated, Statement};
use super::trouble::{LastTrouble, ProcessTrouble, WireTrouble};
use crate::mesh::Shape;

/// Number of people in a round.
const PEOPLE: usize = 5;
/// Number of turns per person.
const TURNS: usize = 5;
/// Reported in sequence after the faults and before the last turn, while every delivery of a decision is duplicated seconds
/// later: several versions, the older of which arrive last.
pub const IN_A_ROW: [Fact; 3] = [Fact::Symptoms, Fact::FeverClinic, Fact::Entry];
/// Duration of the faults, in milliseconds.
const TROUBLE: u128 = 3_000;

/// Statements that are sent concurrently.
#[derive(Debug)]
pub struct Turn {
    pub pause: Duration,
    /// Indices in the history.
    pub statements: Vec<usize>,
    /// How many copies of each are sent concurrently, under the same key.
    pub copies: usize,
}

#[derive(Debug)]
pub struct Plan {
    pub seed: u64,
    /// All statements, by index.
    pub statements: Vec<Statement>,
    /// The turns of each person.
    pub turns: Vec<Vec<Turn>>,
    pub processes: Vec<(Duration, ProcessTrouble)>,
    pub wires: Vec<(Duration, WireTrouble)>,
    /// The fault during the last turns.
    pub last: LastTrouble,
}

impl Plan {
    pub fn draw(seed: u64, shape: Shape) -> Self {
        let draw = Draw::new(seed);
        let last = LastTrouble::draw(&draw, shape);
        let mut statements = Vec::new();
        let turns = (0..PEOPLE)
            .map(|person| turns(&draw, last, person, &mut statements))
            .collect();
        Self {
            seed,
            statements,
            turns,
            processes: troubles(&draw, |draw| ProcessTrouble::draw(draw, shape)),
            wires: troubles(&draw, |draw| WireTrouble::draw(draw, shape)),
            last,
        }
    }
}

/// A sequence of faults, each after a pause, for the duration of [`TROUBLE`].
fn troubles<T>(draw: &Draw, one: impl Fn(&Draw) -> (Duration, T)) -> Vec<(Duration, T)> {
    let (mut all, mut lasted) = (Vec::new(), 0);
    while lasted < TROUBLE {
        let pause = draw.pause(20, 600);
        let (lasts, trouble) = one(draw);
        lasted += pause.as_millis() + lasts.as_millis();
        all.push((pause, trouble));
    }
    all
}

/// The turns of a person, who applies in one of the first turns or in the last; feeds report before and after.
fn turns(draw: &Draw, last: LastTrouble, person: usize, statements: &mut Vec<Statement>) -> Vec<Turn> {
    // While risk-rules is cut off, only declarations are known to be stored.
    let early = if last.cuts_off_risk_rules() { 40 } else { 85 };
    let applies_at = if draw.percent(early) {
        draw.below(2)
    } else {
        TURNS - 1
    };
    // Statements that may still be corrected or retracted, each once.
    let mut standing = Vec::new();
    let mut turns = Vec::new();
    for turn in 0..TURNS {
        if turn == TURNS - 1 {
            turns.extend(IN_A_ROW.map(|fact| in_a_row(person, fact, statements)));
        }
        let together = if draw.percent(25) { 2 } else { 1 };
        let mut places = Vec::new();
        for n in 0..together {
            let said = if turn == applies_at && n == 0 {
                Stated::Application
            } else if turn == TURNS - 1 && n == 0 {
                // Red over the previous yellow, so that its coming into force is visible.
                Stated::Fact(draw.one_of(&[Fact::Case, Fact::Contact]))
            } else {
                say(draw, &mut standing)
            };
            places.push(statements.len());
            statements.push(Statement {
                person,
                said,
                sent: None,
                answers: Vec::new(),
            });
        }
        // Only from the next turn on, because its target must exist.
        let new = places.iter().filter(|n| statements[**n].said.fact().is_some());
        standing.extend(new.map(|n| (*n, statements[*n].said)));
        turns.push(Turn {
            pause: draw.pause(30, 600),
            statements: places,
            copies: if draw.percent(30) { 2 } else { 1 },
        });
    }
    turns
}

fn in_a_row(person: usize, fact: Fact, statements: &mut Vec<Statement>) -> Turn {
    statements.push(Statement {
        person,
        said: Stated::Fact(fact),
        sent: None,
        answers: Vec::new(),
    });
    Turn {
        pause: Duration::ZERO,
        statements: vec![statements.len() - 1],
        copies: 1,
    }
}

fn say(draw: &Draw, standing: &mut Vec<(usize, Stated)>) -> Stated {
    if !standing.is_empty() && draw.percent(50) {
        let (target, said) = standing.swap_remove(draw.below(standing.len()));
        return match said.fact() {
            Some(Fact::Case) if draw.percent(50) => Stated::Correction(target, Fact::CaseDischarged),
            Some(Fact::Entry) if draw.percent(70) => Stated::Correction(target, Fact::EntryAfterQuarantine),
            _ => Stated::Retraction(target),
        };
    }
    // Confirmed cases matter most.
    let facts = [
        Fact::Case,
        Fact::Case,
        Fact::Contact,
        Fact::FeverClinic,
        Fact::Symptoms,
        Fact::Entry,
        Fact::NegativeTest,
    ];
    Stated::Fact(draw.one_of(&facts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_round_and_takes_back_only_what_was_said_before_and_once() {
        for seed in 0..200 {
            let plan = Plan::draw(seed, Shape::Mesh);
            assert_eq!(
                format!("{plan:?}"),
                format!("{:?}", Plan::draw(seed, Shape::Mesh))
            );
            let mut taken = Vec::new();
            for turn in plan.turns.iter().flatten() {
                for n in &turn.statements {
                    let Some(target) = plan.statements[*n].said.target() else {
                        continue;
                    };
                    assert!(target < turn.statements[0] && !taken.contains(&target), "{seed}");
                    assert_eq!(plan.statements[target].person, plan.statements[*n].person);
                    taken.push(target);
                }
            }
        }
    }
}
