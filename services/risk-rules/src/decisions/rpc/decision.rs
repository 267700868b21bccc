//! Wire form of an explained decision.

use std::collections::BTreeSet;

use lutong_kernel::Timestamp;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1 as types;

use crate::areas::rpc::area::level;
use crate::decisions::service::explaining::ExplainedDecision;
use lutong_risk_engine::area::AreaEntry;
use lutong_risk_engine::explanation::{CitedRecord, explain, explain_relief};
use lutong_risk_engine::rule_set::Text;

fn text(text: &Text) -> types::LocalisedText {
    types::LocalisedText {
        zh: text.zh.clone(),
        en: text.en.clone(),
    }
}

pub fn decision(explained: ExplainedDecision) -> wire::Decision {
    let interim_relief = interim_relief(&explained);
    let ExplainedDecision {
        decision,
        rules,
        facts,
        areas,
        ..
    } = explained;
    let cited = decision.content.citations.iter().zip(areas);
    let cited = cited.filter(|(citation, _)| !citation.is_relief());
    let citations = cited.map(|(citation, areas)| {
        let rule = rules.rules().iter().find(|rule| rule.id == citation.rule);
        let cited = || citation.facts.iter().filter_map(|id| facts.get(id));
        let records: Vec<CitedRecord> = cited()
            .filter_map(|fact| {
                Some(CitedRecord {
                    kind: fact.kind.as_deref()?.parse().ok()?,
                    source: fact.source.clone(),
                    recorded_at: fact.recorded_at,
                })
            })
            .collect();
        let until = citation.until.map(Timestamp::from_micros);
        let explanation = rule.map(|rule| text(&explain(rule, &records, until)));
        let cited = cited().map(|fact| wire::CitedFact {
            fact_id: fact.id.to_string(),
            kind: fact.kind.clone().unwrap_or_default(),
            source: fact.source.clone(),
            record_time: Some(time::from_micros(fact.recorded_at.micros())),
        });
        wire::Citation {
            rule_id: citation.rule.clone(),
            facts: cited.collect(),
            start_time: Some(time::from_micros(citation.from)),
            end_time: citation.until.map(time::from_micros),
            reason: rule.map(|rule| text(&rule.reason)),
            legal_basis: rule.map(|rule| wire::LegalBasis {
                code: wire::LegalBasisCode::RuleSet.into(),
                // The names of Chinese orders are not translated.
                text: Some(types::LocalisedText::new(&rule.legal_basis, &rule.legal_basis)),
            }),
            explanation,
            areas: areas.iter().map(cited_area).collect(),
        }
    });
    wire::Decision {
        name: format!("subjects/{}/decisions/{}", decision.subject, decision.version),
        decision_id: decision.id.to_string(),
        subject_id: decision.subject.to_string(),
        colour: types::Colour::from(decision.content.colour).into(),
        version: decision.version,
        rule_set: decision.content.rule_set.clone(),
        rule_set_version: decision.content.rule_set_version.clone(),
        evaluate_time: Some(time::from_micros(decision.content.evaluated_at.micros())),
        next_change_time: decision
            .content
            .next_change_at
            .map(Timestamp::micros)
            .map(time::from_micros),
        citations: citations.collect(),
        guidance: Some(text(rules.guidance(decision.content.colour))),
        interim_relief,
    }
}

fn interim_relief(explained: &ExplainedDecision) -> Option<wire::InterimRelief> {
    let citations = &explained.decision.content.citations;
    let relief = citations.iter().find(|citation| citation.is_relief())?;
    let until = Timestamp::from_micros(relief.until?);
    let rules = explained.rules.rules().iter();
    let cited: Vec<_> = rules
        .filter(|rule| citations.iter().any(|citation| citation.rule == rule.id))
        .collect();
    let colour_of_rules = cited.iter().map(|rule| rule.colour).max()?;
    let named = || explained.reliefs.iter();
    let complaints: BTreeSet<String> = named()
        .map(|one| format!("complaints/{}", one.complaint))
        .collect();
    let policies: BTreeSet<String> = named().map(|one| one.policy.clone()).collect();
    Some(wire::InterimRelief {
        complaints: complaints.into_iter().collect(),
        policies: policies.into_iter().collect(),
        start_time: Some(time::from_micros(relief.from)),
        end_time: Some(time::instant(until)),
        colour_of_rules: types::Colour::from(colour_of_rules).into(),
        explanation: Some(text(&explain_relief(&cited, until))),
    })
}

fn cited_area(area: &AreaEntry) -> wire::CitedArea {
    wire::CitedArea {
        area: area.name(),
        division: area.code.to_string(),
        community: area.community.clone().unwrap_or_default(),
        level: level(area.level).into(),
    }
}
