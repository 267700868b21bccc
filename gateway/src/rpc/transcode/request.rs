//! From path, query and JSON body to the request message.

use bytes::{BufMut as _, Bytes, BytesMut};
use lutong_kernel::{Fault, Violation};
use prost::Message as _;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::{Map, Value};

use super::pattern::{Captured, NotUtf8};
use super::strict::{self, Shape};
use super::{Binding, BodyRule, parameters, shape};
use crate::fault::transcode as fault;

/// A gRPC frame begins with one byte of compression flag and four of length.
pub const FRAME_HEADER: usize = 5;

impl Binding {
    /// Whether a request comes with a JSON body.
    pub fn takes_body(&self) -> bool {
        self.body != BodyRule::None
    }

    /// The request as one gRPC frame, or every violation at once.
    pub fn request(&self, captured: Captured, query: Option<&str>, body: &[u8]) -> Result<Bytes, Fault> {
        let input = self.rpc.method.input();
        let captured = captured.map_err(|NotUtf8| Fault::invalid(vec![fault::path_not_utf8()]))?;
        let body = if body.is_empty() && self.body_may_be_empty() {
            b"{}"
        } else {
            body
        };
        self.refuse_ambiguous(body)?;
        let query = query.filter(|query| !query.is_empty());
        let plain = captured.is_empty() && query.is_none();
        let message = match &self.body {
            BodyRule::None if plain => DynamicMessage::new(input),
            BodyRule::Whole if plain => from_body(&input, body)?,
            _ => self.gather(&input, captured, query, body)?,
        };
        Ok(frame(&message))
    }

    /// Whether the body may be left out: an action (`:verb`) may need nothing besides its path.
    pub fn body_may_be_empty(&self) -> bool {
        self.body == BodyRule::Whole && self.pattern.verb().is_some()
    }

    /// Refuses a body that parsers could read differently.
    fn refuse_ambiguous(&self, body: &[u8]) -> Result<(), Fault> {
        let shape = match &self.body {
            BodyRule::None => return Ok(()),
            BodyRule::Whole => Shape::Message(self.rpc.method.input()),
            BodyRule::Field(field) => Shape::of_field(field),
        };
        let mut violations = strict::violations(shape, body);
        if violations.is_empty() {
            return Ok(());
        }
        // The other violations are reported together with these.
        if self.body == BodyRule::Whole
            && let Ok(value) = serde_json::from_slice(body)
        {
            for violation in shape::violations(&self.rpc.method.input(), &value) {
                let is_told = |told: &Violation| told.field == violation.field;
                // Which of two members is reported depends on their order.
                if violation.reason != "ONE_OF" && !violations.iter().any(is_told) {
                    violations.push(violation);
                }
            }
        }
        Err(Fault::invalid(violations))
    }

    fn gather(
        &self,
        input: &MessageDescriptor,
        captured: Vec<String>,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<DynamicMessage, Fault> {
        let mut whole = match &self.body {
            BodyRule::None => Map::new(),
            BodyRule::Whole => match parse(body)? {
                Value::Object(map) => map,
                other => return Err(refuse(input, &other)),
            },
            BodyRule::Field(field) => {
                let mut map = Map::new();
                map.insert(field.name().to_owned(), parse(body)?);
                map
            }
        };
        let mut violations = Vec::new();
        let mut bound: Vec<&str> = self
            .pattern
            .variables()
            .iter()
            .map(|v| v.field.as_str())
            .collect();
        if let BodyRule::Field(field) = &self.body {
            bound.push(field.name());
        }
        if let Some(query) = query {
            // With `body: "*"` there is nothing left that a parameter could set.
            let open = self.body != BodyRule::Whole;
            violations.extend(parameters::read(input, query, open, &bound, &mut whole));
        }
        for (variable, value) in self.pattern.variables().iter().zip(captured) {
            if let Err(violation) = parameters::set(input, &variable.field, value, &mut whole) {
                violations.push(violation);
            }
        }
        if !violations.is_empty() {
            return Err(Fault::invalid(violations));
        }
        from_value(input, &Value::Object(whole))
    }
}

/// The common case: straight from the bytes. A body that is refused is parsed again to find the violations.
fn from_body(input: &MessageDescriptor, body: &[u8]) -> Result<DynamicMessage, Fault> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let message = DynamicMessage::deserialize_with_options(input.clone(), &mut deserializer, &options());
    match message.and_then(|message| deserializer.end().map(|()| message)) {
        Ok(message) => Ok(message),
        Err(_) => Err(refuse(input, &parse(body)?)),
    }
}

fn from_value(input: &MessageDescriptor, value: &Value) -> Result<DynamicMessage, Fault> {
    DynamicMessage::deserialize_with_options(input.clone(), value, &options())
        .map_err(|_| refuse(input, value))
}

const fn options() -> DeserializeOptions {
    DeserializeOptions::new().deny_unknown_fields(true)
}

/// The parser's own message is not used: it quotes the body, which may hold personal data. Position and kind are enough.
fn parse(body: &[u8]) -> Result<Value, Fault> {
    if let Err(error) = std::str::from_utf8(body) {
        let at = error.valid_up_to();
        return Err(Fault::invalid(vec![fault::body_not_utf8(at)]));
    }
    serde_json::from_slice(body)
        .map_err(|error| Fault::invalid(vec![fault::body_not_json(error.line(), error.column())]))
}

fn refuse(input: &MessageDescriptor, value: &Value) -> Fault {
    let mut violations = shape::violations(input, value);
    if violations.is_empty() {
        violations.push(fault::body_shape());
    }
    Fault::invalid(violations)
}

/// One uncompressed gRPC frame.
fn frame(message: &DynamicMessage) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(FRAME_HEADER + length);
    frame.put_u8(0);
    // A body has at most 256 KiB, and a message is shorter than its JSON.
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // The buffer grows as needed: this does not fail.
    let _ = message.encode(&mut frame);
    frame.freeze()
}

#[cfg(test)]
mod tests;
