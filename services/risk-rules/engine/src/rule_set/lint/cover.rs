//! Finds conditions that cannot be satisfied, and rules without effect because another rule is always in force when they are.

use super::super::{Condition, DayCount, End, Rule, Window};
use super::Finding;
use crate::attributes::{Shape, intervals};
use crate::fact::FactKind;

pub fn check(rules: &[(usize, Rule)], findings: &mut Vec<Finding>) {
    for (place, (index, rule)) in rules.iter().enumerate() {
        if let Some(part) = contradiction(rule) {
            findings.push(Finding::new(
                "CONDITIONS_CONTRADICT",
                Some(&rule.id),
                format!("rule[{index}].{part}"),
                "条件不可能同时成立：没有人会符合",
                "the conditions can never hold together: the rule selects nobody",
            ));
            continue;
        }
        let wider = rules.iter().enumerate().find(|(other, (_, wide))| {
            // Of two equivalent rules the first is kept.
            *other != place && covers(wide, rule) && (*other < place || !covers(rule, wide))
        });
        if let Some((_, (_, wide))) = wider {
            let wide = &wide.id;
            findings.push(Finding::new(
                "RULE_UNREACHABLE",
                Some(&rule.id),
                format!("rule[{index}]"),
                format!("规则不起作用：凡符合者均已符合{wide}，且其颜色不轻、期限不短"),
                format!(
                    "the rule changes nothing: whoever it holds, {wide} holds too, as long and with no better colour"
                ),
            ));
        }
    }
}

/// Whether `wide` is in force with at least the same colour whenever `narrow` is in force.
fn covers(wide: &Rule, narrow: &Rule) -> bool {
    wide.kind == narrow.kind
        && wide.colour >= narrow.colour
        && contradiction(wide).is_none()
        && wide
            .all
            .iter()
            .all(|one| implied(narrow, std::slice::from_ref(one)))
        && (wide.any.is_empty() || implied(narrow, &wide.any) || everything(wide.kind, &wide.any))
        && window_covers(wide.kind, &wide.window, &narrow.window)
}

/// Whether at least one of `wanted` holds for every fact that the rule selects.
fn implied(rule: &Rule, wanted: &[Condition]) -> bool {
    let enough = |given: &Condition| wanted.iter().any(|wanted| implies(given, wanted));
    rule.all.iter().any(enough) || (!rule.any.is_empty() && rule.any.iter().all(enough))
}

fn implies(given: &Condition, wanted: &Condition) -> bool {
    match (given, wanted) {
        (Condition::Is(a, given), Condition::Is(b, wanted)) => a == b && given == wanted,
        (Condition::Contains(a, given), Condition::Contains(b, wanted)) => {
            a == b && given.iter().all(|word| wanted.contains(word))
        }
        (Condition::AtLeast(a, given), Condition::AtLeast(b, wanted)) => a == b && given >= wanted,
        _ => false,
    }
}

/// Whether the conditions cover every word of a required attribute.
fn everything(kind: FactKind, any: &[Condition]) -> bool {
    kind.attributes().iter().enumerate().any(|(index, attribute)| {
        let Shape::Word(words) = attribute.shape else {
            return false;
        };
        let named = |word: &&'static str| any.contains(&Condition::Is(index, word));
        attribute.required && words.iter().all(named)
    })
}

/// The part of the rule whose conditions contradict each other.
fn contradiction(rule: &Rule) -> Option<&'static str> {
    for (n, one) in rule.all.iter().enumerate() {
        if impossible(one) || rule.all.iter().take(n).any(|other| excludes(one, other)) {
            return Some("all");
        }
    }
    let never = |one: &Condition| impossible(one) || rule.all.iter().any(|other| excludes(one, other));
    (!rule.any.is_empty() && rule.any.iter().all(never)).then_some("any")
}

fn impossible(condition: &Condition) -> bool {
    match condition {
        Condition::Contains(_, words) => words.is_empty(),
        // Statements with a temperature above 45 °C are rejected.
        Condition::AtLeast(_, least) => *least > 45.0 || least.is_nan(),
        Condition::Is(..) => false,
    }
}

fn excludes(one: &Condition, other: &Condition) -> bool {
    matches!((one, other), (Condition::Is(a, one), Condition::Is(b, other)) if a == b && one != other)
}

fn window_covers(kind: FactKind, wide: &Window, narrow: &Window) -> bool {
    match (wide, narrow) {
        (
            Window::Interval {
                from: a,
                until,
                otherwise,
            },
            Window::Interval {
                from: b,
                until: narrow_until,
                otherwise: narrow_otherwise,
            },
        ) => {
            let endless = until.is_empty() && otherwise.is_none();
            let later = match (otherwise, narrow_otherwise) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(wide), Some(narrow)) => {
                    wide.anchor == narrow.anchor && span_covers(wide.span, narrow.span)
                }
            };
            begins_no_later(kind, a, b) && (endless || (until == narrow_until && later))
        }
        (
            Window::Interval {
                from,
                until,
                otherwise,
            },
            Window::UntilAll { from: one, .. },
        ) => until.is_empty() && otherwise.is_none() && begins_no_later(kind, from, &[*one]),
        (Window::UntilAll { from: a, ends }, Window::UntilAll { from: b, ends: fewer }) => {
            let there = |end: &End| ends.contains(end);
            a == b && fewer.iter().all(there)
        }
        (
            Window::Area {
                level,
                look_back_days,
                after,
            },
            Window::Area {
                level: narrow_level,
                look_back_days: narrow_days,
                after: narrow_after,
            },
        ) => level == narrow_level && look_back_days >= narrow_days && span_covers(*after, *narrow_after),
        _ => false,
    }
}

/// Whether `wide` starts no later than `narrow`: the same attributes, or a required attribute that precedes all others.
fn begins_no_later(kind: FactKind, wide: &[usize], narrow: &[usize]) -> bool {
    let name = |index: usize| {
        kind.attributes()
            .get(index)
            .map_or("", |attribute| attribute.name)
    };
    let there = |index: usize| kind.attributes().get(index).is_some_and(|one| one.required);
    wide == narrow
        || wide.first().is_some_and(|first| {
            let follows =
                |other: &usize| other == first || intervals(kind).contains(&(name(*first), name(*other)));
            there(*first) && narrow.iter().all(follows)
        })
}

/// Whether `wide` is at least as long as `narrow`. The end of local day n is up to 24 hours later than n × 24 hours.
const fn span_covers(wide: DayCount, narrow: DayCount) -> bool {
    match (wide, narrow) {
        (DayCount::Days(wide), DayCount::Days(narrow) | DayCount::Elapsed(narrow))
        | (DayCount::Elapsed(wide), DayCount::Elapsed(narrow)) => wide >= narrow,
        (DayCount::Elapsed(wide), DayCount::Days(narrow)) => wide > narrow,
    }
}
