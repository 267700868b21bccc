//! Writes what the contract says about request messages beyond their bounds: whom they concern, whether they may be sent
//! again, whether they ask for a page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};

use crate::fields;
use crate::names::Names;
use crate::policies;

const NAMES: Names = Names { root: "crate" };

pub fn write(pool: &DescriptorPool) -> String {
    let mut messages = BTreeMap::new();
    for service in policies::services(pool) {
        for method in service.methods().filter(|method| !method.is_client_streaming()) {
            messages.insert(
                method.input().full_name().to_owned(),
                of_message(&policies::of(&method), &method.input()),
            );
        }
    }
    messages.into_values().collect()
}

fn has_field(message: &MessageDescriptor, name: &str) -> bool {
    message.get_field_by_name(name).is_some()
}

fn states_purpose(message: &MessageDescriptor) -> bool {
    let field = message.get_field_by_name("purpose");
    let kind = field.as_ref().map(prost_reflect::FieldDescriptor::kind);
    let kind = kind.as_ref().and_then(prost_reflect::Kind::as_message);
    kind.is_some_and(|kind| kind.full_name() == "lutong.types.v1.Purpose")
}

fn of_message(policy: &DynamicMessage, message: &MessageDescriptor) -> String {
    let rust = NAMES.message(message);
    let mut source =
        format!("impl Addressed for {rust} {{\n    fn target(&self) -> Target<'_> {{\n        Target {{ ");
    for (part, option) in [("subject", "subject_field"), ("division", "division_field")] {
        let value = policy.get_field_by_name(option);
        let path = value.as_deref().and_then(Value::as_str).unwrap_or_default();
        let found = match path {
            "" => "None".to_owned(),
            path => text_at(message, path),
        };
        let _ = write!(source, "{part}: {found}, ");
    }
    let purpose = if states_purpose(message) {
        "self.purpose.as_ref()"
    } else {
        "None"
    };
    let _ = writeln!(source, "purpose: {purpose} }}\n    }}\n}}");
    if has_field(message, "request_id") {
        let _ = writeln!(
            source,
            "impl Repeatable for {rust} {{\n    fn request_id(&self) -> &str {{ &self.request_id }}\n}}"
        );
    }
    if has_field(message, "page_token") && has_field(message, "page_size") {
        let _ = writeln!(
            source,
            "impl Paged for {rust} {{\n    fn page(&self) -> (i32, &str) {{ (self.page_size, &self.page_token) }}\n    \
             fn without_page(mut self) -> Self {{ self.page_size = 0; self.page_token.clear(); self }}\n}}"
        );
    }
    if has_field(message, "cursor") {
        let size = if has_field(message, "page_size") {
            "self.page_size"
        } else {
            "0"
        };
        let _ = writeln!(
            source,
            "impl Following for {rust} {{\n    fn place(&self) -> (i32, &str) {{ ({size}, &self.cursor) }}\n}}"
        );
    }
    source
}

/// The text at a dotted path, through messages that may be absent.
fn text_at(message: &MessageDescriptor, path: &str) -> String {
    let (mut at, mut expression) = (message.clone(), "Some(self)".to_owned());
    let steps: Vec<&str> = path.split('.').collect();
    for (index, step) in steps.iter().enumerate() {
        let field = at
            .get_field_by_name(step)
            .unwrap_or_else(|| panic!("{} has no field {step}", at.full_name()));
        let rust = fields::field(step);
        if index + 1 == steps.len() {
            let _ = write!(expression, ".map(|at| at.{rust}.as_str())");
        } else {
            let _ = write!(expression, ".and_then(|at| at.{rust}.as_ref())");
            at = field
                .kind()
                .as_message()
                .expect("a path goes through messages")
                .clone();
        }
    }
    expression
}
