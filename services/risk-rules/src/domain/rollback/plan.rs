//! Undoing what a feed reported in a span of time: what is to be retracted, and what it had replaced that is to be stated
//! anew. Nothing comes back (DOMAIN 4): what is stated anew is a new record with the old content.

use std::collections::{HashMap, HashSet};

use lutong_kernel::{FactId, Timestamp};

/// A statement of the feed about one subject, as its rollback sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated {
    pub id: FactId,
    /// What it corrects or retracts.
    pub target: Option<FactId>,
    pub is_fact: bool,
    pub recorded_at: Timestamp,
    pub is_superseded: bool,
}

/// What a rollback does about one subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Facts that are believed and were reported in the span.
    pub retract: Vec<FactId>,
    /// Facts from before it whose correction or retraction lies in it, and that nobody has corrected since.
    pub restate: Vec<FactId>,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.retract.is_empty() && self.restate.is_empty()
    }
}

/// Plans the rollback of everything recorded from `from` until before `until`.
pub fn plan(statements: &[Stated], (from, until): (Timestamp, Timestamp)) -> Plan {
    let inside = |one: &Stated| from <= one.recorded_at && one.recorded_at < until;
    let by_target: HashMap<FactId, &Stated> = statements
        .iter()
        .filter_map(|one| Some((one.target?, one)))
        .collect();
    let spanned: HashSet<FactId> = statements
        .iter()
        .filter(|one| inside(one))
        .map(|one| one.id)
        .collect();
    let mut plan = Plan::default();
    for one in statements {
        if inside(one) && one.is_fact && !one.is_superseded {
            plan.retract.push(one.id);
        }
        if inside(one) || !one.is_fact {
            continue;
        }
        // From before the span: follow what was said of it, while that lies in the span.
        let mut last = one;
        while let Some(next) = by_target
            .get(&last.id)
            .copied()
            .filter(|next| spanned.contains(&next.id))
        {
            last = next;
        }
        let is_replaced_in_span = last.id != one.id;
        let is_followed_after_it = by_target.contains_key(&last.id);
        if is_replaced_in_span && !is_followed_after_it {
            plan.restate.push(one.id);
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn id(n: u128) -> FactId {
        FactId::from_uuid(Uuid::from_u128(n))
    }

    /// Statement `n` recorded at second `n`; the span is from 10 until 20.
    fn stated(n: i64, target: Option<i64>, is_fact: bool) -> Stated {
        Stated {
            id: id(n.unsigned_abs().into()),
            target: target.map(|target| id(target.unsigned_abs().into())),
            is_fact,
            recorded_at: Timestamp::from_seconds(n),
            is_superseded: false,
        }
    }

    fn planned(mut statements: Vec<Stated>) -> (Vec<u128>, Vec<u128>) {
        let targets: HashSet<_> = statements.iter().filter_map(|one| one.target).collect();
        for one in &mut statements {
            one.is_superseded = targets.contains(&one.id);
        }
        let planned = plan(
            &statements,
            (Timestamp::from_seconds(10), Timestamp::from_seconds(20)),
        );
        let numbers = |ids: Vec<FactId>| ids.into_iter().map(|id| id.uuid().as_u128()).collect();
        (numbers(planned.retract), numbers(planned.restate))
    }

    #[test]
    fn what_was_reported_in_the_span_goes_and_what_lies_outside_stays() {
        let statements = vec![
            stated(5, None, true),
            stated(12, None, true),
            stated(25, None, true),
        ];
        assert_eq!(planned(statements), (vec![12], vec![]));
    }

    #[test]
    fn what_a_correction_or_a_retraction_of_the_span_replaced_is_stated_anew() {
        assert_eq!(
            planned(vec![stated(5, None, true), stated(12, Some(5), true)]),
            (vec![12], vec![5])
        );
        assert_eq!(
            planned(vec![stated(5, None, true), stated(12, Some(5), false)]),
            (vec![], vec![5])
        );
        let twice = vec![
            stated(5, None, true),
            stated(12, Some(5), true),
            stated(13, Some(12), true),
        ];
        assert_eq!(planned(twice), (vec![13], vec![5]));
    }

    #[test]
    fn what_was_put_right_after_the_span_stays_as_it_was_put() {
        let corrected = vec![
            stated(5, None, true),
            stated(12, Some(5), true),
            stated(25, Some(12), true),
        ];
        assert_eq!(planned(corrected), (vec![], vec![]));
        let retracted = vec![stated(12, None, true), stated(25, Some(12), false)];
        assert_eq!(planned(retracted), (vec![], vec![]));
    }

    #[test]
    fn a_second_rollback_finds_nothing() {
        // The first retracted 12 and stated 5 anew as 31, both after the span.
        let after = vec![
            stated(5, None, true),
            stated(12, Some(5), true),
            stated(30, Some(12), false),
            stated(31, None, true),
        ];
        assert_eq!(planned(after), (vec![], vec![]));
    }
}
