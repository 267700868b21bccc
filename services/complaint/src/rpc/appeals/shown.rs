//! Appealed decisions as officers see them.

use lutong_proto::complaint::v1 as wire;
use lutong_proto::time::instant;

use crate::domain::appeal::CitedFact;
use crate::peers::risk_rules::{Citation, Decision};
use crate::rpc::cases::COLLECTION;
use crate::store::groups::Group;

pub fn appealed(decision: Decision) -> wire::AppealDecision {
    let Decision {
        name,
        colour,
        rule_set,
        rule_set_version,
        evaluate_time,
        citations,
        ..
    } = decision;
    wire::AppealDecision {
        decision: name,
        colour,
        rule_set,
        rule_set_version,
        evaluate_time,
        rules: citations.into_iter().map(rule).collect(),
    }
}

fn rule(citation: Citation) -> wire::AppealRule {
    wire::AppealRule {
        rule_id: citation.rule_id,
        explanation: citation.explanation,
        legal_basis: citation.legal_basis.and_then(|basis| basis.text),
        start_time: citation.start_time,
        end_time: citation.end_time,
        fact_ids: citation.facts.into_iter().map(|fact| fact.fact_id).collect(),
    }
}

pub fn fact(fact: CitedFact) -> wire::AppealFact {
    wire::AppealFact {
        has_feed: fact.has_feed(),
        fact_id: fact.id.to_string(),
        kind: fact.kind,
        source: fact.source,
        record_time: Some(instant(fact.recorded_at)),
        supersede_time: fact.superseded_at.map(instant),
    }
}

pub fn group(group: Group) -> wire::AppealGroup {
    let cases = group.cases.into_iter();
    wire::AppealGroup {
        source: group.position.source,
        start_time: Some(instant(group.first)),
        end_time: Some(instant(group.last.plus_micros(1))),
        count: i32::try_from(group.count).unwrap_or(i32::MAX),
        cases: cases.map(|number| format!("{COLLECTION}{number}")).collect(),
    }
}
