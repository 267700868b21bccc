//! The bounds of a field, from its options, as JSON schema.

use lutong_proto::lutong::policy::v1::{Field, Format};
pub use lutong_proto::options::{is_required, of_field as options};
use prost_reflect::{FieldDescriptor, Kind};
use serde_json::{Map, Value, json};

/// Adds the bounds of a field to its schema, or to that of its items.
pub fn bound(field: &FieldDescriptor, schema: &mut Value) {
    let options = options(field);
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    if field.is_map() {
        items(&options, "minProperties", "maxProperties", map);
        return;
    }
    if field.is_list() {
        items(&options, "minItems", "maxItems", map);
        if let Some(Value::Object(item)) = map.get_mut("items") {
            // An item of a list is never empty.
            scalar(field, &options, true, item);
        }
        return;
    }
    // An optional text may be "".
    let never_empty = options.required || field.supports_presence();
    scalar(field, &options, never_empty, map);
}

fn items(options: &Field, least: &str, most: &str, schema: &mut Map<String, Value>) {
    let least_items = options.min_items.max(u32::from(options.required));
    set(schema, least, least_items);
    set(schema, most, options.max_items);
}

fn set(schema: &mut Map<String, Value>, name: &str, bound: u32) {
    if bound > 0 {
        schema.insert(name.to_owned(), Value::from(bound));
    }
}

fn scalar(field: &FieldDescriptor, options: &Field, never_empty: bool, schema: &mut Map<String, Value>) {
    match field.kind() {
        Kind::String => text(options, never_empty, schema),
        // Four characters of base64 are three bytes.
        Kind::Bytes => set(schema, "maxLength", options.max_bytes.div_ceil(3) * 4),
        Kind::Bool if options.required => {
            schema.insert("const".to_owned(), Value::Bool(true));
        }
        kind if is_number(&kind) => {
            for (name, bound) in [("minimum", options.min), ("maximum", options.max)] {
                if let Some(bound) = bound {
                    schema.insert(name.to_owned(), number(bound));
                }
            }
        }
        _ => {}
    }
}

/// Of the kinds that are numbers in JSON.
const fn is_number(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Double
            | Kind::Float
            | Kind::Int32
            | Kind::Sint32
            | Kind::Sfixed32
            | Kind::Uint32
            | Kind::Fixed32
    )
}

fn number(bound: f64) -> Value {
    // A whole bound is written whole; nothing of the contract is out of i64.
    #[allow(clippy::cast_possible_truncation)]
    let whole = bound as i64;
    #[allow(clippy::cast_precision_loss)]
    if (whole as f64 - bound).abs() < f64::EPSILON {
        Value::from(whole)
    } else {
        Value::from(bound)
    }
}

fn text(options: &Field, never_empty: bool, schema: &mut Map<String, Value>) {
    let least = if options.required {
        options.min_chars.max(1)
    } else {
        0
    };
    set(schema, "minLength", least);
    // UTF-8 has at least a byte a character.
    let most = if options.max_chars > 0 {
        options.max_chars
    } else {
        options.max_bytes
    };
    set(schema, "maxLength", most);
    let collection =
        (!options.collection.is_empty()).then(|| format!("{}/[^/]+", options.collection.replace('.', "\\.")));
    let pattern = collection.or_else(|| pattern_of(options.format()).map(str::to_owned));
    if let Some(pattern) = pattern {
        let pattern = if never_empty {
            format!("^{pattern}$")
        } else {
            format!("^({pattern})?$")
        };
        schema.insert("pattern".to_owned(), Value::String(pattern));
    }
    let format = match options.format() {
        Format::Uuid => Some("uuid"),
        Format::Date => Some("date"),
        _ => None,
    };
    if let Some(format) = format.filter(|_| never_empty) {
        schema.insert("format".to_owned(), Value::String(format.to_owned()));
    }
    if let Some(example) = example_of(options.format()) {
        schema.insert("examples".to_owned(), json!([example]));
    }
}

const fn pattern_of(format: Format) -> Option<&'static str> {
    match format {
        Format::Unspecified | Format::Text | Format::Line => None,
        Format::Uuid => Some("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        Format::Division => Some("([0-9]{6}|[0-9]{9})"),
        Format::Date => Some("[0-9]{4}-[0-9]{2}-[0-9]{2}"),
        Format::Country => Some("[A-Z]{3}"),
        Format::Identifier => Some("[a-z][a-z0-9]*(-[a-z0-9]+)*"),
    }
}

const fn example_of(format: Format) -> Option<&'static str> {
    match format {
        Format::Unspecified | Format::Text | Format::Line => None,
        Format::Uuid => Some("0193a3c0-0000-7000-8000-000000000001"),
        Format::Division => Some("370202"),
        Format::Date => Some("2022-11-26"),
        Format::Country => Some("CHN"),
        Format::Identifier => Some("first-answer"),
    }
}
