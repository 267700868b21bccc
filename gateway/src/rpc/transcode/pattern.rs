//! Path templates of google.api.http: `/v1/{name=complaints/*}`, `/v1/tokens:verify`, `/v1/subjects/{subject_id}/decision`.
//!
//! ```text
//! Template = "/" Segments [ ":" LITERAL ]      Segments = Segment { "/" Segment }
//! Segment  = "*" | "**" | LITERAL | Variable   Variable = "{" FieldPath [ "=" Segments ] "}"
//! ```

use std::ops::Range;

use percent_encoding::percent_decode_str;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    Literal(String),
    /// `*`: exactly one, not empty.
    One,
    /// `**`: zero or more segments; only in the last place.
    Rest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The request field, by dotted path.
    pub field: String,
    /// Which segments it captures.
    pub segments: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
    variables: Vec<Variable>,
    verb: Option<String>,
}

/// The captured values, one a variable, in their order; an error where a value is not UTF-8 once decoded.
pub type Captured = Result<Vec<String>, NotUtf8>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUtf8;

impl Pattern {
    /// Parses a template; the error says what is wrong with it.
    pub fn parse(template: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("the path template {template:?} {what}");
        let rest = template
            .strip_prefix('/')
            .ok_or_else(|| wrong("does not begin with /"))?;
        let mut pattern = Self {
            segments: Vec::new(),
            variables: Vec::new(),
            verb: None,
        };
        // The verb's colon stands after the last slash and the last brace.
        let after = rest.rfind(['/', '}']).map_or(0, |at| at + 1);
        let (tail_head, verb) = match rest.get(after..).and_then(|tail| tail.split_once(':')) {
            Some((head, verb)) => (head, Some(verb)),
            None => (rest.get(after..).unwrap_or_default(), None),
        };
        if verb.is_some_and(|verb| verb.is_empty() || verb.contains(':')) {
            return Err(wrong("has no verb after its colon"));
        }
        pattern.verb = verb.map(str::to_owned);
        let path = rest
            .get(..after + tail_head.len())
            .ok_or_else(|| wrong("is broken"))?;
        for part in split_outside_braces(path) {
            pattern.push(part).map_err(wrong)?;
        }
        let rest_at = pattern
            .segments
            .iter()
            .position(|segment| *segment == Segment::Rest);
        if rest_at.is_some_and(|at| at + 1 != pattern.segments.len()) {
            return Err(wrong("has ** elsewhere than at its end"));
        }
        Ok(pattern)
    }

    fn push(&mut self, part: &str) -> Result<(), &'static str> {
        let Some(inner) = part.strip_prefix('{') else {
            self.segments.push(segment(part)?);
            return Ok(());
        };
        let inner = inner.strip_suffix('}').ok_or("has a brace that does not close")?;
        let (field, sub) = inner.split_once('=').unwrap_or((inner, "*"));
        let named =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric());
        if !field.split('.').all(named) {
            return Err("has a variable without a field name");
        }
        let start = self.segments.len();
        for part in sub.split('/') {
            self.segments.push(segment(part)?);
        }
        self.variables.push(Variable {
            field: field.to_owned(),
            segments: start..self.segments.len(),
        });
        Ok(())
    }

    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    pub fn verb(&self) -> Option<&str> {
        self.verb.as_deref()
    }

    /// The order in which patterns are tried: those with a verb first, then those with more literals.
    pub fn specificity(&self) -> (bool, usize) {
        let literals = self
            .segments
            .iter()
            .filter(|segment| matches!(segment, Segment::Literal(_)))
            .count();
        (self.verb.is_some(), literals)
    }

    /// The variables' values, if `path` (raw, without query) fits.
    pub fn capture(&self, path: &str) -> Option<Captured> {
        let mut path = path.strip_prefix('/')?;
        if let Some(verb) = &self.verb {
            path = path.strip_suffix(verb.as_str())?.strip_suffix(':')?;
        }
        let parts: Vec<&str> = path.split('/').collect();
        for (at, segment) in self.segments.iter().enumerate() {
            let fits = match segment {
                Segment::Literal(literal) => parts.get(at) == Some(&literal.as_str()),
                Segment::One => parts.get(at).is_some_and(|part| !part.is_empty()),
                Segment::Rest => true,
            };
            if !fits {
                return None;
            }
        }
        let open = self.segments.last() == Some(&Segment::Rest);
        if !open && parts.len() != self.segments.len() {
            return None;
        }
        Some(
            self.variables
                .iter()
                .map(|variable| self.value(variable, &parts))
                .collect(),
        )
    }

    fn value(&self, variable: &Variable, parts: &[&str]) -> Result<String, NotUtf8> {
        let Range { start, end } = variable.segments;
        let open = self.segments.get(end.saturating_sub(1)) == Some(&Segment::Rest);
        let end = if open { parts.len() } else { end };
        let parts = parts.get(start..end.max(start)).unwrap_or_default();
        // A variable over several segments keeps an encoded slash encoded (google/api/http.proto).
        let several = open || variable.segments.len() > 1;
        let decode = |part: &&str| {
            let text = if several {
                part.replace("%2F", "%252F").replace("%2f", "%252f")
            } else {
                (*part).to_owned()
            };
            percent_decode_str(&text)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| NotUtf8)
        };
        let decoded: Vec<String> = parts.iter().map(decode).collect::<Result<_, _>>()?;
        Ok(decoded.join("/"))
    }
}

fn segment(part: &str) -> Result<Segment, &'static str> {
    match part {
        "" => Err("has an empty segment"),
        "*" => Ok(Segment::One),
        "**" => Ok(Segment::Rest),
        literal if literal.contains(['*', '{', '}', '=']) => {
            Err("has a segment that is neither literal nor *")
        }
        literal => Ok(Segment::Literal(literal.to_owned())),
    }
}

/// A slash inside a variable belongs to the variable.
fn split_outside_braces(path: &str) -> Vec<&str> {
    let mut inside = false;
    path.split(move |character| {
        match character {
            '{' => inside = true,
            '}' => inside = false,
            _ => {}
        }
        character == '/' && !inside
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(template: &str, path: &str) -> Option<Vec<String>> {
        Pattern::parse(template)
            .unwrap()
            .capture(path)
            .map(Result::unwrap)
    }

    #[test]
    fn paths_fit_their_templates_and_no_others() {
        for (template, path, captured) in [
            ("/v1/code", "/v1/code", Some(vec![])),
            ("/v1/code", "/v1/code/", None),
            ("/v1/code", "/v1/codes", None),
            (
                "/v1/{name=complaints/*}",
                "/v1/complaints/SD1",
                Some(vec!["complaints/SD1"]),
            ),
            ("/v1/{name=complaints/*}", "/v1/complaints/", None),
            ("/v1/{name=complaints/*}", "/v1/complaints", None),
            ("/v1/{name=complaints/*}", "/v1/complaints/a/b", None),
            (
                "/v1/subjects/{id}/decision",
                "/v1/subjects/7/decision",
                Some(vec!["7"]),
            ),
            ("/v1/tokens:verify", "/v1/tokens:verify", Some(vec![])),
            ("/v1/tokens:verify", "/v1/tokens", None),
            ("/v1/tokens:verify", "/v1/tokens:other", None),
            ("/v1/{name=a/*}:end", "/v1/a/7:end", Some(vec!["a/7"])),
            (
                "/v1/{a=x/*/y/*}/{b.c}",
                "/v1/x/1/y/2/3",
                Some(vec!["x/1/y/2", "3"]),
            ),
            ("/v1/{rest=**}", "/v1/a/b/c", Some(vec!["a/b/c"])),
            ("/v1/{rest=**}", "/v1", Some(vec![""])),
        ] {
            let captured = captured.map(|values| values.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(capture(template, path), captured, "{template} {path}");
        }
    }

    #[test]
    fn values_are_decoded_and_an_encoded_slash_never_makes_another_segment() {
        assert_eq!(capture("/v1/{id}", "/v1/%E9%B2%81%2Fx").unwrap(), ["鲁/x"]);
        assert_eq!(
            capture("/v1/{name=complaints/*}", "/v1/complaints/a%2Fb%20c").unwrap(),
            ["complaints/a%2Fb c"]
        );
        let pattern = Pattern::parse("/v1/{id}").unwrap();
        assert_eq!(pattern.capture("/v1/%FF"), Some(Err(NotUtf8)));
    }

    #[test]
    fn broken_templates_are_refused() {
        for template in [
            "v1/code",
            "/v1//code",
            "/v1/{name=complaints/*",
            "/v1/{=a}",
            "/v1/{a b}",
            "/v1/tokens:",
            "/v1/**/x",
            "/v1/x*",
            "/",
        ] {
            assert!(Pattern::parse(template).is_err(), "{template}");
        }
    }
}
