//! Reading attributes from JSON: all that is wrong is named at once.

use lutong_kernel::country::Country;
use lutong_kernel::{DivisionCode, FreeText, TextError, TextRule, Timestamp, Violation};
use serde_json::{Map, Value as Json};

use super::{Attribute, Attributes, Shape, Value};
use crate::domain::fact::FactKind;

/// Characters of a community's name.
const MAX_COMMUNITY: usize = 200;

/// Why a value is not of its attribute's shape: reason, Chinese, English.
type Wrong = (&'static str, String, String);

impl Attributes {
    /// Reads the attributes of a fact; fields are named `attributes.<name>`.
    pub fn parse(kind: FactKind, given: &Map<String, Json>) -> Result<Self, Vec<Violation>> {
        let mut wrong = Vec::new();
        for name in given.keys() {
            if kind.index_of(name).is_none() {
                wrong.push(unknown(kind, name));
            }
        }
        let mut values = Vec::with_capacity(kind.attributes().len());
        for attribute in kind.attributes() {
            match read(attribute, given.get(attribute.name)) {
                Ok(value) => values.push(value),
                Err((reason, zh, en)) => {
                    values.push(None);
                    wrong.push(Violation::new(field(attribute.name), reason, zh, en));
                }
            }
        }
        let this = Self { kind, values };
        wrong.extend(this.contradictions());
        if wrong.is_empty() { Ok(this) } else { Err(wrong) }
    }

    fn contradictions(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        for (from, until) in self.kind.intervals() {
            if let (Some(start), Some(end)) = (self.instant(from), self.instant(until))
                && end < start
            {
                wrong.push(Violation::new(
                    field(until),
                    "END_BEFORE_START",
                    format!("不得早于{from}"),
                    format!("lies before {from}"),
                ));
            }
        }
        if self.kind == FactKind::Case && self.get("closure").is_some() && self.get("closed_at").is_none() {
            wrong.push(Violation::new(
                field("closed_at"),
                "CLOSED_AT_MISSING",
                "填写结案方式时须填写结案时间",
                "a closure needs closed_at",
            ));
        }
        wrong
    }
}

fn field(name: &str) -> String {
    format!("attributes.{name}")
}

fn unknown(kind: FactKind, name: &str) -> Violation {
    let known: Vec<_> = kind.attributes().iter().map(|attribute| attribute.name).collect();
    let name: String = name.chars().take(40).collect();
    Violation::new(
        field(&name),
        "ATTRIBUTE_UNKNOWN",
        format!("{kind}没有该属性，可用：{}", known.join("、")),
        format!("{kind} has no such attribute, only {}", known.join(", ")),
    )
}

fn read(attribute: &Attribute, given: Option<&Json>) -> Result<Option<Value>, Wrong> {
    match given {
        None | Some(Json::Null) if attribute.required => {
            Err(("ATTRIBUTE_MISSING", "必填".to_owned(), "is required".to_owned()))
        }
        None | Some(Json::Null) => Ok(None),
        Some(given) => of_shape(attribute.shape, given).map(Some),
    }
}

fn of_shape(shape: Shape, given: &Json) -> Result<Value, Wrong> {
    match shape {
        Shape::Instant => instant(text(given)?).map(Value::Instant),
        Shape::Word(words) => word(words, text(given)?).map(Value::Word),
        Shape::Words(words) => some_words(words, given).map(Value::Words),
        Shape::Division => division(text(given)?).map(Value::Division),
        Shape::Community => parse_text_community(text(given)?).map(Value::Text),
        Shape::CountryAbroad => country_abroad(text(given)?).map(Value::Text),
        Shape::Province => province(text(given)?).map(Value::Text),
        Shape::Temperature => temperature(given).map(Value::Number),
        Shape::Text(limit) => short_text(limit, text(given)?).map(Value::Text),
    }
}

fn text(given: &Json) -> Result<&str, Wrong> {
    given
        .as_str()
        .ok_or_else(|| ("NOT_TEXT", "应为文本".to_owned(), "is to be text".to_owned()))
}

fn instant(text: &str) -> Result<Timestamp, Wrong> {
    Timestamp::parse(text).map_err(|error| {
        (
            "INSTANT_SHAPE",
            "时间应为带时区的RFC 3339，例如2022-03-01T18:00:00+08:00".to_owned(),
            error.to_string(),
        )
    })
}

fn word(words: &'static [&'static str], text: &str) -> Result<&'static str, Wrong> {
    words.iter().copied().find(|word| *word == text).ok_or_else(|| {
        (
            "WORD_UNKNOWN",
            format!("应为以下之一：{}", words.join("、")),
            format!("is one of {}", words.join(", ")),
        )
    })
}

fn some_words(words: &'static [&'static str], given: &Json) -> Result<Vec<&'static str>, Wrong> {
    let list = given
        .as_array()
        .ok_or_else(|| ("NOT_A_LIST", "应为列表".to_owned(), "is to be a list".to_owned()))?;
    let mut named = Vec::with_capacity(list.len().min(words.len()));
    for one in list {
        named.push(word(words, text(one)?)?);
    }
    Ok(words
        .iter()
        .copied()
        .filter(|word| named.contains(word))
        .collect())
}

fn division(text: &str) -> Result<DivisionCode, Wrong> {
    DivisionCode::parse(text).map_err(|error| {
        (
            "DIVISION_SHAPE",
            "行政区划代码应为6位（街道为9位）数字".to_owned(),
            error.to_string(),
        )
    })
}

/// A community's name in the one form in which it is compared.
pub fn parse_text_community(text: &str) -> Result<String, Wrong> {
    match FreeText::parse(text, TextRule::line(MAX_COMMUNITY)) {
        Ok(name) => Ok(name.into_string()),
        Err(error) if error.is_length() || error == TextError::Control => Err((
            "COMMUNITY_SHAPE",
            "小区名称应为1至200个字符；不确定时请省略".to_owned(),
            "a community has 1 to 200 characters; leave it out when unknown".to_owned(),
        )),
        Err(error) => Err((error.reason(), error.zh(), error.to_string())),
    }
}

fn country_abroad(text: &str) -> Result<String, Wrong> {
    match Country::parse(text) {
        Ok(country) if country != Country::CHINA => Ok(country.as_str().to_owned()),
        _ => Err((
            "COUNTRY_NOT_ABROAD",
            "应为GB/T 2659三位字母代码，且不为CHN".to_owned(),
            "is a GB/T 2659 alpha-3 code other than CHN".to_owned(),
        )),
    }
}

fn province(text: &str) -> Result<String, Wrong> {
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

fn temperature(given: &Json) -> Result<f64, Wrong> {
    given
        .as_f64()
        .filter(|degrees| (30.0..=45.0).contains(degrees))
        .ok_or_else(|| {
            (
                "TEMPERATURE_RANGE",
                "体温应为30至45℃的数字".to_owned(),
                "is a number of degrees Celsius from 30 to 45".to_owned(),
            )
        })
}

fn short_text(limit: usize, text: &str) -> Result<String, Wrong> {
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
