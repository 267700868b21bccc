//! Writes what the contract says about facts as tables and plain code: the kinds with their attributes, the values of a
//! fact's message in the order of its table, and the message out of values. No reflection when it runs.

use std::fmt::Write as _;

use heck::ToUpperCamelCase as _;
use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind,
    MessageDescriptor, Value,
};

use crate::fields;
use crate::names::Names;

const NAMES: Names = Names { root: "crate" };
/// The message whose oneof lists the kinds.
const FACT: &str = "lutong.types.v1.Fact";

struct Options {
    kind: ExtensionDescriptor,
    attribute: ExtensionDescriptor,
    label: ExtensionDescriptor,
    field: ExtensionDescriptor,
}

/// A kind: its member of the oneof and its message.
struct FactKind {
    name: String,
    variant: String,
    message: MessageDescriptor,
}

pub fn write(pool: &DescriptorPool) -> String {
    let option = |name: &str| {
        pool.get_extension_by_name(&format!("lutong.policy.v1.{name}"))
            .unwrap_or_else(|| panic!("the contract has no option {name}"))
    };
    let options = Options {
        kind: option("fact_kind"),
        attribute: option("attribute"),
        label: option("label"),
        field: option("field"),
    };
    let fact = pool.get_message_by_name(FACT).expect("the contract has facts");
    let mut kinds = Vec::new();
    for (index, field) in fact.fields().enumerate() {
        // Packed rows hold the place in this order.
        assert_eq!(
            field.number() as usize,
            index + 1,
            "kinds are numbered from 1 without gaps"
        );
        kinds.push(FactKind {
            name: field.name().to_owned(),
            variant: field.name().to_upper_camel_case(),
            message: field.kind().as_message().expect("a kind is a message").clone(),
        });
    }
    [
        of_enum(&options, &kinds),
        of_attributes(&options, &kinds),
        of_fact(&kinds),
    ]
    .concat()
}

fn option(options: &DynamicMessage, extension: &ExtensionDescriptor) -> Option<DynamicMessage> {
    options
        .has_extension(extension)
        .then(|| options.get_extension(extension).as_message().cloned())
        .flatten()
}

fn text(message: &DynamicMessage, name: &str) -> String {
    let value = message.get_field_by_name(name);
    value
        .as_deref()
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn flag(message: &DynamicMessage, name: &str) -> bool {
    let value = message.get_field_by_name(name);
    value.as_deref().and_then(Value::as_bool).unwrap_or(false)
}

/// The label as a constructor; a kind, attribute or value without one does not compile.
fn label(message: &DynamicMessage, of: &str) -> String {
    let (zh, en) = (text(message, "zh"), text(message, "en"));
    assert!(!zh.is_empty() && !en.is_empty(), "{of} has no label");
    format!("Label {{ zh: {zh:?}, en: {en:?} }}")
}

fn inner(message: &DynamicMessage, name: &str, of: &str) -> DynamicMessage {
    let value = message.get_field_by_name(name);
    let value = value.as_deref().and_then(Value::as_message).cloned();
    value.unwrap_or_else(|| panic!("{of} says no {name}"))
}

fn of_enum(options: &Options, kinds: &[FactKind]) -> String {
    let (mut variants, mut names, mut labels, mut reported) =
        (String::new(), String::new(), String::new(), String::new());
    for FactKind {
        name,
        variant,
        message,
    } in kinds
    {
        let said =
            option(&message.options(), &options.kind).unwrap_or_else(|| panic!("{name} is no kind of fact"));
        let shown = label(&inner(&said, "label", name), name);
        let authorities = said.get_field_by_name("authorities");
        let authorities: Vec<String> = authorities
            .as_deref()
            .and_then(Value::as_list)
            .unwrap_or_default()
            .iter()
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect();
        let is_reportable = flag(&said, "reportable");
        let _ = writeln!(variants, "    /// `{name}`.\n    {variant},");
        let _ = writeln!(names, "            Self::{variant} => {name:?},");
        let _ = writeln!(labels, "            Self::{variant} => {shown},");
        let _ = writeln!(
            reported,
            "            Self::{variant} => Reporting {{ reportable: {is_reportable}, authorities: &{authorities:?} }},"
        );
    }
    let all: Vec<String> = kinds
        .iter()
        .map(|kind| format!("Self::{}", kind.variant))
        .collect();
    let all = all.join(", ");
    let list: Vec<&str> = kinds.iter().map(|kind| kind.name.as_str()).collect();
    format!(
        "/// Kinds of facts, in the order of the contract.\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\npub enum FactKind {{\n{variants}}}\n\n\
         /// Every kind's name.\npub const KIND_NAMES: &str = {:?};\n\n\
         impl FactKind {{\n    \
         /// Every kind, in the order of the contract.\n    pub const ALL: [Self; {}] = [{all}];\n\n    \
         /// Its name in the contract, in rule sets and in files.\n    \
         pub const fn as_str(self) -> &'static str {{\n        match self {{\n{names}        }}\n    }}\n\n    \
         /// The kind for a person.\n    \
         pub const fn label(self) -> Label {{\n        match self {{\n{labels}        }}\n    }}\n\n    \
         /// Who reports it.\n    \
         pub const fn reporting(self) -> Reporting {{\n        match self {{\n{reported}        }}\n    }}\n}}\n\n",
        list.join(", "),
        kinds.len(),
    )
}

fn of_attributes(options: &Options, kinds: &[FactKind]) -> String {
    let (mut tables, mut arms) = (String::new(), String::new());
    for FactKind {
        name,
        variant,
        message,
    } in kinds
    {
        let table = name.to_uppercase();
        let rows: String = message
            .fields()
            .map(|field| of_attribute(options, &field))
            .collect();
        let _ = writeln!(tables, "const {table}: &[Attribute] = &[\n{rows}];\n");
        let _ = writeln!(arms, "            Self::{variant} => {table},");
    }
    format!(
        "{tables}impl FactKind {{\n    /// The kind's attributes, in the order of its message.\n    \
         pub const fn attributes(self) -> &'static [Attribute] {{\n        match self {{\n{arms}        }}\n    }}\n}}\n\n"
    )
}

fn of_attribute(options: &Options, field: &FieldDescriptor) -> String {
    let of = field.full_name();
    let said = option(&field.options(), &options.attribute).unwrap_or_else(|| panic!("{of} is no attribute"));
    let bounds = option(&field.options(), &options.field);
    let shown = label(&inner(&said, "label", of), of);
    let name = match text(&said, "name") {
        name if name.is_empty() => field.name().to_owned(),
        name => name,
    };
    let (shape, labels, prefix) = shape(options, field, &said, bounds.as_ref());
    let required = bounds.as_ref().is_some_and(|bounds| flag(bounds, "required"));
    format!(
        "    Attribute {{ name: {name:?}, field: {:?}, json: {:?}, required: {required}, label: {shown}, shape: {shape}, \
         labels: &[{labels}], prefix: {prefix:?} }},\n",
        field.name(),
        field.json_name(),
    )
}

/// The shape, the labels of its words, and what stands before each word in the contract.
fn shape(
    options: &Options,
    field: &FieldDescriptor,
    said: &DynamicMessage,
    bounds: Option<&DynamicMessage>,
) -> (String, String, String) {
    let bound = |name: &str| {
        bounds.and_then(|bounds| bounds.get_field_by_name(name).map(std::borrow::Cow::into_owned))
    };
    let of = field.full_name();
    let plain = |shape: String| (shape, String::new(), String::new());
    match field.kind() {
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
            plain("Shape::Instant".to_owned())
        }
        Kind::Enum(values) => {
            let (words, labels, prefix) = words(options, &values);
            let shape = if field.cardinality() == Cardinality::Repeated {
                "Words"
            } else {
                "Word"
            };
            (format!("Shape::{shape}(&{words:?})"), labels, prefix)
        }
        Kind::Double => {
            let limit = |name: &str| match bound(name) {
                Some(Value::F64(limit)) => limit,
                _ => panic!("{of} is a number without bounds"),
            };
            plain(format!(
                "Shape::Number {{ least: {:?}, greatest: {:?} }}",
                limit("min"),
                limit("max")
            ))
        }
        Kind::String => {
            let meaning = said
                .get_field_by_name("meaning")
                .and_then(|value| value.as_enum_number());
            let most = bound("max_chars").and_then(|value| value.as_u32()).unwrap_or(0);
            let bounded = |shape: &str| {
                assert!(most > 0, "{of} is a text without a bound");
                format!("Shape::{shape}({most})")
            };
            let format = bound("format").and_then(|value| value.as_enum_number());
            plain(match (meaning.unwrap_or(0), format) {
                (1, _) => bounded("Community"),
                (2, _) => "Shape::CountryAbroad".to_owned(),
                (3, _) => "Shape::Province".to_owned(),
                (_, Some(1)) => "Shape::Id".to_owned(),
                (_, Some(2)) => "Shape::Division".to_owned(),
                _ => bounded("Text"),
            })
        }
        other => panic!("{of}: no attribute of a fact is a {other:?}"),
    }
}

/// `CASE_STAGE_CONFIRMED` is `confirmed`. Packed rows hold a word's place: values are numbered from 0 without gaps.
fn words(options: &Options, values: &EnumDescriptor) -> (Vec<String>, String, String) {
    let (mut words, mut labels) = (Vec::new(), String::new());
    let unspecified = values
        .get_value(0)
        .expect("an enum has a value 0")
        .name()
        .to_owned();
    let prefix = unspecified.trim_end_matches("UNSPECIFIED");
    for (index, value) in values.values().enumerate() {
        assert_eq!(
            usize::try_from(value.number()),
            Ok(index),
            "{} has gaps",
            values.full_name()
        );
        if index == 0 {
            continue;
        }
        let word = value.name().trim_start_matches(prefix).to_lowercase();
        let shown = option(&value.options(), &options.label)
            .unwrap_or_else(|| panic!("{} has no label", value.full_name()));
        let _ = write!(labels, "{}, ", label(&shown, value.full_name()));
        words.push(word);
    }
    (words, labels, prefix.to_owned())
}

fn of_fact(kinds: &[FactKind]) -> String {
    let (mut named, mut read, mut built) = (String::new(), String::new(), String::new());
    for FactKind { variant, message, .. } in kinds {
        let rust = NAMES.message(message);
        let _ = writeln!(named, "            Kind::{variant}(_) => FactKind::{variant},");
        let (mut values, mut fields_built) = (String::new(), String::new());
        for field in message.fields() {
            let name = fields::field(field.name());
            let (given, taken) = access(&field, &name);
            let _ = write!(values, "{given}, ");
            let _ = write!(fields_built, "{name}: {taken}(next()), ");
        }
        let _ = writeln!(read, "            Kind::{variant}(of) => vec![{values}],");
        let _ = writeln!(
            built,
            "        FactKind::{variant} => Kind::{variant}({rust} {{ {fields_built} }}),"
        );
    }
    format!(
        "impl Fact {{\n    /// Its kind; `None` where it says none.\n    \
         pub fn fact_kind(&self) -> Option<FactKind> {{\n        Some(match self.kind.as_ref()? {{\n{named}        }})\n    }}\n\n    \
         /// Its values in the order of the kind's table.\n    \
         pub fn values(&self) -> Vec<Option<Given<'_>>> {{\n        \
         let Some(kind) = &self.kind else {{ return Vec::new() }};\n        match kind {{\n{read}        }}\n    }}\n}}\n\n\
         fn built<'a>(kind: FactKind, mut next: impl FnMut() -> Option<Given<'a>>) -> Kind {{\n    match kind {{\n{built}    }}\n}}\n"
    )
}

/// How a value is read out of its field, and what makes the field of it.
fn access(field: &FieldDescriptor, name: &str) -> (String, &'static str) {
    match field.kind() {
        Kind::Message(_) => (
            format!("given::instant(of.{name}.as_ref())"),
            "given::take_instant",
        ),
        Kind::Enum(_) if field.cardinality() == Cardinality::Repeated => {
            (format!("given::words(&of.{name})"), "given::take_words")
        }
        Kind::Enum(_) => (format!("given::word(of.{name})"), "given::take_word"),
        Kind::Double => (format!("given::number(of.{name})"), "given::take_number"),
        _ => (format!("given::text(&of.{name})"), "given::take_text"),
    }
}
