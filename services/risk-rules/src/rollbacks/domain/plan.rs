//! The plan of a rollback: the facts to retract, and the facts to restate because the feed had corrected or retracted them.
//! Superseded facts do not become current again (DOMAIN 4): a restated fact is a new record with the old content.

use std::collections::{HashMap, HashSet};

use lutong_kernel::{FactId, Timestamp};

/// The properties of a feed's statement about one subject that the plan depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedStatement {
    pub id: FactId,
    /// What it corrects or retracts.
    pub target: Option<FactId>,
    pub is_fact: bool,
    pub recorded_at: Timestamp,
    pub is_superseded: bool,
}

/// What a rollback does for one subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Current facts that were reported in the span.
    pub retract: Vec<FactId>,
    /// Facts from before the span that were superseded in the span and not corrected after it.
    pub restate: Vec<FactId>,
}

/// Plans the rollback of everything recorded from `from` until before `until`.
pub fn plan(statements: &[FeedStatement], (from, until): (Timestamp, Timestamp)) -> Plan {
    let inside = |one: &FeedStatement| from <= one.recorded_at && one.recorded_at < until;
    let by_target: HashMap<FactId, &FeedStatement> = statements
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
        // A fact from before the span: follow its successors as long as they lie in the span.
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
    fn stated(n: i64, target: Option<i64>, is_fact: bool) -> FeedStatement {
        FeedStatement {
            id: id(n.unsigned_abs().into()),
            target: target.map(|target| id(target.unsigned_abs().into())),
            is_fact,
            recorded_at: Timestamp::from_seconds(n),
            is_superseded: false,
        }
    }

    fn planned(mut statements: Vec<FeedStatement>) -> (Vec<u128>, Vec<u128>) {
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
