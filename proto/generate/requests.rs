//! Writes what the contract says about request messages beyond their bounds: whom they concern, whether they may be sent
//! again, whether they ask for a page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};

use crate::fields;
use crate::names::Names;

const NAMES: Names = Names { root: "crate" };

pub fn write(pool: &DescriptorPool) -> String {
    let access = pool
        .get_extension_by_name("lutong.policy.v1.access")
        .expect("the contract has the option access");
    let mut messages = BTreeMap::new();
    for service in pool
        .services()
        .filter(|service| service.full_name().starts_with("lutong."))
    {
        for method in service.methods().filter(|method| !method.is_client_streaming()) {
            let policy = method.options().get_extension(&access).into_owned();
            let Value::Message(policy) = policy else {
                panic!("{} has no access policy", method.full_name())
            };
            messages.insert(
                method.input().full_name().to_owned(),
                of_message(&policy, &method.input()),
            );
        }
    }
    messages.into_values().collect()
}

fn has_field(message: &MessageDescriptor, name: &str) -> bool {
    message.get_field_by_name(name).is_some()
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
    source.push_str("}\n    }\n}\n");
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
    if has_field(message, "cursor") && has_field(message, "page_size") {
        let _ = writeln!(
            source,
            "impl Following for {rust} {{\n    fn place(&self) -> (i32, &str) {{ (self.page_size, &self.cursor) }}\n}}"
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
