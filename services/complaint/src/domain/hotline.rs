//! How a case came in, and who called.

use lutong_kernel::phone::Mobile;
use lutong_kernel::text::{FreeText, TextRule};
use lutong_kernel::{Secret, Timestamp, Violation};

use crate::fault;

/// Characters of a name.
const MAX_NAME: usize = 100;
/// Characters of a hotline's own number.
const MAX_NUMBER: usize = 40;

/// How a case came in, stored in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Intake {
    Menu,
    Anonymous,
    Counter,
    Hotline,
    /// An officer follows something up.
    Officer,
}

/// Who called, or stood at a counter. Either may be unknown.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    pub name: Option<Secret<String>>,
    pub mobile: Option<Mobile>,
}

/// How a complaint came in, and what staff who entered it know beyond what it is about.
#[derive(Debug, Clone)]
pub struct Entry {
    pub intake: Intake,
    pub hotline_number: Option<String>,
    /// The number under which the city's own hotline keeps it.
    pub city_number: Option<String>,
    /// Whether the caller has called about the same before, as the hotline says.
    pub is_repeat: bool,
    /// When they called, as the hotline says.
    pub called_at: Option<Timestamp>,
    pub caller: Option<Caller>,
    /// The caller asked that nobody learns who they are.
    pub is_secret: bool,
    /// The account of the member of staff who entered it.
    pub entered_by: Option<String>,
}

impl Entry {
    /// Of a complaint that nobody entered for another.
    pub const fn own(intake: Intake) -> Self {
        Self {
            intake,
            hotline_number: None,
            city_number: None,
            is_repeat: false,
            called_at: None,
            caller: None,
            is_secret: false,
            entered_by: None,
        }
    }
}

impl Caller {
    pub fn new(name: &str, mobile: &str) -> Result<Self, Vec<Violation>> {
        let name = FreeText::parse_optional(name, TextRule::line(MAX_NAME))
            .map_err(|error| error.violation("caller.name"));
        let mobile = (!mobile.trim().is_empty())
            .then(|| Mobile::parse(mobile))
            .transpose()
            .map_err(|error| fault::caller_mobile(&error));
        match (name, mobile) {
            (Ok(name), Ok(mobile)) => Ok(Self {
                name: name.map(|name| Secret::new(name.into_string())),
                mobile,
            }),
            (name, mobile) => Err(name.err().into_iter().chain(mobile.err()).collect()),
        }
    }
}

/// The number under which a city's own hotline keeps an order.
pub fn city_number(stated: &str) -> Result<Option<String>, Violation> {
    let number = FreeText::parse_optional(stated, TextRule::line(MAX_NUMBER));
    let number = number.map_err(|error| error.violation("city_number"))?;
    Ok(number.map(FreeText::into_string))
}

/// The hotline's own number: required of an agent, and of nobody else.
pub fn hotline_number(stated: &str, is_agent: bool) -> Result<Option<String>, Violation> {
    let number = FreeText::parse_optional(stated, TextRule::line(MAX_NUMBER))
        .map_err(|error| error.violation("hotline_number"))?;
    match (number, is_agent) {
        (Some(number), true) => Ok(Some(number.into_string())),
        (None, false) => Ok(None),
        (None, true) => Err(fault::hotline_number_missing()),
        (Some(_), false) => Err(fault::hotline_number_unexpected()),
    }
}
