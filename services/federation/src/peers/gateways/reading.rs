//! The tolerant edge: members whatever their case, documents inside strings, `data` inside `data`.

use serde_json::Value;

/// Wrappings that are opened, one inside the other.
const MOST_WRAPPED: usize = 6;
/// The names that a wrapping has.
const WRAPPINGS: [&str; 4] = ["data", "datas", "content", "result"];

/// The first member with one of these names, whatever its case.
pub fn field<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let members = value.as_object()?;
    names.iter().find_map(|name| {
        let mut found = members
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    })
}

/// A value as text: what one system writes as a number is text to another. Lists and objects are none.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// The document inside its wrappings that has one of these members.
pub fn inner(value: &Value, members: &[&str]) -> Option<Value> {
    let mut inside = value.clone();
    for _ in 0..MOST_WRAPPED {
        if let Value::String(text) = &inside {
            inside = serde_json::from_str(text).ok()?;
        }
        if field(&inside, members).is_some() {
            return Some(inside);
        }
        inside = field(&inside, &WRAPPINGS)?.clone();
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrapped_is_found_in_strings_and_in_data_and_not_for_ever() {
        let report = json!({"healthyReport": []});
        let deep = |levels: usize| (0..levels).fold(report.clone(), |inside, _| json!({ "data": inside }));
        for wrapped in [
            report.clone(),
            deep(1),
            deep(3),
            json!({"DATA": {"content": report.to_string()}}),
            json!({"data": json!({"data": {"data": report.to_string()}}).to_string()}),
            json!(report.to_string()),
        ] {
            assert_eq!(inner(&wrapped, &["healthyreport"]), Some(report.clone()));
        }
        for wrong in [
            json!({}),
            json!([report]),
            json!("{"),
            json!(null),
            json!({"data": 3}),
            deep(9),
        ] {
            assert_eq!(inner(&wrong, &["healthyReport"]), None);
        }
    }
}
