//! Checks the rule set as a whole: its texts, its legal basis and the ids of its rules.

use std::collections::BTreeMap;

use lutong_kernel::{Colour, FreeText, TextRule, Timestamp};
use toml::Value;

use super::super::file::{File, MAX_DOCUMENT, Words};
use super::super::plan::MAX_RULES;
use super::Finding;

/// Attribute names that denote a place. The `area` of a window is not among them: it names a level.
pub const PLACES: [&str; 5] = ["division", "divisions", "community", "communities", "province"];

/// Maximum number of characters of an id or a version; both are part of a resource name.
const MAX_NAME: usize = 40;

/// Checks the characters of an id or a version. A resource is named `id.version`, so that an id contains no point.
fn shape(path: &'static str, words: &str, findings: &mut Vec<Finding>) {
    let fits = |byte: u8| {
        let is_plain = byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        is_plain || (path == "version" && (byte == b'.' || byte == b'_'))
    };
    if words.len() > MAX_NAME || !words.bytes().all(fits) {
        findings.push(Finding::new(
            "NAME_SHAPE",
            None,
            path,
            "应为小写字母、数字和连字符（版本还可含点和下划线），最多40个字符",
            "has lower-case letters, digits and hyphens (a version also points and underscores), at most 40",
        ));
    }
}

pub fn check(file: &File, findings: &mut Vec<Finding>) {
    for (path, words) in [("id", &file.id), ("version", &file.version)] {
        blank(None, path, words, findings);
        shape(path, words, findings);
    }
    basis(None, "legal_basis", &file.legal_basis, findings);
    if let Err(error) = Timestamp::parse(&file.effective_from) {
        let zh = "生效时间应为带时区的RFC 3339";
        findings.push(Finding::new(
            "INSTANT_SHAPE",
            None,
            "effective_from",
            zh,
            error.to_string(),
        ));
    }
    for colour in [Colour::Green, Colour::Yellow, Colour::Red] {
        let none = Words::default();
        let words = file.guidance.get(colour.as_str()).unwrap_or(&none);
        texts(None, &format!("guidance.{colour}"), words, findings);
    }
    if file.rules.len() > MAX_RULES {
        let (count, zh) = (file.rules.len(), format!("规则最多{MAX_RULES}条"));
        let en = format!("{count} rules; {MAX_RULES} at most");
        findings.push(Finding::new("TOO_MANY_RULES", None, "rule", zh, en));
    }
    ids(file, findings);
}

fn ids(file: &File, findings: &mut Vec<Finding>) {
    let mut first = BTreeMap::new();
    for (index, entry) in file.rules.iter().enumerate() {
        let path = format!("rule[{index}].id");
        let name = entry
            .id
            .strip_prefix(&entry.colour)
            .and_then(|rest| rest.strip_prefix('.'));
        if let Some(other) = first.insert(&entry.id, index) {
            findings.push(Finding::new(
                "RULE_ID_DUPLICATE",
                Some(&entry.id),
                path,
                format!("编号与rule[{other}]重复"),
                format!("rule[{other}] has this id too"),
            ));
        } else if name.is_none_or(str::is_empty) {
            findings.push(Finding::new(
                "RULE_ID_COLOUR",
                Some(&entry.id),
                path,
                format!("编号应以“{}.”开头", entry.colour),
                format!("an id begins with its colour: {}.…", entry.colour),
            ));
        }
    }
}

/// A text in both languages.
pub fn texts(rule: Option<&str>, path: &str, words: &Words, findings: &mut Vec<Finding>) {
    blank(rule, &format!("{path}.zh"), &words.zh, findings);
    blank(rule, &format!("{path}.en"), &words.en, findings);
}

fn blank(rule: Option<&str>, path: &str, words: &str, findings: &mut Vec<Finding>) {
    if words.trim().is_empty() {
        let en = "is missing or blank; texts are in Chinese and English";
        findings.push(Finding::new(
            "TEXT_MISSING",
            rule,
            path,
            "缺少文字（须有中文和英文）",
            en,
        ));
    }
    characters(rule, path, words, findings);
}

/// Checks the characters of a text. Texts are shown to the public: invisible and reordering characters are rejected.
fn characters(rule: Option<&str>, path: &str, words: &str, findings: &mut Vec<Finding>) {
    if let Err(error) = FreeText::parse(words, TextRule::lines(MAX_DOCUMENT))
        && !error.is_length()
    {
        findings.push(Finding::new(
            error.reason(),
            rule,
            path,
            error.zh(),
            error.to_string(),
        ));
    }
}

pub fn basis(rule: Option<&str>, path: &str, words: &str, findings: &mut Vec<Finding>) {
    if words.trim().is_empty() {
        let en = "the legal basis is missing";
        findings.push(Finding::new(
            "LEGAL_BASIS_MISSING",
            rule,
            path,
            "缺少法律依据",
            en,
        ));
    }
    characters(rule, path, words, findings);
}

pub fn locality(rule: Option<&str>, path: impl Into<String>) -> Finding {
    Finding::new(
        "LOCALITY_NAMED",
        rule,
        path,
        "规则不得点名地区：绿码全省通行，各地不得加码；地区只由风险地区清单决定",
        "a rule names no division: green passes everywhere and localities add no conditions; places come from the lists of risk areas only",
    )
}

/// Finds attribute names of places in a document whose rules cannot be parsed, which are a frequent cause.
pub fn localities(text: &str, findings: &mut Vec<Finding>) {
    let Ok(document) = text.parse::<toml::Table>() else {
        return;
    };
    let rules = document.get("rule").and_then(Value::as_array);
    for (index, rule) in rules.into_iter().flatten().enumerate() {
        let id = rule.get("id").and_then(Value::as_str);
        for (part, table) in [("", Some(rule)), (".window", rule.get("window"))] {
            let Some(table) = table.and_then(Value::as_table) else {
                continue;
            };
            let named = table.keys().filter(|key| PLACES.contains(&key.as_str()));
            findings.extend(named.map(|key| locality(id, format!("rule[{index}]{part}.{key}"))));
        }
    }
}
