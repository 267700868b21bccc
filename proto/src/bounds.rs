//! Checks of messages against the bounds that the contract states as field options (`lutong.policy.v1.field`). The
//! implementations of [`Bounded`] are generated (`generate/bounds.rs`); here is what they call.

use std::fmt;

use lutong_kernel::country::Country;
use lutong_kernel::fault::Violations;
use lutong_kernel::text::{FreeText, TextRule};
use lutong_kernel::{DivisionCode, Fault, LocalDay, SubjectId, Violation};

use crate::lutong::policy::v1::Format;

/// The generated implementations.
mod generated {
    // A choice whose members all have bounds needs no other arm; generated code is not held to the lints of written code.
    #![allow(unreachable_patterns, clippy::all)]

    use super::*;

    include!(concat!(env!("OUT_DIR"), "/bounds.rs"));
}

#[doc(hidden)]
pub use generated::check_encoded;

/// A message whose fields have bounds, or parts of which do.
pub trait Bounded {
    /// Notes everything that is out of bounds; `at` is where the message lies in the request.
    fn note(&self, at: &At<'_>, wrong: &mut Violations);

    /// `Ok` when everything is within bounds; else every violation.
    fn check(&self) -> Result<(), Fault> {
        let mut wrong = Violations::new();
        self.note(&At::Request, &mut wrong);
        wrong.finish()
    }
}

/// Where a field lies in a request. Written out only when something is wrong there.
#[derive(Debug, Clone, Copy)]
pub enum At<'a> {
    Request,
    Field(&'a At<'a>, &'static str),
    Item(&'a At<'a>, usize),
}

impl At<'_> {
    const fn field<'b>(&'b self, name: &'static str) -> At<'b> {
        At::Field(self, name)
    }

    const fn item(&self, index: usize) -> At<'_> {
        At::Item(self, index)
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request => Ok(()),
            Self::Field(Self::Request, name) => f.write_str(name),
            Self::Field(outer, name) => write!(f, "{outer}.{name}"),
            Self::Item(list, index) => write!(f, "{list}[{index}]"),
        }
    }
}

fn refuse(
    wrong: &mut Violations,
    at: At<'_>,
    reason: &'static str,
    zh: impl Into<String>,
    en: impl Into<String>,
) {
    wrong.push(Violation::new(at.to_string(), reason, zh, en));
}

fn missing(wrong: &mut Violations, at: At<'_>) {
    refuse(wrong, at, "MISSING", "必填", "is required");
}

/// Bounds of a text; `max_bytes` is 0 where there is none.
#[derive(Debug, Clone, Copy)]
struct Text {
    required: bool,
    min_chars: usize,
    max_chars: usize,
    max_bytes: usize,
    format: Format,
    collection: &'static str,
}

impl Text {
    fn note(&self, text: &str, at: At<'_>, wrong: &mut Violations) {
        // Blanks say nothing; whether they may surround something is the format's matter.
        if text.trim().is_empty() {
            if self.required {
                missing(wrong, at);
            } else if !text.is_empty() && self.format != Format::Unspecified {
                shape(self.format, text, at, wrong);
            }
            return;
        }
        if self.max_bytes > 0 && text.len() > self.max_bytes {
            let most = self.max_bytes;
            refuse(
                wrong,
                at,
                "TOO_LONG",
                format!("最多{most}字节"),
                format!("has at most {most} bytes"),
            );
            return;
        }
        // A text has no more characters than bytes: mostly nothing has to be counted.
        if self.max_chars > 0 && text.len() > self.max_chars && text.chars().count() > self.max_chars {
            let most = self.max_chars;
            refuse(
                wrong,
                at,
                "TOO_LONG",
                format!("最多{most}个字符"),
                format!("has at most {most} characters"),
            );
            return;
        }
        if self.min_chars > 0 && text.chars().count() < self.min_chars {
            let least = self.min_chars;
            refuse(
                wrong,
                at,
                "TOO_SHORT",
                format!("至少{least}个字符"),
                format!("has at least {least} characters"),
            );
            return;
        }
        if !self.collection.is_empty() {
            return name(self.collection, text, at, wrong);
        }
        match self.format {
            Format::Text => free_text(text, TextRule::lines(self.most_chars()), at, wrong),
            Format::Line => free_text(text, TextRule::line(self.most_chars()), at, wrong),
            format => shape(format, text, at, wrong),
        }
    }

    const fn most_chars(&self) -> usize {
        if self.max_chars > 0 {
            self.max_chars
        } else {
            usize::MAX
        }
    }
}

fn free_text(text: &str, rule: TextRule, at: At<'_>, wrong: &mut Violations) {
    if let Err(error) = FreeText::parse(text, rule) {
        wrong.push(error.violation(at.to_string()));
    }
}

fn name(collection: &str, text: &str, at: At<'_>, wrong: &mut Violations) {
    let id = text
        .strip_prefix(collection)
        .and_then(|rest| rest.strip_prefix('/'));
    if id.is_none_or(|id| id.is_empty() || id.contains('/')) {
        refuse(
            wrong,
            at,
            "NAME_SHAPE",
            format!("名称应为{collection}/编号"),
            format!("is `{collection}/{{id}}`"),
        );
    }
}

fn shape(format: Format, text: &str, at: At<'_>, wrong: &mut Violations) {
    let mut unless = |is_right: bool, reason, zh: &str, en: &str| {
        if !is_right {
            refuse(wrong, at, reason, zh, en);
        }
    };
    match format {
        // Free text is checked with its bound.
        Format::Unspecified | Format::Text | Format::Line => {}
        Format::Uuid => unless(
            text.parse::<SubjectId>().is_ok(),
            "UUID_SHAPE",
            "应为小写UUID",
            "is a UUID in lower-case hyphenated form",
        ),
        Format::Division => unless(
            DivisionCode::parse(text).is_ok(),
            "DIVISION_SHAPE",
            "应为六位行政区划代码或九位街道代码",
            "is a division code of six digits, or a street code of nine",
        ),
        Format::Date => unless(
            LocalDay::parse(text).is_ok(),
            "DATE_SHAPE",
            "应为YYYY-MM-DD的日期",
            "is a day, YYYY-MM-DD",
        ),
        Format::Country => unless(
            Country::parse(text).is_ok(),
            "COUNTRY_UNKNOWN",
            "应为GB/T 2659三字母国家和地区代码",
            "is a GB/T 2659 alpha-3 code such as CHN or USA",
        ),
        Format::Identifier => unless(
            is_identifier(text),
            "IDENTIFIER_SHAPE",
            "应为小写字母、数字和连字符，以字母开头",
            "has lower-case letters, digits and single hyphens, and begins with a letter",
        ),
    }
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.split('-').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

fn bytes(length: usize, required: bool, most: usize, at: At<'_>, wrong: &mut Violations) {
    if length == 0 && required {
        missing(wrong, at);
    } else if most > 0 && length > most {
        refuse(
            wrong,
            at,
            "TOO_LONG",
            format!("最多{most}字节"),
            format!("has at most {most} bytes"),
        );
    }
}

fn items(count: usize, least: usize, most: usize, at: At<'_>, wrong: &mut Violations) {
    if count < least {
        if count == 0 && least == 1 {
            missing(wrong, at);
        } else {
            refuse(
                wrong,
                at,
                "TOO_FEW",
                format!("至少{least}项"),
                format!("has at least {least} items"),
            );
        }
    } else if most > 0 && count > most {
        refuse(
            wrong,
            at,
            "TOO_MANY",
            format!("最多{most}项"),
            format!("has at most {most} items"),
        );
    }
}

fn number(value: f64, least: Option<f64>, greatest: Option<f64>, at: At<'_>, wrong: &mut Violations) {
    let is_in_range =
        least.is_none_or(|least| value >= least) && greatest.is_none_or(|greatest| value <= greatest);
    if !is_in_range || value.is_nan() {
        let span = match (least, greatest) {
            (Some(least), Some(greatest)) => (
                format!("应在{least}与{greatest}之间"),
                format!("is between {least} and {greatest}"),
            ),
            (Some(least), None) => (format!("不小于{least}"), format!("is at least {least}")),
            (None, Some(greatest)) => (format!("不大于{greatest}"), format!("is at most {greatest}")),
            (None, None) => ("应为数".to_owned(), "is a number".to_owned()),
        };
        refuse(wrong, at, "OUT_OF_RANGE", span.0, span.1);
    }
}

/// `known` is whether the number is one of the enum's.
fn choice(value: i32, known: bool, required: bool, at: At<'_>, wrong: &mut Violations) {
    if !known {
        refuse(
            wrong,
            at,
            "UNKNOWN_VALUE",
            format!("未知取值{value}"),
            format!("{value} is none of the values that this version knows"),
        );
    } else if value == 0 && required {
        missing(wrong, at);
    }
}

/// An instant that a clock can show: of the years 1 to 9999, with nanoseconds below a second.
fn instant(at_time: &prost_types::Timestamp, at: At<'_>, wrong: &mut Violations) {
    const YEAR_ONE: i64 = -62_135_596_800;
    const YEAR_9999_ENDS: i64 = 253_402_300_800;
    let is_instant =
        (YEAR_ONE..YEAR_9999_ENDS).contains(&at_time.seconds) && (0..1_000_000_000).contains(&at_time.nanos);
    if !is_instant {
        refuse(
            wrong,
            at,
            "TIME_SHAPE",
            "时间无效",
            "is no instant of the years 1 to 9999",
        );
    }
}

#[cfg(test)]
mod tests;
