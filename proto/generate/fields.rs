//! How prost names fields in Rust.

use heck::ToSnakeCase as _;

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
