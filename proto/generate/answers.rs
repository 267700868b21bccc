//! Writes whom the answers of RPCs of the ledger are about: everybody whose `subject_id` stands anywhere in them, also as
//! `into_subject_id` and the like.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use heck::ToUpperCamelCase as _;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use crate::fields;
use crate::names::{self, Names};
use crate::policies;

const NAMES: Names = Names { root: "crate" };
const SUBJECT: &str = "subject_id";

pub fn write(pool: &DescriptorPool) -> String {
    let mut messages = BTreeMap::new();
    for service in policies::services(pool) {
        for method in service.methods() {
            if !policies::is_of_ledger(&policies::of(&method)) {
                continue;
            }
            assert!(
                names_somebody(&method.output(), &mut Vec::new()),
                "{} is written to the ledger and its answer has no {SUBJECT}",
                method.full_name()
            );
            add(&method.output(), &mut messages);
        }
    }
    messages.into_values().collect()
}

/// Whether a subject stands in the message, or in one that it holds.
fn names_somebody(message: &MessageDescriptor, above: &mut Vec<String>) -> bool {
    if above.iter().any(|name| name == message.full_name()) {
        return false;
    }
    above.push(message.full_name().to_owned());
    let found = message.fields().any(|field| match field.kind() {
        Kind::String => is_subject(&field),
        Kind::Message(inner) => names_somebody(&inner, above),
        _ => false,
    });
    above.pop();
    found
}

fn is_subject(field: &FieldDescriptor) -> bool {
    field.kind() == Kind::String && field.name().ends_with(SUBJECT) && !field.is_list()
}

fn add(message: &MessageDescriptor, messages: &mut BTreeMap<String, String>) {
    if messages.contains_key(message.full_name()) {
        return;
    }
    // Stands there before what it holds, which may hold it again.
    messages.insert(message.full_name().to_owned(), String::new());
    let mut body = String::new();
    for field in message.fields() {
        body.push_str(&of_field(message, &field));
        if let Some(inner) = field.kind().as_message()
            && names_somebody(inner, &mut Vec::new())
        {
            add(inner, messages);
        }
    }
    let source = format!(
        "impl Concerning for {} {{\n    fn add_subjects<'a>(&'a self, found: &mut Vec<&'a str>) {{\n{body}    }}\n}}\n",
        NAMES.message(message)
    );
    messages.insert(message.full_name().to_owned(), source);
}

fn of_field(message: &MessageDescriptor, field: &FieldDescriptor) -> String {
    let is_subject = is_subject(field);
    let kind = field.kind();
    let holds = kind
        .as_message()
        .is_some_and(|inner| names_somebody(inner, &mut Vec::new()));
    if !is_subject && !holds {
        return String::new();
    }
    let step = if is_subject {
        "found.push(value.as_str());"
    } else {
        "value.add_subjects(found);"
    };
    let rust = fields::field(field.name());
    if let Some(choice) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
        let module = NAMES.module(message.package_name(), &names::enclosing(Some(message.clone())));
        let mut source = String::new();
        let _ = writeln!(
            source,
            "        if let Some({module}::{}::{}(value)) = &self.{} {{ {step} }}",
            choice.name().to_upper_camel_case(),
            field.name().to_upper_camel_case(),
            fields::field(choice.name()),
        );
        return source;
    }
    if is_subject && !field.supports_presence() {
        return format!("        {{ let value = &self.{rust}; {step} }}\n");
    }
    if field.is_list() {
        return format!("        for value in &self.{rust} {{ {step} }}\n");
    }
    format!("        if let Some(value) = &self.{rust} {{ {step} }}\n")
}
