use proptest::prelude::*;

use super::*;

fn subject(n: u8) -> SubjectId {
    SubjectId::from_uuid(uuid::Uuid::from_u128(u128::from(n)))
}

fn step(from: u8, into: Option<u8>, version: i64) -> MergeStep {
    MergeStep {
        subject: subject(from),
        into: into.map(subject),
        version,
        recorded_at: Timestamp::from_micros(version),
    }
}

fn subjects(of: &[u8]) -> Vec<SubjectId> {
    of.iter().map(|n| subject(*n)).collect()
}

#[test]
fn whoever_is_merged_is_one_person_with_everybody_on_the_way() {
    let mut merged = MergedPeople::default();
    merged.apply(&step(1, Some(2), 1));
    merged.apply(&step(3, Some(4), 1));
    assert_eq!(merged.together(subject(1)), subjects(&[1, 2]));
    assert_eq!(merged.together(subject(5)), []);
    merged.apply(&step(2, Some(3), 1));
    for n in 1..=4 {
        assert_eq!(merged.together(subject(n)), subjects(&[1, 2, 3, 4]));
    }
}

#[test]
fn unmerging_restores_what_was_before() {
    let mut merged = MergedPeople::default();
    merged.apply(&step(1, Some(2), 1));
    let concerned = merged.apply(&step(2, Some(3), 1));
    assert_eq!(Vec::from_iter(concerned), subjects(&[1, 2, 3]));
    let concerned = merged.apply(&step(2, None, 2));
    assert_eq!(Vec::from_iter(concerned), subjects(&[1, 2, 3]));
    assert_eq!(merged.together(subject(1)), subjects(&[1, 2]));
    assert_eq!(merged.together(subject(3)), []);
}

#[test]
fn a_step_that_comes_too_late_or_twice_says_nothing() {
    let mut merged = MergedPeople::default();
    merged.apply(&step(1, None, 2));
    assert!(merged.apply(&step(1, Some(2), 1)).is_empty());
    assert!(merged.apply(&step(1, None, 2)).is_empty());
    assert_eq!(merged.together(subject(1)), []);
}

#[test]
fn who_was_one_person_is_answered_as_it_was_known_at_an_instant() {
    let steps = [step(1, Some(2), 10), step(1, None, 20)];
    let together = |at: i64| {
        MergedPeople::as_known_at(&steps, Timestamp::from_micros(at))
            .together(subject(1))
            .to_vec()
    };
    assert_eq!(together(9), []);
    assert_eq!(together(10), subjects(&[1, 2]));
    assert_eq!(together(19), subjects(&[1, 2]));
    assert_eq!(together(20), []);
}

proptest! {
    /// Against the plain reading: connected by pointers, everybody asked anew.
    #[test]
    fn groups_are_the_connected_ones_after_any_steps(
        steps in prop::collection::vec((0_u8..8, prop::option::of(0_u8..8)), 0..30)
    ) {
        let mut merged = MergedPeople::default();
        let mut pointers = [None; 8];
        for ((from, into), version) in steps.into_iter().zip(1..) {
            merged.apply(&step(from, into, version));
            pointers[usize::from(from)] = into;
        }
        let mut group: Vec<usize> = (0..8).collect();
        for _ in 0..8 {
            for (from, into) in pointers.iter().enumerate() {
                if let Some(into) = into {
                    let least = group[from].min(group[usize::from(*into)]);
                    (group[from], group[usize::from(*into)]) = (least, least);
                }
            }
        }
        for n in 0..8_u8 {
            let mut expected: Vec<_> =
                (0..8_u8).filter(|m| group[usize::from(*m)] == group[usize::from(n)]).map(subject).collect();
            if expected.len() == 1 {
                expected.clear();
            }
            prop_assert_eq!(merged.together(subject(n)), expected);
        }
    }
}
