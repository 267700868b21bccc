//! Extracts whom and what a recorded call was about from its request and answer, for all RPCs by the contract's
//! descriptors: the fields that hold an id according to their name or the RPC's policy. A value without the shape of an
//! id is never kept, so that no free text, name or document number gets into the audit log.

use lutong_proto::policy::Access;
use lutong_proto::types::v1::Purpose;
use prost::Message as _;
use prost_reflect::{Kind, MessageDescriptor, MethodDescriptor};

use super::shape::id_of;

/// Maximum number of ids kept per call; further ones are only counted.
pub const MAX_OBJECTS: usize = 16;
/// How deep nested messages are searched.
const MAX_DEPTH: usize = 3;
/// Fields that hold an id, besides those that end with `_id`.
const IDS: [&str; 6] = [
    "name",
    "source",
    "division",
    "rule_set",
    "version",
    "decision_date",
];
/// Ids that identify the call itself, not its objects.
const NOT_OBJECTS: [&str; 2] = ["request_id", "trace_id"];

/// One thing that a call was about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Object(pub String, pub String);

/// The objects of a call, bounded in number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Objects {
    found: Vec<Object>,
    more: usize,
}

impl Objects {
    /// Adds the value of a field; one without the shape of an id is recorded as `?`.
    pub fn add(&mut self, field: &str, value: &str) {
        self.push(field, id_of(value).unwrap_or("?"));
    }

    /// Adds a number; one as long as a telephone or document number is recorded as `?`.
    fn add_number(&mut self, field: &str, number: u64) {
        let text = number.to_string();
        self.push(field, if text.len() < 10 { &text } else { "?" });
    }

    fn push(&mut self, field: &str, value: &str) {
        let object = Object(field.to_owned(), value.to_owned());
        if self.found.contains(&object) {
            return;
        }
        if self.found.len() == MAX_OBJECTS {
            self.more += 1;
        } else {
            self.found.push(object);
        }
    }

    /// The objects in the order found, and how many more there were.
    pub fn finish(mut self) -> Vec<Object> {
        if self.more > 0 {
            self.found.push(Object("more".to_owned(), self.more.to_string()));
        }
        self.found
    }
}

/// Which fields of a request and its answer hold ids.
#[derive(Debug, Default)]
pub struct ExtractionPlan {
    pub request: Fields,
    pub response: Fields,
    /// The number of the request's purpose field.
    purpose: Option<u64>,
}

impl ExtractionPlan {
    pub fn of(method: &MethodDescriptor, access: &Access) -> Self {
        let named = [access.subject_field.as_str(), access.division_field.as_str()];
        // Streamed answers are not buffered for reading.
        let response = if method.is_server_streaming() {
            Fields::default()
        } else {
            fields(&method.output(), "", &[], MAX_DEPTH)
        };
        Self {
            request: fields(&method.input(), "", &named, MAX_DEPTH),
            response,
            purpose: purpose_field(&method.input()),
        }
    }

    /// Whether anything is read from a request.
    pub fn reads_requests(&self) -> bool {
        self.purpose.is_some() || !self.request.is_empty()
    }

    /// The purpose stated in the request of a gRPC body: its code and reference.
    pub fn purpose(&self, body: &[u8]) -> Option<String> {
        let (wanted, mut message) = (self.purpose?, first_message(body)?);
        let mut found = None;
        while let Some((number, value)) = next_field(&mut message) {
            if let (true, WireValue::Bytes(bytes)) = (number == wanted, value) {
                found = Purpose::decode(bytes).ok();
            }
        }
        let purpose = found?;
        let code = purpose.code().as_str_name().trim_start_matches("PURPOSE_CODE_");
        Some(match purpose.reference.as_str() {
            "" => code.to_owned(),
            reference => format!("{code} {reference}"),
        })
    }
}

fn purpose_field(message: &MessageDescriptor) -> Option<u64> {
    let is_purpose = |kind: &Kind| {
        kind.as_message()
            .is_some_and(|message| message.full_name() == "lutong.types.v1.Purpose")
    };
    let field = message.fields().find(|field| is_purpose(&field.kind()))?;
    Some(u64::from(field.number()))
}

/// The fields of a message to read, by number.
#[derive(Debug, Default)]
pub struct Fields(Vec<(u64, Field)>);

#[derive(Debug)]
enum Field {
    Text(String),
    Number(String),
    Message(Fields),
}

fn fields(message: &MessageDescriptor, path: &str, named: &[&str], depth: usize) -> Fields {
    let mut all = Vec::new();
    for field in message.fields().filter(|field| !field.is_map()) {
        let name = field.name();
        let path = if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        };
        let is_id = !NOT_OBJECTS.contains(&name)
            && (name.ends_with("_id") || IDS.contains(&name) || named.contains(&path.as_str()));
        let extracted = match field.kind() {
            Kind::String if is_id => Field::Text(path),
            Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 if is_id => Field::Number(path),
            Kind::Message(inner) if depth > 1 => {
                let inner = fields(&inner, &path, named, depth - 1);
                if inner.0.is_empty() {
                    continue;
                }
                Field::Message(inner)
            }
            _ => continue,
        };
        all.push((u64::from(field.number()), extracted));
    }
    Fields(all)
}

impl Fields {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the ids of an encoded message; stops at malformed bytes.
    pub fn read(&self, mut bytes: &[u8], objects: &mut Objects) {
        while let Some((number, value)) = next_field(&mut bytes) {
            let Some((_, field)) = self.0.iter().find(|(known, _)| *known == number) else {
                continue;
            };
            match (field, value) {
                (Field::Text(path), WireValue::Bytes(text)) if !text.is_empty() => {
                    objects.add(path, std::str::from_utf8(text).unwrap_or("?"));
                }
                (Field::Number(path), WireValue::Varint(number)) if number != 0 => {
                    objects.add_number(path, number);
                }
                (Field::Message(inner), WireValue::Bytes(bytes)) => inner.read(bytes, objects),
                _ => {}
            }
        }
    }

    /// Like [`Self::read`], for the first message of a gRPC body; a compressed one is skipped.
    pub fn read_frame(&self, body: &[u8], objects: &mut Objects) {
        if let Some(message) = first_message(body) {
            self.read(message, objects);
        }
    }
}

/// The first message of a gRPC body, as far as it was received; `None` if compressed.
fn first_message(body: &[u8]) -> Option<&[u8]> {
    let (&[0, a, b, c, d], message) = body.split_first_chunk::<5>()? else {
        return None;
    };
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    Some(&message[..message.len().min(length)])
}

enum WireValue<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Other,
}

fn next_field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, WireValue<'a>)> {
    let key = varint(bytes)?;
    let value = match key & 7 {
        0 => WireValue::Varint(varint(bytes)?),
        1 => take(bytes, 8).map(|_| WireValue::Other)?,
        2 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            WireValue::Bytes(take(bytes, length)?)
        }
        5 => take(bytes, 4).map(|_| WireValue::Other)?,
        _ => return None,
    };
    Some((key >> 3, value))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f).checked_shl(shift).unwrap_or(0);
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_proto::identity::v1 as identity;
    use lutong_proto::policy;
    use lutong_proto::risk_rules::v1 as rules;
    use lutong_proto::types::v1 as types;

    fn plan(rpc: &str) -> ExtractionPlan {
        let all = policy::rpcs(lutong_proto::descriptor_pool()).unwrap();
        let found = all.iter().find(|one| one.path.ends_with(rpc)).unwrap();
        ExtractionPlan::of(&found.method, &found.access)
    }

    fn found(fields: &Fields, message: &impl prost::Message) -> Vec<(String, String)> {
        let mut objects = Objects::default();
        fields.read(&message.encode_to_vec(), &mut objects);
        objects
            .finish()
            .into_iter()
            .map(|Object(field, value)| (field, value))
            .collect()
    }

    fn pair(field: &str, value: &str) -> (String, String) {
        (field.to_owned(), value.to_owned())
    }

    const SUBJECT: &str = "01930000-0000-7000-8000-000000000001";

    #[test]
    fn a_merge_by_documents_is_known_by_the_subjects_of_its_answer_and_holds_no_document() {
        let by_document = |number: &str| identity::SubjectReference {
            reference: Some(identity::subject_reference::Reference::Document(
                types::Document {
                    number: number.to_owned(),
                    ..types::Document::default()
                },
            )),
        };
        let request = identity::CreateMergeRequest {
            request_id: SUBJECT.to_owned(),
            subject: Some(by_document("370202199003077777")),
            into: Some(by_document("E12345678")),
            reason: "张三 is 370202199003077777".to_owned(),
            purpose: Some(types::Purpose {
                code: types::PurposeCode::DataCorrection.into(),
                reference: "order 17".to_owned(),
            }),
        };
        let plan = plan("/CreateMerge");
        assert_eq!(found(&plan.request, &request), []);
        let bytes = request.encode_to_vec();
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        let frame = [&[0][..], &length, &bytes].concat();
        assert_eq!(plan.purpose(&frame).as_deref(), Some("DATA_CORRECTION order 17"));
        let name = format!("merges/{SUBJECT}.3");
        let answer = identity::CreateMergeResponse {
            merge: Some(identity::Merge {
                name: name.clone(),
                subject_id: SUBJECT.to_owned(),
                into_subject_id: SUBJECT.replace('1', "2"),
                version: 3,
                ..identity::Merge::default()
            }),
        };
        assert_eq!(
            found(&plan.response, &answer),
            [
                pair("merge.name", &name),
                pair("merge.subject_id", SUBJECT),
                pair("merge.into_subject_id", &SUBJECT.replace('1', "2")),
                pair("merge.version", "3"),
            ]
        );
    }

    #[test]
    fn sources_rule_sets_and_numbered_things_are_ids_and_free_text_is_none() {
        let rollback = rules::ProposeRollbackRequest {
            source: "cdc-370200".to_owned(),
            reason: "wrong export".to_owned(),
            ..rules::ProposeRollbackRequest::default()
        };
        assert_eq!(
            found(&plan("/ProposeRollback").request, &rollback),
            [pair("source", "cdc-370200")]
        );
        let approve = rules::ApproveRuleSetRequest {
            name: "rule-sets/370202199003077777.1".to_owned(),
            ..rules::ApproveRuleSetRequest::default()
        };
        assert_eq!(
            found(&plan("/ApproveRuleSet").request, &approve),
            [pair("name", "?")]
        );
        let approve = rules::ApproveKeyAreaRequest {
            name: format!("key-areas/{SUBJECT}"),
            ..rules::ApproveKeyAreaRequest::default()
        };
        assert_eq!(
            found(&plan("/ApproveKeyArea").request, &approve),
            [pair("name", &format!("key-areas/{SUBJECT}"))]
        );
    }

    #[test]
    fn many_ids_are_counted_beyond_the_first() {
        let resolution = |n: u32| identity::Resolution {
            outcome: Some(identity::resolution::Outcome::SubjectId(format!(
                "01930000-0000-7000-8000-{n:012x}"
            ))),
        };
        let answer = identity::ResolveDocumentsResponse {
            resolutions: (0..1_000).map(resolution).collect(),
        };
        let plan = plan("/ResolveDocuments");
        assert!(plan.request.is_empty(), "documents are not looked at");
        let found = found(&plan.response, &answer);
        assert_eq!(
            (found.len(), found.last().unwrap().1.as_str()),
            (MAX_OBJECTS + 1, "984")
        );
    }

    #[test]
    fn bytes_that_are_no_message_are_read_to_where_they_are_none() {
        let plan = plan("/ProposeRollback");
        for bytes in [&[0xff; 40][..], &[0x0a, 0x7f, 1], &[0x0b], &[]] {
            let mut objects = Objects::default();
            plan.request.read(bytes, &mut objects);
            plan.request.read_frame(bytes, &mut objects);
            assert_eq!(objects.finish(), []);
        }
    }
}
