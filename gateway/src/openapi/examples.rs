//! Examples of operations (`examples.json`), recorded from calls to a running mesh. The tests of the whole mesh repeat the
//! calls and compare.

use serde_json::{Map, Value};

const EXAMPLES: &str = include_str!("../../examples.json");

/// By operation: `{"parameters": {…}, "body": …, "answer": …}`.
pub struct Examples(Map<String, Value>);

impl Examples {
    pub fn read() -> Self {
        // The file is part of the program; a test reads it.
        Self(serde_json::from_str(EXAMPLES).unwrap_or_default())
    }

    fn part(&self, id: &str, part: &str) -> Option<&Value> {
        self.0.get(id)?.get(part)
    }

    pub fn of_parameter(&self, id: &str, parameter: &mut Value) {
        let example = parameter["name"]
            .as_str()
            .and_then(|name| self.part(id, "parameters")?.get(name));
        if let Some(example) = example.cloned() {
            parameter["example"] = example;
        }
    }

    pub fn of_body(&self, id: &str, content: &mut Value) {
        if let Some(example) = self.part(id, "body") {
            content["example"] = example.clone();
        }
    }

    pub fn of_answer(&self, id: &str, content: &mut Value) {
        if let Some(example) = self.part(id, "answer") {
            content["example"] = example.clone();
        }
    }

    #[cfg(test)]
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }
}
