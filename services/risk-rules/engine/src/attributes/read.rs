//! Parsing of attributes. All violations of a statement are reported at once, by the attribute names that rule sets use.

use lutong_kernel::country::Country;
use lutong_kernel::{DivisionCode, FreeText, TextError, TextRule, Timestamp, Violation};
use lutong_proto::facts::{FactKind, Given};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{Attribute, Attributes, Shape, Value, intervals};

/// Maximum number of characters of a community's name in areas and notices; the contract's stays have the same bound.
const MAX_COMMUNITY: usize = 200;

/// Why a value does not have its attribute's shape: reason, Chinese text, English text.
type ShapeError = (&'static str, String, String);

impl Attributes {
    /// Parses the values of a fact's message, given in the order of the kind's table.
    pub fn from_message(kind: FactKind, given: &[Option<Given<'_>>]) -> Result<Self, Vec<Violation>> {
        let read = |(index, attribute): (usize, &Attribute)| match given.get(index) {
            Some(Some(given)) => of_given(attribute.shape, given).map(Some),
            _ => absent(attribute),
        };
        Self::finish(kind, kind.attributes().iter().enumerate().map(read))
    }

    /// Parses the JSON of stored facts and decision cases.
    pub fn parse(kind: FactKind, given: &Map<String, Json>) -> Result<Self, Vec<Violation>> {
        let mut wrong = Vec::new();
        for name in given.keys() {
            if kind.index_of(name).is_none() {
                wrong.push(unknown(kind, name));
            }
        }
        let read = |attribute: &Attribute| match given.get(attribute.name) {
            None | Some(Json::Null) => absent(attribute),
            Some(given) => of_json(attribute.shape, given).map(Some),
        };
        match Self::finish(kind, kind.attributes().iter().map(read)) {
            Ok(this) if wrong.is_empty() => Ok(this),
            Ok(_) => Err(wrong),
            Err(others) => Err([wrong, others].concat()),
        }
    }

    fn finish(
        kind: FactKind,
        read: impl Iterator<Item = Result<Option<Value>, ShapeError>>,
    ) -> Result<Self, Vec<Violation>> {
        let mut wrong = Vec::new();
        let mut values = Vec::with_capacity(kind.attributes().len());
        for (attribute, value) in kind.attributes().iter().zip(read) {
            values.push(value.unwrap_or_else(|(reason, zh, en)| {
                wrong.push(Violation::new(attribute.name, reason, zh, en));
                None
            }));
        }
        let this = Self { kind, values };
        wrong.extend(this.contradictions());
        if wrong.is_empty() { Ok(this) } else { Err(wrong) }
    }

    fn contradictions(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        for (from, until) in intervals(self.kind) {
            if let (Some(start), Some(end)) = (self.instant(from), self.instant(until))
                && end < start
            {
                wrong.push(Violation::new(
                    *until,
                    "END_BEFORE_START",
                    format!("不得早于{from}"),
                    format!("lies before {from}"),
                ));
            }
        }
        if self.kind == FactKind::Case && self.get("closure").is_some() && self.get("closed_at").is_none() {
            wrong.push(Violation::new(
                "closed_at",
                "CLOSED_AT_MISSING",
                "填写结案方式时须填写结案时间",
                "a closure needs closed_at",
            ));
        }
        wrong
    }
}

fn unknown(kind: FactKind, name: &str) -> Violation {
    let known: Vec<_> = kind.attributes().iter().map(|attribute| attribute.name).collect();
    let name: String = name.chars().take(40).collect();
    Violation::new(
        name,
        "UNKNOWN_FIELD",
        format!("{kind}没有该属性，可用：{}", known.join("、")),
        format!("{kind} has no such attribute, only {}", known.join(", ")),
    )
}

/// The value of an absent attribute. An absent list is an empty list, because a message cannot distinguish the two.
fn absent(attribute: &Attribute) -> Result<Option<Value>, ShapeError> {
    match attribute.shape {
        Shape::Words(_) => Ok(Some(Value::Words(Vec::new()))),
        _ if attribute.required => Err(("MISSING", "必填".to_owned(), "is required".to_owned())),
        _ => Ok(None),
    }
}

fn of_json(shape: Shape, given: &Json) -> Result<Value, ShapeError> {
    match shape {
        Shape::Instant => instant(text(given)?).map(Value::Instant),
        Shape::Word(words) => word(words, text(given)?).map(Value::Word),
        Shape::Words(words) => some_words(words, given).map(Value::Words),
        Shape::Number { least, greatest } => number(given.as_f64(), least, greatest),
        _ => of_text(shape, text(given)?),
    }
}

fn of_given(shape: Shape, given: &Given<'_>) -> Result<Value, ShapeError> {
    let place = |words: &'static [&'static str], number: &i32| {
        let index = number
            .checked_sub(1)
            .and_then(|index| usize::try_from(index).ok());
        index
            .and_then(|index| words.get(index).copied())
            .ok_or_else(|| unknown_word(words))
    };
    match (shape, given) {
        (Shape::Instant, Given::Instant(micros)) => Ok(Value::Instant(Timestamp::from_micros(*micros))),
        (Shape::Word(words), Given::Word(number)) => place(words, number).map(Value::Word),
        (Shape::Words(words), Given::Words(numbers)) => {
            let named = numbers.iter().map(|number| place(words, number));
            Ok(Value::Words(in_order(
                words,
                &named.collect::<Result<Vec<_>, _>>()?,
            )))
        }
        (Shape::Number { least, greatest }, Given::Number(given)) => number(Some(*given), least, greatest),
        (shape, Given::Text(text)) => of_text(shape, text),
        // Unreachable: the table and the reader of the message are generated from the same option.
        _ => Err(("NOT_TEXT", "应为文本".to_owned(), "is to be text".to_owned())),
    }
}

fn of_text(shape: Shape, text: &str) -> Result<Value, ShapeError> {
    match shape {
        Shape::Id => id(text).map(Value::Text),
        Shape::Division => division(text).map(Value::Division),
        Shape::Community(limit) => community(limit, text).map(Value::Text),
        Shape::CountryAbroad => country_abroad(text).map(Value::Text),
        Shape::Province => province(text).map(Value::Text),
        Shape::Text(limit) => short_text(limit, text).map(Value::Text),
        Shape::Instant | Shape::Word(_) | Shape::Words(_) | Shape::Number { .. } => Err((
            "NOT_TEXT",
            "不应为文本".to_owned(),
            "is not to be text".to_owned(),
        )),
    }
}

fn text(given: &Json) -> Result<&str, ShapeError> {
    given
        .as_str()
        .ok_or_else(|| ("NOT_TEXT", "应为文本".to_owned(), "is to be text".to_owned()))
}

fn instant(text: &str) -> Result<Timestamp, ShapeError> {
    Timestamp::parse(text).map_err(|error| {
        (
            "INSTANT_SHAPE",
            "时间应为带时区的RFC 3339，例如2022-03-01T18:00:00+08:00".to_owned(),
            error.to_string(),
        )
    })
}

fn word(words: &'static [&'static str], text: &str) -> Result<&'static str, ShapeError> {
    let known = words.iter().copied().find(|word| *word == text);
    known.ok_or_else(|| unknown_word(words))
}

fn unknown_word(words: &'static [&'static str]) -> ShapeError {
    (
        "UNKNOWN_VALUE",
        format!("应为以下之一：{}", words.join("、")),
        format!("is one of {}", words.join(", ")),
    )
}

/// The named words in the order of the table, without repetitions.
fn in_order(words: &'static [&'static str], named: &[&'static str]) -> Vec<&'static str> {
    words
        .iter()
        .copied()
        .filter(|word| named.contains(word))
        .collect()
}

fn some_words(words: &'static [&'static str], given: &Json) -> Result<Vec<&'static str>, ShapeError> {
    let list = given
        .as_array()
        .ok_or_else(|| ("NOT_A_LIST", "应为列表".to_owned(), "is to be a list".to_owned()))?;
    let mut named = Vec::with_capacity(list.len().min(words.len()));
    for one in list {
        named.push(word(words, text(one)?)?);
    }
    Ok(in_order(words, &named))
}

fn id(text: &str) -> Result<String, ShapeError> {
    let parsed = Uuid::parse_str(text).map(|id| id.hyphenated().to_string());
    parsed.ok().filter(|canonical| canonical == text).ok_or_else(|| {
        (
            "UUID_SHAPE",
            "应为小写带连字符的UUID".to_owned(),
            "is a UUID, lower case with hyphens".to_owned(),
        )
    })
}

fn division(text: &str) -> Result<DivisionCode, ShapeError> {
    DivisionCode::parse(text).map_err(|error| {
        (
            "DIVISION_SHAPE",
            "行政区划代码应为6位（街道为9位）数字".to_owned(),
            error.to_string(),
        )
    })
}

/// A community's name in the canonical form in which names are compared.
pub fn parse_community(text: &str) -> Result<String, ShapeError> {
    community(MAX_COMMUNITY, text)
}

fn community(limit: usize, text: &str) -> Result<String, ShapeError> {
    match FreeText::parse(text, TextRule::line(limit)) {
        Ok(name) => Ok(name.into_string()),
        Err(error) if error.is_length() || error == TextError::Control => Err((
            "COMMUNITY_SHAPE",
            format!("小区名称应为1至{limit}个字符；不确定时请省略"),
            format!("a community has 1 to {limit} characters; leave it out when unknown"),
        )),
        Err(error) => Err((error.reason(), error.zh(), error.to_string())),
    }
}

fn country_abroad(text: &str) -> Result<String, ShapeError> {
    match Country::parse(text) {
        Ok(country) if country != Country::CHINA => Ok(country.as_str().to_owned()),
        _ => Err((
            "COUNTRY_NOT_ABROAD",
            "应为GB/T 2659三位字母代码，且不为CHN".to_owned(),
            "is a GB/T 2659 alpha-3 code other than CHN".to_owned(),
        )),
    }
}

fn province(text: &str) -> Result<String, ShapeError> {
    let two = match text.len() {
        2 => Some(text),
        6 => text.strip_suffix("0000"),
        _ => None,
    };
    let whole = two.and_then(|two| DivisionCode::parse(&format!("{two}0000")).ok());
    match (two, whole) {
        (Some(two), Some(_)) => Ok(two.to_owned()),
        _ => Err((
            "PROVINCE_SHAPE",
            "应为GB/T 2260省级代码前两位".to_owned(),
            "is the first two digits of a GB/T 2260 code".to_owned(),
        )),
    }
}

fn number(given: Option<f64>, least: f64, greatest: f64) -> Result<Value, ShapeError> {
    let number = given.ok_or_else(|| ("NOT_A_NUMBER", "应为数字".to_owned(), "is a number".to_owned()))?;
    if (least..=greatest).contains(&number) {
        return Ok(Value::Number(number));
    }
    Err((
        "OUT_OF_RANGE",
        format!("应在{least}与{greatest}之间"),
        format!("is between {least} and {greatest}"),
    ))
}

fn short_text(limit: usize, text: &str) -> Result<String, ShapeError> {
    match FreeText::parse(text, TextRule::line(limit)) {
        Ok(text) => Ok(text.into_string()),
        Err(error) if error.is_length() => Err((
            "TEXT_LENGTH",
            format!("应为1至{limit}个字符"),
            format!("has 1 to {limit} characters"),
        )),
        Err(error) => Err((error.reason(), error.zh(), error.to_string())),
    }
}
