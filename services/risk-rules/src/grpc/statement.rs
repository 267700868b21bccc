//! A statement of the wire as one that is checked in itself.

use std::sync::Arc;
use std::time::Duration;

use lutong_chassis::access::Principal;
use lutong_chassis::crypto::{Key, keyed_hash};
use lutong_chassis::reply;
use lutong_kernel::fault::Violations;
use lutong_kernel::{Clock, FreeText, SubjectId, TextError, TextRule, Timestamp, Violation};
use lutong_proto::risk_rules::v1::FactStatement;
use prost_types::value::Kind;
use serde_json::{Map, Value};

use crate::domain::attributes::Attributes;
use crate::domain::fact::FactKind;
use crate::service::statement::{Content, Statement};

/// Characters of a key.
const MAX_KEY: usize = 100;
/// Planned ends may lie ahead; what lies further ahead than this is a mistake.
const FARTHEST: Duration = Duration::from_secs(5 * 366 * 86_400);
/// Characters of a reason.
const MAX_REASON: usize = 200;

/// Reads statements; the key is for the fingerprint of their content.
#[derive(Debug, Clone)]
pub struct StatementReader {
    fingerprint: Key,
    clock: Arc<dyn Clock>,
}

impl StatementReader {
    pub const fn new(fingerprint: Key, clock: Arc<dyn Clock>) -> Self {
        Self { fingerprint, clock }
    }

    /// A statement that declaration passes on for somebody: a feed speaks in its own name and of its own kinds only. Whose
    /// rows declaration pulls (SERVICE), it has held to their grant itself.
    pub fn read_for(&self, statement: FactStatement, principal: &Principal) -> Result<Statement, Violation> {
        // Whoever says so: a designation takes two officers, and has a way of its own.
        if statement.kind == FactKind::Designation.as_str() {
            return Err(not_granted());
        }
        if let Some(feed) = &principal.feed {
            if statement.source != feed.source {
                return Err(Violation::new(
                    "source",
                    "SOURCE_NOT_OWN",
                    "来源须为本数据源",
                    "the source is not the caller's own",
                ));
            }
            if !statement.kind.is_empty() && !feed.kinds.contains(&statement.kind) {
                return Err(not_granted());
            }
        }
        self.read(statement)
    }

    pub fn read(&self, statement: FactStatement) -> Result<Statement, Violation> {
        let mut wrong = Violations::new();
        let subject = wrong.take(reply::subject_id(&statement.subject_id, "subject_id"));
        for (field, text) in [("source", &statement.source), ("key", &statement.key)] {
            // A key is compared as it was sent: it is looked at, and not brought into another form.
            if let Err(error) = FreeText::parse(text, TextRule::line(MAX_KEY)) {
                wrong.push(if error.is_length() || error == TextError::Control {
                    Violation::new(field, "KEY_LENGTH", "应为1至100个字符", "has 1 to 100 characters")
                } else {
                    error.violation(field)
                });
            }
        }
        let content = wrong.take(content(&statement, self.clock.now().plus(FARTHEST)));
        match (subject, content, wrong.finish()) {
            (Some(subject), Some(content), Ok(())) => Ok(Statement {
                fingerprint: self.fingerprint(&statement.subject_id, &content),
                source: statement.source,
                key: statement.key,
                subject,
                content,
            }),
            // The first is enough for a row; the file is corrected row by row.
            (.., Err(fault)) => Err(fault.violations.into_iter().next().unwrap_or_else(shapeless)),
            (.., Ok(())) => Err(shapeless()),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A statement that this service makes itself, of content that was checked when it was first stated.
    pub fn own(&self, source: &str, key: String, subject: SubjectId, content: Content) -> Statement {
        Statement {
            fingerprint: self.fingerprint(&subject.to_string(), &content),
            source: source.to_owned(),
            key,
            subject,
            content,
        }
    }

    /// Over the content in its one form: the same statement spelled otherwise is the same.
    fn fingerprint(&self, subject: &str, content: &Content) -> [u8; 32] {
        let text = match content {
            Content::Fact {
                attributes,
                canonical,
                replaces,
            } => format!(
                "fact\n{subject}\n{}\n{replaces:?}\n{canonical}",
                attributes.kind()
            ),
            Content::Retraction { key, .. } => format!("retraction\n{subject}\n{key}"),
        };
        keyed_hash(&self.fingerprint, text.as_bytes())
    }
}

fn not_granted() -> Violation {
    Violation::new(
        "kind",
        "KIND_NOT_GRANTED",
        "本数据源无权报送该类记录",
        "the feed may not report facts of this kind",
    )
}

fn shapeless() -> Violation {
    Violation::new(
        "kind",
        "STATEMENT_SHAPE",
        "记录格式不正确",
        "is neither a fact nor a retraction",
    )
}

/// Instants lie at or before `farthest`.
fn content(statement: &FactStatement, farthest: Timestamp) -> Result<Content, Violation> {
    if !statement.retract_key.is_empty() {
        return retraction(statement);
    }
    let kind: FactKind = statement
        .kind
        .parse()
        .map_err(|error: crate::domain::fact::UnknownKind| {
            Violation::new("kind", "KIND_UNKNOWN", "记录类别不在列表中", error.to_string())
        })?;
    let given = statement.attributes.as_ref().map(object).unwrap_or_default();
    let attributes = Attributes::parse(kind, &given)
        .map_err(|wrong| wrong.into_iter().next().unwrap_or_else(shapeless))?;
    if let Some(name) = attributes.instant_after(farthest) {
        return Err(Violation::new(
            format!("attributes.{name}"),
            "INSTANT_FAR_FUTURE",
            "时间过于遥远：不得晚于五年之后",
            "lies more than five years ahead",
        ));
    }
    let replaces = Some(statement.replaces_key.clone()).filter(|key| !key.is_empty());
    Ok(Content::fact(attributes, replaces))
}

fn retraction(statement: &FactStatement) -> Result<Content, Violation> {
    if !statement.kind.is_empty() || !statement.replaces_key.is_empty() || statement.attributes.is_some() {
        return Err(Violation::new(
            "retract_key",
            "RETRACTION_SHAPE",
            "撤回记录不得含类别、属性或更正编号",
            "a retraction has no kind, attributes or replaces_key",
        ));
    }
    let reason = FreeText::parse(&statement.reason, TextRule::line(MAX_REASON)).map_err(|error| {
        if !error.is_length() {
            return error.violation("reason");
        }
        Violation::new(
            "reason",
            "REASON_LENGTH",
            "撤回须说明理由（1至200个字符）",
            "a retraction has a reason of 1 to 200 characters",
        )
    })?;
    Ok(Content::Retraction {
        key: statement.retract_key.clone(),
        reason: reason.into_string(),
    })
}

/// A protobuf struct as JSON.
fn object(given: &prost_types::Struct) -> Map<String, Value> {
    given
        .fields
        .iter()
        .map(|(name, value)| (name.clone(), json(value)))
        .collect()
}

fn json(value: &prost_types::Value) -> Value {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::NumberValue(number)) => Value::from(*number),
        Some(Kind::StringValue(text)) => Value::from(text.as_str()),
        Some(Kind::BoolValue(yes)) => Value::from(*yes),
        Some(Kind::StructValue(inner)) => Value::Object(object(inner)),
        Some(Kind::ListValue(list)) => Value::Array(list.values.iter().map(json).collect()),
    }
}
