//! What happened to cases in a month, by division and kind, as it is published.

use std::collections::BTreeMap;

use lutong_kernel::DivisionCode;

use super::content::Kind;
use super::numbers::{percentile, publishable, with_superiors};

/// What happened to a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    Filed,
    Answered,
    /// An appeal.
    Upheld,
    /// An appeal.
    Refused,
    Closed,
    /// The answer to it became overdue.
    Overdue,
    /// Its filer first heard something, this many steps of [`STEP_SECONDS`] after it was filed, the last one begun.
    FirstAnswered(u64),
}

/// The step in which the time to a first answer is counted.
pub const STEP_SECONDS: u64 = 300;

/// How often something happened to the cases of a kind that were filed for a division.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub division: DivisionCode,
    pub kind: Kind,
    pub figure: Figure,
    pub count: u64,
}

/// The numbers of a kind of case in a division with everything in it. `None`: not published.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KindNumbers {
    pub kind: Kind,
    pub filed: Option<u64>,
    pub answered: Option<u64>,
    pub closed: Option<u64>,
    pub overdue: Option<u64>,
    /// In seconds.
    pub median_first_answer: Option<u64>,
    pub ninetieth_first_answer: Option<u64>,
    /// From 0 to 1.
    pub upheld_share: Option<f64>,
}

/// The numbers of a division with everything in it, of each kind.
#[derive(Debug, Clone, PartialEq)]
pub struct DivisionNumbers {
    pub division: DivisionCode,
    pub kinds: Vec<KindNumbers>,
}

type Published = BTreeMap<DivisionCode, Option<u64>>;

/// What is published of a month: of every division in which something happened and of those above it, by their codes.
pub fn published(tallies: &[Tally]) -> Vec<DivisionNumbers> {
    use strum::VariantArray as _;
    let tallies = tallies.iter().filter(|tally| tally.kind.is_of_people());
    let tallies: Vec<_> = tallies.copied().collect();
    let divisions = with_superiors(tallies.iter().map(|tally| tally.division));
    let kinds: Vec<_> = Kind::VARIANTS
        .iter()
        .filter(|kind| kind.is_of_people())
        .map(|kind| KindTable::of(*kind, &tallies))
        .collect();
    let of_division = |division: DivisionCode| DivisionNumbers {
        division,
        kinds: kinds.iter().map(|kind| kind.numbers(division)).collect(),
    };
    divisions.into_iter().map(of_division).collect()
}

/// The numbers of a kind, by division.
struct KindTable {
    kind: Kind,
    filed: Published,
    answered: Published,
    upheld: Published,
    refused: Published,
    closed: Published,
    overdue: Published,
    /// How many cases of each desk took how many steps.
    first_answers: BTreeMap<DivisionCode, BTreeMap<u64, u64>>,
}

impl KindTable {
    fn of(kind: Kind, tallies: &[Tally]) -> Self {
        let own = || tallies.iter().filter(|tally| tally.kind == kind);
        let counts = |figure: Figure| {
            let mut of_desks = BTreeMap::new();
            for tally in own().filter(|tally| tally.figure == figure) {
                *of_desks.entry(tally.division).or_default() += tally.count;
            }
            publishable(&of_desks)
        };
        let mut first_answers: BTreeMap<DivisionCode, BTreeMap<u64, u64>> = BTreeMap::new();
        for tally in own() {
            if let Figure::FirstAnswered(steps) = tally.figure {
                for division in with_superiors([tally.division]) {
                    *first_answers
                        .entry(division)
                        .or_default()
                        .entry(steps)
                        .or_default() += tally.count;
                }
            }
        }
        Self {
            kind,
            filed: counts(Figure::Filed),
            answered: counts(Figure::Answered),
            upheld: counts(Figure::Upheld),
            refused: counts(Figure::Refused),
            closed: counts(Figure::Closed),
            overdue: counts(Figure::Overdue),
            first_answers,
        }
    }

    fn numbers(&self, division: DivisionCode) -> KindNumbers {
        // Nothing of that happened in a division that is not there.
        let count = |of: &Published| of.get(&division).copied().unwrap_or(Some(0));
        let (answered, upheld_share) = if self.kind == Kind::Appeal {
            decided(count(&self.upheld), count(&self.refused))
        } else {
            (count(&self.answered), None)
        };
        let within = |percent| {
            let times = self.first_answers.get(&division)?;
            percentile(times, percent).map(|steps| steps * STEP_SECONDS)
        };
        KindNumbers {
            kind: self.kind,
            filed: count(&self.filed),
            answered,
            closed: count(&self.closed),
            overdue: count(&self.overdue),
            median_first_answer: within(50),
            ninetieth_first_answer: within(90),
            upheld_share,
        }
    }
}

/// How many appeals were decided, and the share that was upheld. Both follow from the two counts that are published, and are published
/// only where they are: a sum beside one of them would say the other.
fn decided(upheld: Option<u64>, refused: Option<u64>) -> (Option<u64>, Option<f64>) {
    let (Some(upheld), Some(refused)) = (upheld, refused) else {
        return (None, None);
    };
    let all = upheld + refused;
    #[allow(clippy::cast_precision_loss)] // of a month
    let share = (all > 0).then(|| upheld as f64 / all as f64);
    (Some(all), share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(division: u32, kind: Kind, figure: Figure, count: u64) -> Tally {
        Tally {
            division: DivisionCode::from_number(division).unwrap(),
            kind,
            figure,
            count,
        }
    }

    fn of(numbers: &[DivisionNumbers], division: u32, kind: Kind) -> KindNumbers {
        let found = numbers.iter().find(|one| one.division.number() == division);
        let kinds = &found.unwrap().kinds;
        *kinds.iter().find(|one| one.kind == kind).unwrap()
    }

    #[test]
    fn a_division_has_its_own_numbers_and_those_of_everything_in_it() {
        let numbers = published(&[
            tally(370_202, Kind::Place, Figure::Filed, 6),
            tally(370_203, Kind::Place, Figure::Filed, 9),
            tally(370_203, Kind::Feedback, Figure::Overdue, 7),
        ]);
        let divisions: Vec<_> = numbers.iter().map(|one| one.division.number()).collect();
        assert_eq!(divisions, [370_000, 370_200, 370_202, 370_203]);
        for (division, filed) in [(370_000, 15), (370_200, 15), (370_202, 6), (370_203, 9)] {
            let place = of(&numbers, division, Kind::Place);
            assert_eq!((place.filed, place.overdue), (Some(filed), Some(0)), "{division}");
        }
        assert_eq!(of(&numbers, 370_200, Kind::Feedback).overdue, Some(7));
    }

    #[test]
    fn the_decisions_of_appeals_are_published_only_with_both_of_their_parts() {
        for (upheld, refused, answered, share) in [
            (6, 18, Some(24), Some(0.25)),
            (0, 18, Some(18), Some(0.0)),
            (7, 0, Some(7), Some(1.0)),
            (1, 18, None, None),
            (18, 4, None, None),
            (0, 0, Some(0), None),
        ] {
            let numbers = published(&[
                tally(370_202, Kind::Appeal, Figure::Filed, 30),
                tally(370_202, Kind::Appeal, Figure::Upheld, upheld),
                tally(370_202, Kind::Appeal, Figure::Refused, refused),
            ]);
            let appeals = of(&numbers, 370_202, Kind::Appeal);
            assert_eq!((appeals.answered, appeals.upheld_share), (answered, share));
            assert_eq!(appeals.filed, Some(30));
        }
    }

    #[test]
    fn times_are_those_of_all_cases_in_a_division_and_of_five_at_least() {
        let answers = [(370_202, 1, 3), (370_202, 24, 1), (370_203, 2, 6)];
        let tallies = answers.map(|(division, steps, count)| {
            tally(division, Kind::Feedback, Figure::FirstAnswered(steps), count)
        });
        let numbers = published(&tallies);
        let times = |division| {
            let found = of(&numbers, division, Kind::Feedback);
            (found.median_first_answer, found.ninetieth_first_answer)
        };
        assert_eq!(times(370_202), (None, None), "four");
        assert_eq!(times(370_203), (Some(600), Some(600)));
        assert_eq!(times(370_200), (Some(600), Some(600)), "ten");
        assert_eq!(of(&numbers, 370_200, Kind::Place).median_first_answer, None);
    }
}
