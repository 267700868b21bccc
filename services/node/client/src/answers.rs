//! Formatting of values in the API's answers.

use lutong_kernel::Timestamp;
use serde_json::Value;

use crate::output::in_language;

pub fn items<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().map_or(&[], Vec::as_slice)
}

/// A table cell: text or a number; empty for null.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// An instant in local time.
pub fn at(value: &Value) -> String {
    let text = text(value);
    Timestamp::parse(&text).map_or(text, Timestamp::to_rfc3339)
}

/// The text in this command's language.
pub fn localised(value: &Value) -> &str {
    let (zh, en) = (value["zh"].as_str(), value["en"].as_str());
    in_language(zh.unwrap_or_default(), en.unwrap_or_default())
}

/// `RISK_LEVEL_HIGH` is `high`.
pub fn word(value: &Value, prefix: &str) -> String {
    let text = text(value);
    let word = text.strip_prefix(prefix).unwrap_or(&text);
    word.trim_start_matches('_').to_lowercase().replace('_', "-")
}

/// `high` is `RISK_LEVEL_HIGH`.
pub fn constant(prefix: &str, word: &str) -> String {
    format!("{prefix}_{}", word.to_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_word_and_its_constant_are_each_others_inverse() {
        let constant = constant("LEGAL_BASIS_CODE", "picl-39");
        assert_eq!(constant, "LEGAL_BASIS_CODE_PICL_39");
        assert_eq!(word(&json!(constant), "LEGAL_BASIS_CODE"), "picl-39");
    }
}
