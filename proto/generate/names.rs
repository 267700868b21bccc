//! How prost and tonic name things in Rust.

use heck::{ToSnakeCase as _, ToUpperCamelCase as _};
use prost_reflect::MessageDescriptor;

/// The names as seen from a crate in which the packages' modules lie under `root`.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    pub root: &'static str,
}

impl Names {
    /// The module of a package, or of what a message encloses.
    pub fn module(self, package: &str, enclosing: &[String]) -> String {
        let enclosing = enclosing.iter().map(|name| name.to_snake_case());
        let parts: Vec<String> = package.split('.').map(str::to_owned).chain(enclosing).collect();
        format!("{}::{}", self.root, parts.join("::"))
    }

    pub fn message(self, message: &MessageDescriptor) -> String {
        let module = self.module(message.package_name(), &enclosing(message.parent_message()));
        format!("{module}::{}", message.name().to_upper_camel_case())
    }
}

/// The names of the messages that enclose something, outermost first.
pub fn enclosing(mut parent: Option<MessageDescriptor>) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(message) = parent {
        names.insert(0, message.name().to_owned());
        parent = message.parent_message();
    }
    names
}
