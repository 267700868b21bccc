//! Explains a cited rule to the person concerned: the reason, the records and their sources, the end, and how it ends. PIPL,
//! article 24, requires an explanation of automated decisions. The text never includes the content of a record.

use lutong_kernel::{Colour, Source, Timestamp};

use super::fact::FactKind;
use super::rule_set::{Rule, Text};

/// A record that a rule cites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CitedRecord {
    pub kind: FactKind,
    /// The feed's name, or `self`.
    pub source: String,
    pub recorded_at: Timestamp,
}

/// Who stands behind a source. Every stored source is one that is known; a case file may name any.
fn body(source: &str) -> (&'static str, &'static str) {
    Source::of(source).map_or(("登记的数据源", "a registered feed"), Source::title)
}

/// The explanation, two sentences in each language.
pub fn explain(rule: &Rule, records: &[CitedRecord], until: Option<Timestamp>) -> Text {
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    for record in records {
        let (kind, body) = (record.kind.label(), body(&record.source));
        let day = record.recorded_at.local_day();
        zh.push(format!(
            "{day}由{}报送的{}（来源编号{}）",
            body.0, kind.zh, record.source
        ));
        en.push(format!(
            "{} from {} ({}), recorded on {day}",
            kind.en, body.1, record.source
        ));
    }
    let end = match (until, rule.ends_when_closed()) {
        (Some(until), _) => (
            format!("按目前所知至{}止，到时自动解除", spoken(until)),
            format!("As known now it ends by itself at {}", until.to_rfc3339()),
        ),
        (None, true) => (
            "尚无结束时间：报送单位登记结束或所需条件全部满足后解除".to_owned(),
            "No end is known yet: it ends when the reporting body records the end, or when all that is asked for has been recorded".to_owned(),
        ),
        (None, false) => (
            "尚无结束时间：待情况变化后解除".to_owned(),
            "No end is known yet: it ends when the circumstances change".to_owned(),
        ),
    };
    Text {
        zh: format!(
            "{}，依据：{}。{}；如有异议可在码内“反馈与投诉”提出。",
            rule.reason.zh,
            zh.join("；"),
            end.0
        ),
        en: format!(
            "{}, because of: {}. {}. If this is wrong, object under \"feedback and complaints\" in the code.",
            rule.reason.en,
            en.join("; "),
            end.1
        ),
    }
}

/// Explains to the person concerned that relief is in force: until when, what ends it, and which of the cited rules make which colour
/// without it.
pub fn explain_relief(rules: &[&Rule], until: Timestamp) -> Text {
    let names = |colour: Colour| {
        let of_colour = rules.iter().filter(|rule| rule.colour == colour);
        of_colour.map(|rule| rule.id.as_str()).collect::<Vec<_>>()
    };
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    for (colour, word) in [(Colour::Red, "红码"), (Colour::Yellow, "黄码")] {
        let names = names(colour);
        if !names.is_empty() {
            zh.push(format!("{word}（规则{}）", names.join("、")));
            en.push(format!("{colour} by {}", names.join(", ")));
        }
    }
    Text {
        zh: format!(
            "申诉期间临时处置：数据来源尚未在期限内答复，暂按黄码显示，最迟至{}止；来源答复、申诉办结或登记未结案的确诊病例时立即终止。不适用临时处置时为：{}。",
            spoken(until),
            zh.join("；"),
        ),
        en: format!(
            "Interim relief during the appeal: the source of the data is late with its answer, and yellow is shown until {} at the latest. \
             It ends at once when the source answers, the appeal is over, or an open confirmed case is recorded. Without relief: {}.",
            until.to_rfc3339(),
            en.join("; "),
        ),
    }
}

/// An instant as people write it: midnight is `2022-12-10 24时`, the end of the day before.
fn spoken(until: Timestamp) -> String {
    if until == until.local_day().start() {
        return format!("{} 24时", until.local_day().plus_days(-1));
    }
    until.to_rfc3339().replace('T', " ").replace("+08:00", "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule_set::RuleSet;

    fn rule(id: &str) -> &'static Rule {
        RuleSet::sd_2020()
            .rules()
            .iter()
            .find(|rule| rule.id == id)
            .unwrap()
    }

    fn record(kind: FactKind, source: &str) -> CitedRecord {
        CitedRecord {
            kind,
            source: source.to_owned(),
            recorded_at: Timestamp::parse("2022-11-26T09:00:00+08:00").unwrap(),
        }
    }

    #[test]
    fn it_says_why_by_which_record_from_whom_and_until_when() {
        let until = Timestamp::parse("2022-12-11T00:00:00+08:00").unwrap();
        let text = explain(
            rule("red.close-contact"),
            &[record(FactKind::CloseContact, "cdc-370200")],
            Some(until),
        );
        for part in [
            "密切接触",
            "疾控机构",
            "cdc-370200",
            "2022-11-26",
            "2022-12-10 24时",
        ] {
            assert!(text.zh.contains(part), "{part}: {}", text.zh);
        }
        assert!(
            text.en.contains("centre for disease control") && text.en.contains("2022-12-11T00:00:00+08:00")
        );
    }

    #[test]
    fn another_provinces_code_and_a_laboratory_are_called_what_they_are() {
        for (kind, source, zh, en) in [
            (
                FactKind::PartnerCode,
                "federation",
                "外省健康码平台",
                "another province's code system",
            ),
            (FactKind::Test, "laboratory-370203", "检测机构", "a laboratory"),
        ] {
            let text = explain(rule("red.close-contact"), &[record(kind, source)], None);
            assert!(text.zh.contains(zh) && text.en.contains(en), "{source}: {text:?}");
        }
    }

    #[test]
    fn without_an_end_it_says_what_ends_it() {
        let entry = explain(
            rule("yellow.entry-quarantine"),
            &[record(FactKind::Entry, "border-370000")],
            None,
        );
        assert!(
            entry.zh.contains("口岸") && entry.zh.contains("所需条件全部满足"),
            "{}",
            entry.zh
        );
        let stay = explain(
            rule("red.high-risk-area"),
            &[record(FactKind::Stay, "self")],
            None,
        );
        assert!(
            stay.zh.contains("本人申报") && stay.zh.contains("情况变化"),
            "{}",
            stay.zh
        );
    }

    #[test]
    fn relief_says_until_when_it_lasts_and_which_rules_make_which_colour_without_it() {
        let until = Timestamp::parse("2022-12-01T10:00:00+08:00").unwrap();
        let text = explain_relief(&[rule("red.close-contact"), rule("yellow.symptoms")], until);
        for part in [
            "2022-12-01 10:00:00",
            "红码（规则red.close-contact）",
            "黄码（规则yellow.symptoms）",
        ] {
            assert!(text.zh.contains(part), "{part}: {}", text.zh);
        }
        for part in [
            "2022-12-01T10:00:00+08:00",
            "red by red.close-contact; yellow by yellow.symptoms",
        ] {
            assert!(text.en.contains(part), "{part}: {}", text.en);
        }
    }

    #[test]
    fn every_kind_and_every_rule_can_be_explained_in_both_languages() {
        for rule in RuleSet::sd_2020().rules() {
            let text = explain(rule, &[record(rule.kind, "hospital-370203")], None);
            assert!(text.zh.starts_with(&rule.reason.zh) && text.en.starts_with(&rule.reason.en));
        }
    }
}
