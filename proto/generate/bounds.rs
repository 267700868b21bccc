//! Writes the checks of each message out of its field options: plain code, no reflection when it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind,
    MessageDescriptor, OneofDescriptor, ReflectMessage as _, Value,
};

use heck::ToUpperCamelCase as _;

use crate::fields;
use crate::names::{self, Names};

const NAMES: Names = Names { root: "crate" };

struct Options {
    field: ExtensionDescriptor,
    choice: ExtensionDescriptor,
}

/// The source of every implementation, and of a function that checks a message by its full name.
pub fn write(pool: &DescriptorPool) -> String {
    let option = |name: &str| {
        pool.get_extension_by_name(&format!("lutong.policy.v1.{name}"))
            .unwrap_or_else(|| panic!("the contract has no option {name}"))
    };
    let options = Options {
        field: option("field"),
        choice: option("choice"),
    };
    let messages: BTreeMap<String, MessageDescriptor> = pool
        .all_messages()
        .filter(|message| message.full_name().starts_with("lutong.") && !message.is_map_entry())
        .filter(|message| message.package_name() != "lutong.policy.v1")
        .map(|message| (message.full_name().to_owned(), message))
        .collect();
    let mut source = String::new();
    let mut by_name = String::new();
    for (name, message) in &messages {
        let body = body(&options, message);
        let rust = NAMES.message(message);
        let (at, wrong) = if body.is_empty() {
            ("_", "_")
        } else {
            ("at", "wrong")
        };
        let _ = writeln!(
            source,
            "impl Bounded for {rust} {{\n    fn note(&self, {at}: &At<'_>, {wrong}: &mut Violations) {{\n{body}    }}\n}}\n"
        );
        let _ = writeln!(by_name, "        \"{name}\" => checked::<{rust}>(bytes),");
    }
    let _ = writeln!(
        source,
        "/// Checks a message that is known by its full name; `None` when there is none of that name, or the bytes are none.\n\
         #[doc(hidden)]\n\
         pub fn check_encoded(name: &str, bytes: &[u8]) -> Option<Result<(), Fault>> {{\n    \
         fn checked<M: Bounded + prost::Message + Default>(bytes: &[u8]) -> Option<Result<(), Fault>> {{\n        \
         Some(M::decode(bytes).ok()?.check())\n    }}\n    match name {{\n{by_name}        _ => None,\n    }}\n}}"
    );
    source
}

fn body(options: &Options, message: &MessageDescriptor) -> String {
    let mut body = String::new();
    let mut choices = BTreeSet::new();
    for field in message.fields() {
        match field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
            Some(oneof) => {
                if choices.insert(oneof.name().to_owned()) {
                    body.push_str(&of_choice(options, message, &oneof));
                }
            }
            None => body.push_str(&of_field(&bounds_of(options, &field), &field)),
        }
    }
    body
}

fn of_choice(options: &Options, message: &MessageDescriptor, oneof: &OneofDescriptor) -> String {
    let module = NAMES.module(message.package_name(), &names::enclosing(Some(message.clone())));
    let rust = format!("{module}::{}", oneof.name().to_upper_camel_case());
    let mut arms = String::new();
    for field in oneof.fields() {
        let bounds = bounds_of(options, &field);
        let check = of_value(
            &bounds,
            &field,
            "value",
            &format!("at.field(\"{}\")", field.name()),
        );
        if !check.is_empty() {
            let _ = writeln!(
                arms,
                "            Some({rust}::{}(value)) => {{ {check} }}",
                field.name().to_upper_camel_case()
            );
        }
    }
    let required = option(&oneof.options(), &options.choice).is_some_and(|choice| flag(&choice, "required"));
    if required {
        let _ = writeln!(
            arms,
            "            None => missing(wrong, at.field(\"{}\")),",
            oneof.name()
        );
    }
    if arms.is_empty() {
        return String::new();
    }
    format!(
        "        match &self.{} {{\n{arms}            _ => {{}}\n        }}\n",
        fields::field(oneof.name())
    )
}

/// The bounds of a field: an empty message where none are stated.
fn bounds_of(options: &Options, field: &FieldDescriptor) -> DynamicMessage {
    option(&field.options(), &options.field)
        .unwrap_or_else(|| DynamicMessage::new(options.field.kind().as_message().expect("a message").clone()))
}

fn option(options: &DynamicMessage, extension: &ExtensionDescriptor) -> Option<DynamicMessage> {
    options
        .has_extension(extension)
        .then(|| options.get_extension(extension).as_message().cloned())
        .flatten()
}

fn flag(bounds: &DynamicMessage, name: &str) -> bool {
    bounds
        .get_field_by_name(name)
        .and_then(|value| value.as_bool())
        .unwrap_or(false)
}

fn count(bounds: &DynamicMessage, name: &str) -> u32 {
    bounds
        .get_field_by_name(name)
        .and_then(|value| value.as_u32())
        .unwrap_or(0)
}

fn limit(bounds: &DynamicMessage, name: &str) -> String {
    match bounds
        .has_field_by_name(name)
        .then(|| bounds.get_field_by_name(name))
        .flatten()
        .as_deref()
    {
        Some(Value::F64(limit)) => format!("Some({limit:?}_f64)"),
        _ => "None".to_owned(),
    }
}

fn of_field(bounds: &DynamicMessage, field: &FieldDescriptor) -> String {
    if flag(bounds, "output_only") {
        return String::new();
    }
    let (name, at) = (
        fields::field(field.name()),
        format!("at.field(\"{}\")", field.name()),
    );
    if field.is_map() {
        return of_items(bounds, &format!("self.{name}.len()"), &at);
    }
    if field.cardinality() == Cardinality::Repeated {
        let each = if flag(bounds, "item_by_item") {
            String::new()
        } else {
            of_value(bounds, field, "value", "at.item(index)")
        };
        let mut check = of_items(bounds, &format!("self.{name}.len()"), &at);
        if !each.is_empty() {
            let _ = writeln!(
                check,
                "        {{ let at = &{at}; for (index, value) in self.{name}.iter().enumerate() {{ {each} }} }}"
            );
        }
        return check;
    }
    if !field.supports_presence() {
        return line(&of_value(bounds, field, &format!("&self.{name}"), &at));
    }
    let check = of_value(bounds, field, "value", &at);
    let absent = if flag(bounds, "required") {
        format!("missing(wrong, {at})")
    } else {
        "{}".to_owned()
    };
    match (check.is_empty(), flag(bounds, "required")) {
        (true, false) => String::new(),
        (true, true) => format!("        if self.{name}.is_none() {{ {absent}; }}\n"),
        (false, _) => {
            format!("        match &self.{name} {{ Some(value) => {{ {check} }} None => {absent} }}\n")
        }
    }
}

fn line(check: &str) -> String {
    if check.is_empty() {
        String::new()
    } else {
        format!("        {check}\n")
    }
}

fn of_items(bounds: &DynamicMessage, length: &str, at: &str) -> String {
    let (least, most) = (count(bounds, "min_items"), count(bounds, "max_items"));
    let least = least.max(u32::from(flag(bounds, "required")));
    if least == 0 && most == 0 {
        return String::new();
    }
    format!("        items({length}, {least}, {most}, {at}, wrong);\n")
}

/// The check of one value, of which `value` is a reference; empty where there is nothing to check.
fn of_value(bounds: &DynamicMessage, field: &FieldDescriptor, value: &str, at: &str) -> String {
    // A list's own bound says whether it may be empty; its items are always there.
    let required = flag(bounds, "required");
    match field.kind() {
        Kind::String => of_text(bounds, required, value, at),
        Kind::Bytes => {
            let most = count(bounds, "max_bytes");
            if most == 0 && !required {
                return String::new();
            }
            let value = value.trim_start_matches('&');
            format!("bytes({value}.len(), {required}, {most}, {at}, wrong);")
        }
        Kind::Enum(descriptor) => {
            let module = NAMES.module(
                descriptor.package_name(),
                &names::enclosing(descriptor.parent_message()),
            );
            let rust = format!("{module}::{}", descriptor.name().to_upper_camel_case());
            format!("choice(*{value}, {rust}::try_from(*{value}).is_ok(), {required}, {at}, wrong);")
                .replace("*&", "")
        }
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
            format!("instant({value}, {at}, wrong);")
        }
        Kind::Message(message) if message.full_name().starts_with("lutong.") => {
            format!("Bounded::note({value}, &{at}, wrong);")
        }
        Kind::Message(_) => String::new(),
        Kind::Bool => {
            if required {
                format!("if !*{value} {{ missing(wrong, {at}); }}").replace("*&", "")
            } else {
                String::new()
            }
        }
        _ => {
            let (least, greatest) = (limit(bounds, "min"), limit(bounds, "max"));
            if least == "None" && greatest == "None" {
                return String::new();
            }
            format!("number(*{value} as f64, {least}, {greatest}, {at}, wrong);").replace("*&", "")
        }
    }
}

fn of_text(bounds: &DynamicMessage, required: bool, value: &str, at: &str) -> String {
    let format = bounds
        .get_field_by_name("format")
        .and_then(|value| value.as_enum_number())
        .unwrap_or(0);
    let collection = bounds.get_field_by_name("collection");
    let collection = collection
        .as_deref()
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let [min_chars, max_chars, max_bytes] =
        ["min_chars", "max_chars", "max_bytes"].map(|name| count(bounds, name));
    let has_none =
        !required && format == 0 && collection.is_empty() && min_chars + max_chars + max_bytes == 0;
    if has_none {
        return String::new();
    }
    let kind = bounds
        .descriptor()
        .get_field_by_name("format")
        .expect("the option has a format")
        .kind();
    let variant = kind
        .as_enum()
        .and_then(|formats| formats.get_value(format))
        .map(|value| value.name().trim_start_matches("FORMAT_").to_upper_camel_case())
        .unwrap_or_default();
    format!(
        "Text {{ required: {required}, min_chars: {min_chars}, max_chars: {max_chars}, max_bytes: {max_bytes}, \
         format: Format::{variant}, collection: {collection:?} }}.note({value}, {at}, wrong);"
    )
}
