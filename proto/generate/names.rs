//! How prost names things in Rust.

use heck::{ToSnakeCase as _, ToUpperCamelCase as _};
use prost_reflect::{EnumDescriptor, MessageDescriptor};

/// Keywords that are fields of the contract.
const KEYWORDS: [&str; 6] = ["type", "in", "match", "move", "ref", "use"];

pub fn field(name: &str) -> String {
    let name = name.to_snake_case();
    if KEYWORDS.contains(&name.as_str()) {
        format!("r#{name}")
    } else {
        name
    }
}

pub fn variant(name: &str) -> String {
    name.to_upper_camel_case()
}

/// The module of a package, or of what a message encloses.
fn module(package: &str, enclosing: &[String]) -> String {
    let enclosing = enclosing.iter().map(|name| name.to_snake_case());
    let parts: Vec<String> = package.split('.').map(str::to_owned).chain(enclosing).collect();
    format!("crate::{}", parts.join("::"))
}

fn enclosing(mut parent: Option<MessageDescriptor>) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(message) = parent {
        names.insert(0, message.name().to_owned());
        parent = message.parent_message();
    }
    names
}

pub fn message(message: &MessageDescriptor) -> String {
    let module = module(message.package_name(), &enclosing(message.parent_message()));
    format!("{module}::{}", message.name().to_upper_camel_case())
}

pub fn enumeration(descriptor: &EnumDescriptor) -> String {
    let module = module(descriptor.package_name(), &enclosing(descriptor.parent_message()));
    format!("{module}::{}", descriptor.name().to_upper_camel_case())
}

/// The enum of a choice of `message`.
pub fn choice(message: &MessageDescriptor, name: &str) -> String {
    let module = module(message.package_name(), &enclosing(Some(message.clone())));
    format!("{module}::{}", name.to_upper_camel_case())
}
