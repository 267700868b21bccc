//! Checks one rule: its texts, the attributes that its conditions name, and whether its window can begin, end and be non-empty.

use lutong_kernel::DivisionCode;

use super::super::file::{ConditionEntry, RuleEntry, WindowEntry};
use super::{Finding, whole};
use crate::attributes::{Shape, intervals};
use crate::fact::FactKind;

pub fn check(index: usize, entry: &RuleEntry, findings: &mut Vec<Finding>) {
    let rule = Some(entry.id.as_str());
    let at = |part: &str| format!("rule[{index}].{part}");
    whole::texts(rule, &at("reason"), &entry.reason, findings);
    whole::basis(rule, &at("legal_basis"), &entry.legal_basis, findings);
    let kind: Option<FactKind> = entry.fact.parse().ok();
    for (list, conditions) in [("all", &entry.all), ("any", &entry.any)] {
        for (n, condition) in conditions.iter().enumerate() {
            if names_place(kind, condition) {
                findings.push(whole::locality(rule, at(&format!("{list}[{n}]"))));
            }
        }
    }
    for (n, end) in entry.window.until_all.iter().enumerate() {
        let other = end.fact.as_deref().and_then(|kind| kind.parse().ok());
        let condition = end.condition.as_ref();
        if condition.is_some_and(|condition| names_place(other, condition)) {
            findings.push(whole::locality(rule, at(&format!("window.until_all[{n}].where"))));
        }
    }
    window(rule, &at("window"), kind, &entry.window, findings);
}

/// Whether a condition refers to a place, by its attribute or by a value that is a division code.
fn names_place(kind: Option<FactKind>, condition: &ConditionEntry) -> bool {
    let shape = kind.and_then(|kind| {
        let index = kind.index_of(&condition.attribute)?;
        kind.attributes().get(index).map(|attribute| attribute.shape)
    });
    let is_code = |word: &String| word.len() >= 6 && DivisionCode::parse(word).is_ok();
    matches!(
        shape,
        Some(Shape::Division | Shape::Community(_) | Shape::Province)
    ) || whole::PLACES.contains(&condition.attribute.as_str())
        || condition.is.as_ref().is_some_and(is_code)
        || condition.contains.iter().flatten().any(is_code)
}

fn window(
    rule: Option<&str>,
    path: &str,
    kind: Option<FactKind>,
    window: &WindowEntry,
    findings: &mut Vec<Finding>,
) {
    let mut found = |reason, part: &str, zh: &str, en: &str| {
        findings.push(Finding::new(reason, rule, format!("{path}{part}"), zh, en));
    };
    let WindowEntry {
        from,
        until,
        days,
        anchor,
        count,
        until_all,
        area,
        look_back_days,
    } = window;
    if area.is_some() {
        if !from.is_empty() || !until.is_empty() || anchor.is_some() || !until_all.is_empty() {
            let zh = "风险地区窗口只有area、look_back_days、days和count，其他部分不起作用";
            let en = "an area window has no from, until, anchor or until_all: they would be ignored";
            found("WINDOW_PARTS_IGNORED", "", zh, en);
        }
        return;
    }
    if from.is_empty() {
        let en = "the window begins with nothing: name an instant of the fact";
        found("WINDOW_START_MISSING", ".from", "窗口没有起点", en);
    }
    if days.is_some() && anchor.is_none() {
        let en = "days are counted from an anchor, and there is none";
        found(
            "WINDOW_ANCHOR_MISSING",
            ".anchor",
            "天数没有起算时间（anchor）",
            en,
        );
    }
    if anchor.is_some() && days.is_none() {
        let en = "an anchor without days says nothing";
        found("WINDOW_DAYS_MISSING", ".days", "有起算时间而没有天数", en);
    }
    let ignored = look_back_days.is_some()
        || (days.is_none() && count.is_some())
        || (!until_all.is_empty() && (!until.is_empty() || days.is_some() || from.len() > 1));
    if ignored {
        let en = "parts of the window would be ignored: until_all goes with one from alone, count with days, look_back_days with area";
        found("WINDOW_PARTS_IGNORED", "", "窗口中有不起作用的部分", en);
    }
    if kind.is_some_and(|kind| never(kind, window)) {
        let en = "the window ends where it begins or before: it is never in force";
        found("WINDOW_EMPTY", "", "窗口结束不晚于起点，永不生效", en);
    }
    if until.is_empty() && days.is_none() && until_all.is_empty() {
        let zh = "窗口没有终点：一旦符合将永久有效";
        let en = "the window has no end: whoever it holds, it holds for ever";
        findings.push(Finding::new("WINDOW_ENDLESS", rule, format!("{path}.until"), zh, en).warning());
    }
}

/// Whether the window is always empty: its end is always present and never after its beginning.
fn never(kind: FactKind, window: &WindowEntry) -> bool {
    let (Some(until), false) = (window.until.first(), window.from.is_empty()) else {
        return false;
    };
    let required = kind
        .index_of(until)
        .and_then(|index| kind.attributes().get(index))
        .is_some_and(|attribute| attribute.required);
    let ends_by = |from: &String| {
        let interval = (until.as_str(), from.as_str());
        until == from || intervals(kind).contains(&interval)
    };
    // If `from` is the same optional attribute, start and end are present together.
    (required || window.from == [until.as_str()]) && window.from.iter().all(ends_by)
}
